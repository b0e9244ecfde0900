//! Media that posts show: which may be named, where they are shown, and what their descriptions are.

use postbreeze_ids::MediaId;
use postbreeze_proto::{
    status::Reason,
    v1::{
        CreatePostRequest, MediaItemInput, MediaKind, Platform, Post, PostMedia, PostTargetInput,
        UpdateMediaRequest, UpdatePostRequest, ValidatePostRequest,
    },
};
use prost_types::FieldMask;
use tonic::Status;

use crate::support::{
    Client, System, Team, add_account, add_image, add_media, await_upload, delete_media, draft,
    get, invalid_fields, library, list, metadata, refused, scheduled, target, update_post,
    workspace_of,
};

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// A draft that shows media, and others on its only target.
fn showing(team: &Team, of_post: &[&str], of_target: &[&str]) -> CreatePostRequest {
    CreatePostRequest {
        media_ids: ids(of_post),
        platforms: vec![PostTargetInput { media_ids: ids(of_target), ..target(&team.account.id) }],
        ..draft("x", &team.account.id)
    }
}

/// The same in the place of what a post shows.
fn replacing(team: &Team, post: &Post, of_post: &[&str], of_target: &[&str]) -> UpdatePostRequest {
    let request = showing(team, of_post, of_target);
    UpdatePostRequest {
        post_id: post.id.clone(),
        platforms: request.platforms,
        media_ids: request.media_ids,
        ..Default::default()
    }
}

/// What creating and updating a post are answered that names these media.
async fn name(
    client: &Client,
    team: &Team,
    post: &Post,
    of_post: &[&str],
    of_target: &[&str],
) -> [Result<Post, Status>; 2] {
    [
        client.create_post(showing(team, of_post, of_target)).await,
        update_post(client, replacing(team, post, of_post, of_target)).await,
    ]
}

fn shown(post: &Post) -> Vec<(&str, &str)> {
    post.media.iter().map(|one| (one.media_id.as_str(), one.alt_text.as_str())).collect()
}

#[tokio::test]
async fn a_post_shows_its_media_in_order_with_the_descriptions_they_had() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.editor.session;
    let [first, second, own] = [
        add_media(&system, &team.workspace.id, MediaKind::Image, "a cat 🐈").await,
        add_media(&system, &team.workspace.id, MediaKind::Video, "").await,
        add_media(&system, &team.workspace.id, MediaKind::Image, "a dog").await,
    ];
    let second_account = add_account(&system, &team.account, Platform::X).await;
    let mut request = showing(&team, &[&second, &first], &[&own, &second]);
    request.platforms.push(target(&second_account));
    let post = client.create_post(request).await.unwrap();
    assert_eq!(shown(&post), [(second.as_str(), ""), (first.as_str(), "a cat 🐈")]);
    assert_eq!(post.targets[0].media_ids, ids(&[&own, &second]));
    assert_eq!(post.targets[1].media_ids, [""; 0]);

    let request = UpdateMediaRequest {
        media_id: first.clone(),
        alt_text: "another cat".to_owned(),
        ..Default::default()
    };
    library(client).update_media(request).await.unwrap();
    assert_eq!(get(client, &post.id).await.unwrap(), post);
    assert_eq!(list(client).await, std::slice::from_ref(&post));

    let request = UpdatePostRequest {
        post_id: post.id.clone(),
        media_ids: ids(&[&first]),
        ..Default::default()
    };
    let updated = update_post(client, request).await.unwrap();
    assert_eq!(shown(&updated), [(first.as_str(), "another cat")]);
    assert_eq!(updated.targets, post.targets);
    assert_eq!(get(client, &post.id).await.unwrap(), updated);
}

#[tokio::test]
async fn update_post_replaces_the_media_of_the_post_and_of_targets_apart() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let [first, second] = [
        add_image(&system, &team.workspace.id).await,
        add_image(&system, &team.workspace.id).await,
    ];
    let post = client.create_post(showing(&team, &[&first], &[&second])).await.unwrap();
    let targets = update_post(client, replacing(&team, &post, &[], &[&first])).await.unwrap();
    assert_eq!(targets.media, [PostMedia { media_id: first.clone(), ..Default::default() }]);
    assert_eq!(targets.targets[0].media_ids, ids(&[&first]));
    let request = UpdatePostRequest {
        post_id: post.id.clone(),
        update_mask: Some(FieldMask { paths: ids(&["media_ids"]) }),
        ..Default::default()
    };
    let none = update_post(client, request).await.unwrap();
    assert_eq!(none.media, []);
    assert_eq!(none.targets, targets.targets);
    let plain = update_post(client, replacing(&team, &post, &[&second], &[])).await.unwrap();
    assert_eq!(plain.targets[0].media_ids, [""; 0]);
    assert_eq!(get(client, &post.id).await.unwrap(), plain);
}

