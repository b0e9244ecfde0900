//! The example that every release must run, against any system.

use postbreeze_proto::{
    status::{Reason, reason_of},
    v1::{
        AcceptInvitationRequest, AddSandboxCommentRequest, CreatePostRequest, GetCommentRequest,
        GetMediaRequest, GetPostRequest, GetSocialAccountRequest, GetWorkspaceRequest,
        InviteMemberRequest, ListCommentsRequest, ListMediaRequest, ListPostsRequest,
        ListSocialAccountsRequest, Post, PostStatus, RefreshCommentsRequest, RemoveMemberRequest,
        Role, SocialAccount,
    },
};
use postbreeze_testkit::{Client, Front, User, draft, until_that, web::PNG};

/// One key drives many workspaces: plays every step, in the order of the contract.
///
/// # Panics
/// Where the system does otherwise.
#[expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]
pub async fn play(system: &Front) {
    let owner = system.sign_up("owner").await;
    let (_, full) = owner.full_key().await.unwrap();
    let acme = full.create_workspace("Acme").await.unwrap();
    let globex = full.create_workspace("Globex").await.unwrap();
    let acme_account = full.connect(&acme.id, "acme").await.unwrap();
    let globex_account = full.connect(&globex.id, "globex").await.unwrap();

    // (1) Both accounts, newest first, each with its workspace.
    let listed = full.accounts().list_social_accounts(ListSocialAccountsRequest::default()).await;
    let rows: Vec<_> = listed
        .unwrap()
        .into_inner()
        .accounts
        .into_iter()
        .map(|account| (account.id, account.workspace_id))
        .collect();
    let mut both = vec![
        (globex_account.id.clone(), globex.id.clone()),
        (acme_account.id.clone(), acme.id.clone()),
    ];
    both.sort_by(|a, b| b.0.cmp(&a.0));
    assert_eq!(rows, both);

    // (2) Each post lands in its account's workspace, unasked.
    let acme_post = full.create_post(draft("Acme launch", &acme_account.id)).await.unwrap();
    let globex_post = full.create_post(draft("Globex launch", &globex_account.id)).await.unwrap();
    assert_eq!(acme_post.workspace_id, acme.id);
    assert_eq!(globex_post.workspace_id, globex.id);

    // (3) One workspace's accounts alone.
    let request = ListSocialAccountsRequest { workspace_id: acme.id.clone(), ..Default::default() };
    let listed = full.accounts().list_social_accounts(request).await.unwrap().into_inner();
    assert_eq!(
        listed.accounts.iter().map(|account| &account.id).collect::<Vec<_>>(),
        [&acme_account.id]
    );

    // (4) Both posts merged, newest first.
    let listed = full.posts().list_posts(ListPostsRequest::default()).await.unwrap().into_inner();
    let mut ids = vec![acme_post.id.clone(), globex_post.id.clone()];
    ids.sort_by(|a, b| b.cmp(a));
    assert_eq!(listed.posts.iter().map(|post| post.id.clone()).collect::<Vec<_>>(), ids);
    assert!(listed.next_page_token.is_empty() && listed.unreachable.is_empty());

    // (5) A key scoped to Acme reads Acme's post and nothing of Globex.
    let (_, scoped) = owner.scoped_key(&[&acme.id]).await.unwrap();
    let get = |id: &str| GetPostRequest { post_id: id.to_owned(), ..Default::default() };
    scoped.posts().get_post(get(&acme_post.id)).await.unwrap();
    let refused = scoped.posts().get_post(get(&globex_post.id)).await.unwrap_err();
    assert_eq!(reason_of(&refused), Some(Reason::WorkspaceOutOfReach));
    let request =
        GetSocialAccountRequest { account_id: globex_account.id.clone(), ..Default::default() };
    let refused = scoped.accounts().get_social_account(request).await.unwrap_err();
    assert_eq!(reason_of(&refused), Some(Reason::WorkspaceOutOfReach));
    let comment = commented(&full, &globex_account).await;
    let request = GetCommentRequest { comment_id: comment.clone(), ..Default::default() };
    full.comments().get_comment(request.clone()).await.unwrap();
    let refused = scoped.comments().get_comment(request).await.unwrap_err();
    assert_eq!(reason_of(&refused), Some(Reason::WorkspaceOutOfReach));
    let picture = full.upload(&globex.id, "globex.png", "image/png", PNG).await.unwrap();
    let request = GetMediaRequest { media_id: picture.id.clone(), ..Default::default() };
    full.media().get_media(request.clone()).await.unwrap();
    let refused = scoped.media().get_media(request).await.unwrap_err();
    assert_eq!(reason_of(&refused), Some(Reason::WorkspaceOutOfReach));
    // Nor do its lists show anything of Globex, whoever asks for it.
    let request = ListCommentsRequest { workspace_id: globex.id.clone(), ..Default::default() };
    let refused = scoped.comments().list_comments(request).await.unwrap_err();
    assert_eq!(reason_of(&refused), Some(Reason::WorkspaceOutOfReach));
    let request = ListMediaRequest { workspace_id: globex.id, ..Default::default() };
    let refused = scoped.media().list_media(request).await.unwrap_err();
    assert_eq!(reason_of(&refused), Some(Reason::WorkspaceOutOfReach));

    joins_later(system, &owner, &full, &scoped).await;
}

