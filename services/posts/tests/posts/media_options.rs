//! What networks ask of the media that a target shows.

use InstagramPlacement::{Feed, Reel, Story};
use postbreeze_proto::v1::{
    CreatePostRequest, FacebookOptions, InstagramOptions, InstagramPlacement, MediaItemInput,
    MediaKind, Platform, PlatformOptions, PostTargetInput, UpdatePostRequest, ValidatePostRequest,
    platform_options::Network,
};
use tonic::Status;

use crate::support::{
    Client, System, add_account, add_media, draft, get, invalid_fields, schedule, scheduled,
    target, update_post,
};

const PLACEMENT: &str = "platforms[0].options.instagram.placement";
const LINK: &str = "platforms[0].options.facebook.link";

fn with(account_id: &str, network: Network, own: &[&str]) -> PostTargetInput {
    PostTargetInput {
        options: Some(PlatformOptions { network: Some(network) }),
        media_ids: own.iter().map(|id| (*id).to_owned()).collect(),
        ..target(account_id)
    }
}

fn instagram(placement: InstagramPlacement) -> Network {
    Network::Instagram(InstagramOptions { placement: placement.into(), ..Default::default() })
}

/// What validating finds, which must be what creating refuses.
async fn faults(client: &Client, request: CreatePostRequest) -> Vec<String> {
    let asked = ValidatePostRequest {
        content: request.content.clone(),
        platforms: request.platforms.clone(),
        scheduled_for: request.scheduled_for,
        media_ids: request.media_ids.clone(),
        media_items: request.media_items.clone(),
        ..Default::default()
    };
    let found = client.posts().validate_post(asked).await.unwrap().into_inner().violations;
    let found: Vec<_> = found.into_iter().map(|violation| violation.field).collect();
    let answer: Result<_, Status> = client.create_post(request).await;
    match answer {
        Ok(_) => assert_eq!(found, [""; 0]),
        refused => assert_eq!(found, invalid_fields(refused)),
    }
    found
}

#[tokio::test]
async fn reels_and_stories_show_exactly_one_medium_of_a_kind_once_they_go_out() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let account = add_account(&system, &team.account, Platform::Instagram).await;
    let [image, video, document] = [
        add_media(&system, &team.workspace.id, MediaKind::Image, "").await,
        add_media(&system, &team.workspace.id, MediaKind::Video, "").await,
        add_media(&system, &team.workspace.id, MediaKind::Document, "").await,
    ];
    let (image, video, document) = (image.as_str(), video.as_str(), document.as_str());
    // With whether a draft and whether a post that goes out may be so.
    for (placement, media, free, goes) in [
        (Reel, &[video][..], true, true),
        (Reel, &[], true, false),
        (Reel, &[image], false, false),
        (Reel, &[document], false, false),
        (Reel, &[video, image], false, false),
        (Story, &[image], true, true),
        (Story, &[video], true, true),
        (Story, &[], true, false),
        (Story, &[document], false, false),
        (Story, &[image, video], false, false),
        (Feed, &[image, video], true, true),
    ] {
        let own = with(&account, instagram(placement), media);
        let of_post = CreatePostRequest {
            media_ids: media.iter().map(|id| (*id).to_owned()).collect(),
            platforms: vec![with(&account, instagram(placement), &[])],
            ..draft("x", &account)
        };
        for request in [CreatePostRequest { platforms: vec![own], ..draft("x", &account) }, of_post]
        {
            let wanted = |fits: bool| if fits { vec![] } else { vec![PLACEMENT.to_owned()] };
            let found = faults(client, request.clone()).await;
            assert_eq!(found, wanted(free), "a draft: {placement:?} {media:?}");
            let scheduled_for = scheduled(&system, "x", &account).scheduled_for;
            let found = faults(client, CreatePostRequest { scheduled_for, ..request }).await;
            assert_eq!(found, wanted(goes), "scheduled: {placement:?} {media:?}");
        }
    }
}

#[tokio::test]
async fn a_draft_that_lacks_what_its_placement_asks_for_cannot_be_scheduled() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let account = add_account(&system, &team.account, Platform::Instagram).await;
    let image = add_media(&system, &team.workspace.id, MediaKind::Image, "").await;
    let video = add_media(&system, &team.workspace.id, MediaKind::Video, "").await;
    let reel = with(&account, instagram(Reel), &[]);
    let request = CreatePostRequest { platforms: vec![reel.clone()], ..draft("x", &account) };
    let post = client.create_post(request).await.unwrap();
    let day = chrono::TimeDelta::days(1);
    assert_eq!(invalid_fields(schedule(&system, client, &post.id, day).await), [PLACEMENT]);
    let showing = |media: &str| UpdatePostRequest {
        post_id: post.id.clone(),
        media_ids: vec![media.to_owned()],
        ..Default::default()
    };
    assert_eq!(invalid_fields(update_post(client, showing(&image)).await), [PLACEMENT]);
    update_post(client, showing(&video)).await.unwrap();
    schedule(&system, client, &post.id, day).await.unwrap();

    // New targets are put to the test with the media that the post has already.
    let feed = with(&account, instagram(Feed), &[]);
    let to = |platforms: Vec<PostTargetInput>| UpdatePostRequest {
        post_id: post.id.clone(),
        platforms,
        ..Default::default()
    };
    update_post(client, to(vec![feed])).await.unwrap();
    update_post(client, showing(&image)).await.unwrap();
    let before = get(client, &post.id).await.unwrap();
    assert_eq!(invalid_fields(update_post(client, to(vec![reel])).await), [PLACEMENT]);
    let own = with(&account, instagram(Reel), &[&video]);
    update_post(client, to(vec![own])).await.unwrap();
    assert_ne!(get(client, &post.id).await.unwrap(), before);
}

#[tokio::test]
async fn a_link_on_facebook_is_shown_only_without_media() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let account = add_account(&system, &team.account, Platform::FacebookPage).await;
    let image = add_media(&system, &team.workspace.id, MediaKind::Image, "").await;
    let link = || Network::Facebook(FacebookOptions { link: "https://example.com".to_owned() });
    let plain =
        CreatePostRequest { platforms: vec![with(&account, link(), &[])], ..draft("x", &account) };
    let own = CreatePostRequest {
        platforms: vec![with(&account, link(), &[&image])],
        ..draft("x", &account)
    };
    let of_post = CreatePostRequest { media_ids: vec![image.clone()], ..plain.clone() };
    let item = MediaItemInput { url: "http://127.0.0.1:1/x".to_owned(), ..Default::default() };
    let fetched = CreatePostRequest { media_items: vec![item], ..plain.clone() };
    assert_eq!(faults(client, plain.clone()).await, [""; 0]);
    for request in [own, of_post, fetched] {
        assert_eq!(faults(client, request).await, [LINK]);
    }
    let post = client.create_post(plain).await.unwrap();
    let request = UpdatePostRequest {
        post_id: post.id.clone(),
        media_ids: vec![image],
        ..Default::default()
    };
    assert_eq!(invalid_fields(update_post(client, request).await), [LINK]);
    assert_eq!(get(client, &post.id).await.unwrap(), post);
}