#[tokio::test]
async fn media_that_are_not_there_are_not_found_before_anything_about_reach_and_role() {
    let system = System::start().await;
    let team = system.team().await;
    let stranger = system.sign_up("stranger").await;
    let (elsewhere, _) = workspace_of(&stranger, "initech").await;
    let foreign = add_image(&system, &elsewhere.id).await;
    let gone = add_image(&system, &team.workspace.id).await;
    delete_media(&team.owner.session, &gone).await.unwrap();
    let unknown = "med_01jzzzzzzzfzzr0000000000zz";
    let post = team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    for client in [&team.owner.session, &team.reviewer.session, &stranger.session] {
        for (of_post, of_target, first) in [
            ([&foreign, unknown], &[gone.as_str()][..], unknown),
            ([&foreign, gone.as_str()], &[unknown], &gone),
        ] {
            for answer in name(client, &team, &post, &of_post, of_target).await {
                let status = refused(answer, Reason::ResourceNotFound);
                assert_eq!(metadata(&status, "resource").as_deref(), Some("media"));
                assert_eq!(metadata(&status, "id").as_deref(), Some(first));
            }
        }
    }
    for client in [&team.owner.session, &team.reviewer.session] {
        for (of_post, of_target) in [(&[foreign.as_str()][..], &[][..]), (&[], &[foreign.as_str()])]
        {
            for answer in name(client, &team, &post, of_post, of_target).await {
                refused(answer, Reason::WorkspaceOutOfReach);
            }
        }
    }
    assert_eq!(list(&team.owner.session).await, [post]);
}

#[tokio::test]
async fn media_of_another_workspace_or_not_ready_are_named_each_by_its_field() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (globex, _) = workspace_of(&team.owner, "globex").await;
    let good = add_image(&system, &team.workspace.id).await;
    let other = add_image(&system, &globex.id).await;
    let awaited = add_image(&system, &team.workspace.id).await;
    await_upload(&system, &awaited).await;
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    for answer in name(client, &team, &post, &[&good, &other], &[&awaited, &good, &other]).await {
        assert_eq!(
            invalid_fields(answer),
            ["media_ids[1]", "platforms[0].media_ids[0]", "platforms[0].media_ids[2]"]
        );
    }
    for answer in name(client, &team, &post, &[&good, "x", &good], &[&good, &good]).await {
        assert_eq!(
            invalid_fields(answer),
            ["media_ids[1]", "media_ids[2]", "platforms[0].media_ids[1]"]
        );
    }
    // One medium in two places is shown in both.
    for answer in name(client, &team, &post, &[&good], &[&good]).await {
        let post = answer.unwrap();
        assert_eq!(shown(&post), [(good.as_str(), "")]);
        assert_eq!(post.targets[0].media_ids, ids(&[&good]));
    }
}

#[tokio::test]
async fn lists_of_media_have_their_limits() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let mut many = Vec::new();
    for _ in 0..36 {
        many.push(add_image(&system, &team.workspace.id).await);
    }
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    for answer in name(client, &team, &post, &many[..20], &many[..35]).await {
        let post = answer.unwrap();
        assert_eq!((post.media.len(), post.targets[0].media_ids.len()), (20, 35));
    }
    for answer in name(client, &team, &post, &many[..21], &many[..36]).await {
        assert_eq!(invalid_fields(answer), ["media_ids", "platforms[0].media_ids"]);
    }
}