/// (6) Joined later: the full key reaches it on the next call, the scoped key does not.
#[expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]
async fn joins_later(system: &Front, owner: &User, full: &Client, scoped: &Client) {
    let other = system.sign_up("other").await;
    let third = other.session.create_workspace("Third").await.unwrap();
    let invited = other
        .session
        .members()
        .invite_member(InviteMemberRequest {
            workspace_id: third.id.clone(),
            email: "owner@example.com".to_owned(),
            role: Role::Editor.into(),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();
    let request = AcceptInvitationRequest {
        invitation_token: invited.invitation_token,
        ..Default::default()
    };
    owner.session.members().accept_invitation(request).await.unwrap();
    let read = GetWorkspaceRequest { workspace_id: third.id.clone() };
    let joined = full.workspaces().get_workspace(read.clone()).await.unwrap().into_inner();
    let joined = joined.workspace.unwrap();
    assert!(joined.joined && joined.role() == Role::Editor);
    let refused = scoped.workspaces().get_workspace(read.clone()).await.unwrap_err();
    assert_eq!(reason_of(&refused), Some(Reason::WorkspaceOutOfReach));

    // Removed again: the next call is refused.
    let request = RemoveMemberRequest { workspace_id: third.id, user_id: owner.id().to_owned() };
    other.session.members().remove_member(request).await.unwrap();
    let refused = full.workspaces().get_workspace(read).await.unwrap_err();
    assert_eq!(reason_of(&refused), Some(Reason::WorkspaceOutOfReach));
}

/// Publishes a post, lets somebody comment on it, and fetches the comment. Answers its id.
#[expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]
async fn commented(client: &Client, account: &SocialAccount) -> String {
    let request = CreatePostRequest { publish_now: true, ..draft("Out it goes", &account.id) };
    let post_id = client.create_post(request).await.unwrap().id;
    let get = async || {
        let request = GetPostRequest { post_id: post_id.clone(), ..Default::default() };
        client.posts().get_post(request).await.unwrap().into_inner().post.unwrap()
    };
    let is_out = |post: &Post| post.status() == PostStatus::Published;
    let post = until_that("the post is published", get, is_out).await;
    let request = AddSandboxCommentRequest {
        account_id: account.id.clone(),
        external_post_id: post.targets[0].external_post_id.clone(),
        author_handle: "ann".to_owned(),
        body: "nice".to_owned(),
    };
    client.sandbox().add_sandbox_comment(request).await.unwrap();
    let workspace_id = account.workspace_id.clone();
    let request =
        RefreshCommentsRequest { workspace_id: workspace_id.clone(), ..Default::default() };
    client.comments().refresh_comments(request).await.unwrap();
    let request = ListCommentsRequest { workspace_id, ..Default::default() };
    let listed = client.comments().list_comments(request).await.unwrap().into_inner();
    let [comment] = &listed.comments[..] else { panic!("not one comment: {listed:?}") };
    comment.id.clone()
}
