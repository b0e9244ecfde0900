use postbreeze_proto::{
    internal::v1::{
        FetchCommentsRequest, FetchedComment, SendFailure,
        fetch_comments_response::Result as Fetched,
    },
    time::to_proto,
    v1::{AddSandboxCommentRequest, SandboxCallKind},
};

use crate::support::{
    Client, System, as_posts, calls, commands, comment, invalid_fields, network, post, publish,
    publish_comment, sent, set_status, with_account,
};

async fn fetch(
    system: &System,
    account_id: &str,
    external_post_id: &str,
) -> Result<Vec<FetchedComment>, SendFailure> {
    let request = FetchCommentsRequest {
        account_id: account_id.to_owned(),
        external_post_id: external_post_id.to_owned(),
    };
    let answer = network(system).fetch_comments(as_posts(system, request)).await.unwrap();
    match answer.into_inner().result.unwrap() {
        Fetched::Comments(fetched) => Ok(fetched.comments),
        Fetched::Failed(failure) => Err(failure),
    }
}

async fn write(client: &Client, account_id: &str, post_id: &str, body: &str) -> String {
    let request = AddSandboxCommentRequest {
        account_id: account_id.to_owned(),
        external_post_id: post_id.to_owned(),
        author_handle: "bob".to_owned(),
        body: body.to_owned(),
    };
    let added = commands(client).add_sandbox_comment(request).await.unwrap();
    added.into_inner().external_comment_id
}

#[tokio::test]
async fn what_others_wrote_under_a_post_is_fetched_newest_first_and_ones_own_is_not() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let [one, other] = [
        sent(publish(&system, post(&system, &account.id, "a", "one")).await).external_id,
        sent(publish(&system, post(&system, &account.id, "b", "other")).await).external_id,
    ];
    sent(publish_comment(&system, comment(&system, &account.id, "own", &one)).await);
    let first = write(&owner.session, &account.id, &one, "first").await;
    let second = write(&owner.session, &account.id, &one, "Zwëi 🦀").await;
    write(&owner.session, &account.id, &other, "elsewhere").await;
    let fetched = fetch(&system, &account.id, &one).await.unwrap();
    let told: Vec<_> = fetched.iter().map(|c| (c.external_id.as_str(), c.body.as_str())).collect();
    assert_eq!(told, [(second.as_str(), "Zwëi 🦀"), (first.as_str(), "first")]);
    assert_eq!(fetched[0].author_handle, "bob");
    assert_eq!(fetched[0].network_time, Some(to_proto(system.clock.now())));
    let seen = calls(&owner.session, &account.id).await;
    assert_eq!(seen.last().unwrap().kind(), SandboxCallKind::FetchComments);
    assert_eq!(fetch(&system, &account.id, "nonsense").await, Ok(Vec::new()));
}

#[tokio::test]
async fn an_account_without_a_token_cannot_be_asked_and_bad_fields_are_named() {
    let system = System::start().await;
    let (_, account) = with_account(&system).await;
    set_status(&system, "token_expired").await;
    let failure = fetch(&system, &account.id, "post").await.unwrap_err();
    assert_eq!((failure.transient, failure.code.as_str()), (false, "token_expired"));
    let bad = as_posts(&system, FetchCommentsRequest::default());
    let answer = network(&system).fetch_comments(bad).await;
    assert_eq!(invalid_fields(answer), ["account_id", "external_post_id"]);
}