#[tokio::test]
async fn what_shows_media_needs_no_text() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let second = add_account(&system, &team.account, Platform::X).await;
    let image = add_image(&system, &team.workspace.id).await;
    let silent = |of_post: &[&str], of_targets: [&[&str]; 2]| {
        let input = |(account, media): (&str, &[&str])| PostTargetInput {
            caption_override: Some(String::new()),
            media_ids: ids(media),
            ..target(account)
        };
        let platforms = [team.account.id.as_str(), &second].into_iter().zip(of_targets);
        CreatePostRequest {
            media_ids: ids(of_post),
            platforms: platforms.map(input).collect(),
            ..scheduled(&system, "", &team.account.id)
        }
    };
    client.create_post(silent(&[&image], [&[], &[]])).await.unwrap();
    client.create_post(silent(&[], [&[&image], &[&image]])).await.unwrap();
    let answer = client.create_post(silent(&[], [&[&image], &[]])).await;
    assert_eq!(invalid_fields(answer), ["content", "platforms[1].caption_override"]);

    let post = client.create_post(silent(&[&image], [&[], &[]])).await.unwrap();
    let request = UpdatePostRequest {
        post_id: post.id.clone(),
        update_mask: Some(FieldMask { paths: ids(&["media_ids"]) }),
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(update_post(client, request).await),
        ["content", "platforms[0].caption_override", "platforms[1].caption_override"]
    );
    assert_eq!(get(client, &post.id).await.unwrap(), post);
}

#[tokio::test]
async fn validate_post_tells_of_every_medium_that_cannot_be_shown() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let stranger = system.sign_up("stranger").await;
    let (elsewhere, _) = workspace_of(&stranger, "initech").await;
    let (globex, _) = workspace_of(&team.owner, "globex").await;
    let foreign = add_image(&system, &elsewhere.id).await;
    let other = add_image(&system, &globex.id).await;
    let good = add_image(&system, &team.workspace.id).await;
    let awaited = add_image(&system, &team.workspace.id).await;
    await_upload(&system, &awaited).await;
    let unknown = "med_01jzzzzzzzfzzr0000000000zz";
    let CreatePostRequest { platforms, media_ids, .. } =
        showing(&team, &[&good, &foreign, &other], &[&awaited, unknown, "x", &good, &good]);
    let request = ValidatePostRequest {
        platforms,
        media_ids,
        media_items: vec![MediaItemInput {
            url: "ftp://example.com".to_owned(),
            ..Default::default()
        }],
        publish_now: true,
        ..Default::default()
    };
    let answer = client.posts().validate_post(request).await.unwrap().into_inner();
    let mut found: Vec<_> =
        answer.violations.iter().map(|found| (found.field.as_str(), found.reason())).collect();
    found.sort_by_key(|(field, _)| *field);
    assert_eq!(
        found,
        [
            ("media_ids[1]", Reason::WorkspaceOutOfReach),
            ("media_ids[2]", Reason::FieldInvalid),
            ("media_items[0].url", Reason::FieldInvalid),
            ("platforms[0].media_ids[0]", Reason::FieldInvalid),
            ("platforms[0].media_ids[1]", Reason::ResourceNotFound),
            ("platforms[0].media_ids[2]", Reason::FieldInvalid),
            ("platforms[0].media_ids[4]", Reason::FieldInvalid),
        ]
    );
}

#[tokio::test]
async fn posts_with_many_media_fill_no_page_beyond_what_a_message_may_have() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let alt_text = "🐈".repeat(1_000);
    let image = add_media(&system, &team.workspace.id, MediaKind::Image, &alt_text).await;
    let post = client.create_post(showing(&team, &[&image], &[&image])).await.unwrap();
    let id: MediaId = image.parse().unwrap();
    let mut wanted = vec![post.id];
    for _ in 0..59 {
        wanted.push(client.create_post(draft("x", &team.account.id)).await.unwrap().id);
    }
    // As many as a post and a target may have.
    sqlx::query(
        "UPDATE posts SET media_ids = array_fill($1::UUID, ARRAY[30]), alt_texts = array_fill($2::TEXT, ARRAY[30])",
    )
    .bind(id.uuid())
    .bind(&alt_text)
    .execute(system.pool("posts"))
    .await
    .unwrap();
    let (mut seen, mut pages) = (Vec::new(), 0);
    let mut request = postbreeze_proto::v1::ListPostsRequest::default();
    loop {
        let page = client.posts().list_posts(request.clone()).await.unwrap().into_inner();
        let bytes = prost::Message::encoded_len(&page);
        assert!(bytes < 3 * 1_024 * 1_024, "{bytes}");
        seen.extend(page.posts.into_iter().map(|post| post.id));
        pages += 1;
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    wanted.reverse();
    assert_eq!(seen, wanted);
    assert!(pages > 2, "{pages}");
}
