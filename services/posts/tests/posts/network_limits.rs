//! What a network would refuse is refused before anything is scheduled.

use chrono::TimeDelta;
use postbreeze_proto::v1::{
    CreatePostRequest, Platform, PostTargetInput, UpdatePostRequest, ValidatePostRequest,
};

use crate::support::{
    Client, System, add_account, add_image, draft, held, invalid_fields, schedule, scheduled,
    target, update_post,
};

const AHEAD: TimeDelta = TimeDelta::days(1);

async fn found(client: &Client, request: CreatePostRequest) -> Vec<String> {
    let asked = ValidatePostRequest {
        content: request.content,
        platforms: request.platforms,
        scheduled_for: request.scheduled_for,
        media_ids: request.media_ids,
        ..Default::default()
    };
    let answer = client.posts().validate_post(asked).await.unwrap().into_inner();
    answer.violations.into_iter().map(|violation| violation.field).collect()
}

#[tokio::test]
async fn a_text_over_a_networks_limit_is_refused_when_it_is_to_go_out() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let x = add_account(&system, &team.account, Platform::X).await;
    let (fits, too_long) = ("x".repeat(280), "x".repeat(281));
    client.create_post(scheduled(&system, &fits, &x)).await.unwrap();
    let held_before = held(&system).await;

    let request = scheduled(&system, &too_long, &x);
    assert_eq!(found(client, request.clone()).await, ["content"]);
    assert_eq!(invalid_fields(client.create_post(request).await), ["content"]);

    // The text of one target, while the other network takes the post's.
    let own = PostTargetInput {
        caption_override: Some(too_long.clone()),
        first_comment: too_long.clone(),
        ..target(&x)
    };
    let request = CreatePostRequest {
        platforms: vec![target(&team.account.id), own],
        ..scheduled(&system, &too_long, &x)
    };
    let wanted = ["platforms[1].caption_override", "platforms[1].first_comment"];
    assert_eq!(found(client, request.clone()).await, wanted);
    assert_eq!(invalid_fields(client.create_post(request).await), wanted);
    assert_eq!(held(&system).await, held_before);

    let post = client.create_post(draft(&too_long, &x)).await.unwrap();
    assert_eq!(invalid_fields(schedule(&system, client, &post.id, AHEAD).await), ["content"]);
    let shorter =
        UpdatePostRequest { post_id: post.id.clone(), content: fits.clone(), ..Default::default() };
    update_post(client, shorter).await.unwrap();
    schedule(&system, client, &post.id, AHEAD).await.unwrap();
    let longer =
        UpdatePostRequest { post_id: post.id.clone(), content: too_long, ..Default::default() };
    assert_eq!(invalid_fields(update_post(client, longer).await), ["content"]);
}

#[tokio::test]
async fn more_media_than_a_network_shows_are_refused_when_they_are_to_go_out() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let bluesky = add_account(&system, &team.account, Platform::Bluesky).await;
    let mut images = Vec::new();
    for _ in 0..5 {
        images.push(add_image(&system, &team.account.workspace_id).await);
    }
    let showing =
        |request: CreatePostRequest| CreatePostRequest { media_ids: images.clone(), ..request };
    let request = showing(scheduled(&system, "Five", &bluesky));
    assert_eq!(found(client, request.clone()).await, ["media_ids"]);
    assert_eq!(invalid_fields(client.create_post(request).await), ["media_ids"]);

    // Scheduling looks at what a draft shows already.
    let post = client.create_post(showing(draft("Five", &bluesky))).await.unwrap();
    assert_eq!(invalid_fields(schedule(&system, client, &post.id, AHEAD).await), ["media_ids"]);

    let instagram = add_account(&system, &team.account, Platform::Instagram).await;
    let request = scheduled(&system, "Nothing to see", &instagram);
    assert_eq!(invalid_fields(client.create_post(request).await), ["media_ids"]);
}

#[tokio::test]
async fn an_account_may_write_as_much_as_its_server_says() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let mastodon = add_account(&system, &team.account, Platform::Mastodon).await;
    let (longer, too_long) = ("x".repeat(600), "x".repeat(1_001));
    let request = scheduled(&system, &longer, &mastodon);
    assert_eq!(invalid_fields(client.create_post(request.clone()).await), ["content"]);
    let says = "UPDATE accounts SET max_characters = 1000 WHERE platform = $1";
    sqlx::query(says)
        .bind(i16::try_from(i32::from(Platform::Mastodon)).unwrap())
        .execute(system.pool("accounts"))
        .await
        .unwrap();
    assert_eq!(found(client, request.clone()).await, [""; 0]);
    let post = client.create_post(request).await.unwrap();
    let refused = client.create_post(scheduled(&system, &too_long, &mastodon)).await;
    assert_eq!(invalid_fields(refused), ["content"]);
    // Also where the account is not named.
    let edited = |content: String| UpdatePostRequest {
        post_id: post.id.clone(),
        content,
        ..Default::default()
    };
    update_post(client, edited("x".repeat(700))).await.unwrap();
    let refused = update_post(client, edited(too_long)).await;
    assert_eq!(invalid_fields(refused), ["content"]);
}

#[tokio::test]
async fn what_tiktok_and_pinterest_want_to_be_chosen_is_asked_for_when_it_is_to_go_out() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let image = add_image(&system, &team.account.workspace_id).await;
    for (platform, field) in [
        (Platform::Tiktok, "platforms[0].options.tiktok.privacy_level"),
        (Platform::Pinterest, "platforms[0].options.pinterest.board_id"),
    ] {
        let account = add_account(&system, &team.account, platform).await;
        let request = CreatePostRequest {
            media_ids: vec![image.clone()],
            ..scheduled(&system, "hi", &account)
        };
        assert!(found(client, request.clone()).await.contains(&field.to_owned()), "{field}");
        assert!(invalid_fields(client.create_post(request).await).contains(&field.to_owned()));
    }
}
