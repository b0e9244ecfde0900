//! Media that are fetched from the web for a post.

use chrono::TimeDelta;
use postbreeze_ids::UserId;
use postbreeze_proto::{
    status::Reason,
    v1::{
        CreatePostRequest, InstagramOptions, InstagramPlacement, MediaItemInput, Platform,
        PlatformOptions, Post, PostMedia, platform_options::Network,
    },
};

use crate::support::{
    System, User, Web, add_account, add_image, after, delete_media, disconnect, draft, get,
    invalid_fields, list, media_of, metadata, month, refused, scheduled, until_that,
    violated_fields,
};

fn item(url: &str) -> MediaItemInput {
    MediaItemInput { url: url.to_owned(), ..Default::default() }
}

fn fetching(request: CreatePostRequest, items: &[MediaItemInput]) -> CreatePostRequest {
    CreatePostRequest { media_items: items.to_vec(), ..request }
}

/// Sets how many units of tomorrow's month a user's posts hold.
async fn hold_units(system: &System, owner: &User, units: i64) {
    let owner: UserId = owner.id().parse().unwrap();
    sqlx::query(
        "INSERT INTO post_usage (bucket, owner_user_id, month, units) VALUES ($1, $2, $3, $4)
        ON CONFLICT (bucket, owner_user_id, month) DO UPDATE SET units = excluded.units",
    )
    .bind(owner.bucket().as_i16())
    .bind(owner.uuid())
    .bind(month(system, TimeDelta::days(1)))
    .bind(units)
    .execute(system.pool("posts"))
    .await
    .unwrap();
}

fn shown(post: &Post) -> Vec<&str> {
    post.media.iter().map(|one| one.media_id.as_str()).collect()
}

#[tokio::test]
async fn media_from_the_web_come_into_the_library_and_first_in_the_post() {
    let system = System::start_with(&[("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32")]).await;
    let team = system.team().await;
    let client = &team.editor.session;
    let web = Web::start().await;
    let own = add_image(&system, &team.workspace.id).await;
    let items: Vec<_> = (0..6)
        .map(|n| MediaItemInput {
            alt_text: format!("no. {n}"),
            ..item(&web.url(&format!("png/{n}")))
        })
        .collect();
    let request = CreatePostRequest {
        media_ids: vec![own.clone()],
        content: String::new(),
        ..fetching(scheduled(&system, "", &team.account.id), &items)
    };
    let post = client.create_post(request).await.unwrap();
    let descriptions: Vec<_> = post.media.iter().map(|one| one.alt_text.as_str()).collect();
    assert_eq!(descriptions, ["no. 0", "no. 1", "no. 2", "no. 3", "no. 4", "no. 5", ""]);
    assert_eq!(post.media[6], PostMedia { media_id: own, ..Default::default() });
    assert_eq!(get(client, &post.id).await.unwrap(), post);
    let mut library = media_of(client, &team.workspace.id).await;
    let mut wanted = shown(&post);
    library.sort();
    wanted.sort_unstable();
    assert_eq!(library, wanted);
    refused(delete_media(client, shown(&post)[0]).await, Reason::MediaInUse);
}

#[tokio::test]
async fn what_cannot_be_fetched_is_named_and_leaves_nothing() {
    let system = System::start_with(&[("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32")]).await;
    let team = system.team().await;
    let client = &team.owner.session;
    let web = Web::start().await;
    let good = item(&web.url("png/x"));
    let asking = |items: &[MediaItemInput]| {
        client.create_post(fetching(draft("x", &team.account.id), items))
    };
    let answer = asking(&[good.clone(), item("http://169.254.169.254/latest")]).await;
    let status = refused(answer, Reason::UrlForbidden);
    assert_eq!(violated_fields(&status), ["media_items[1].url"]);
    let answer = asking(&[item(&web.url("text")), good.clone()]).await;
    let status = refused(answer, Reason::MediaTypeUnsupported);
    assert_eq!(violated_fields(&status), ["media_items[0].url"]);
    // All at once.
    let bad =
        [item(&web.url("gone")), good.clone(), item(&web.url("text")), item("http://10.0.0.1/")];
    assert_eq!(
        invalid_fields(asking(&bad).await),
        ["media_items[0].url", "media_items[2].url", "media_items[3].url"]
    );
    // What the request tells by itself is not tried.
    let odd = [
        item(""),
        item("ftp://example.com/x"),
        item(&format!("https://example.com/{}", "x".repeat(2_048))),
        MediaItemInput { alt_text: "x".repeat(1_001), ..good.clone() },
    ];
    assert_eq!(
        invalid_fields(asking(&odd).await),
        [
            "media_items[0].url",
            "media_items[1].url",
            "media_items[2].url",
            "media_items[3].alt_text"
        ]
    );
    assert_eq!(invalid_fields(asking(&vec![good; 11]).await), ["media_items"]);
    assert_eq!(list(client).await, []);
    until_that("nothing is left", || media_of(client, &team.workspace.id), Vec::is_empty).await;
}

#[tokio::test]
async fn nothing_is_fetched_for_a_post_that_is_refused_anyway() {
    let system = System::start_with(&[("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32")]).await;
    let team = system.team().await;
    let web = Web::start().await;
    let items = [item(&web.url("png/x"))];
    let request = fetching(scheduled(&system, "x", &team.account.id), &items);
    refused(team.reviewer.session.create_post(request.clone()).await, Reason::RoleInsufficient);
    let late =
        CreatePostRequest { scheduled_for: after(&system, TimeDelta::days(-1)), ..request.clone() };
    refused(team.owner.session.create_post(late).await, Reason::ScheduleInPast);
    disconnect(&team.owner, &team.account.id).await;
    refused(team.owner.session.create_post(request).await, Reason::AccountNotActive);
    let registered: i64 = sqlx::query_scalar("SELECT count(*) FROM media")
        .fetch_one(system.pool("media"))
        .await
        .unwrap();
    assert_eq!(registered, 0);
}

#[tokio::test]
async fn a_post_at_the_cap_gives_back_what_was_fetched_and_held_for_it() {
    let system = System::start_with(&[("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32")]).await;
    let team = system.team().await;
    let client = &team.owner.session;
    let web = Web::start().await;
    let own = add_image(&system, &team.workspace.id).await;
    hold_units(&system, &team.owner, 20).await;
    for request_id in ["", "once"] {
        let request = CreatePostRequest {
            media_ids: vec![own.clone()],
            request_id: request_id.to_owned(),
            ..fetching(
                scheduled(&system, "x", &team.account.id),
                &[item(&web.url("png/1")), item(&web.url("png/2"))],
            )
        };
        refused(client.create_post(request).await, Reason::PlanLimitPosts);
        assert_eq!(media_of(client, &team.workspace.id).await, std::slice::from_ref(&own));
    }
    // The same request again, once there is room, fetches what was given back.
    hold_units(&system, &team.owner, 0).await;
    let request = CreatePostRequest {
        media_ids: vec![own.clone()],
        request_id: "once".to_owned(),
        ..fetching(
            scheduled(&system, "x", &team.account.id),
            &[item(&web.url("png/1")), item(&web.url("png/2"))],
        )
    };
    let post = client.create_post(request.clone()).await.unwrap();
    assert_eq!(shown(&post).len(), 3);
    assert_eq!(media_of(client, &team.workspace.id).await.len(), 3);
    refused(delete_media(client, shown(&post)[0]).await, Reason::MediaInUse);
    // And again is answered the same, without fetching anything.
    assert_eq!(client.create_post(request).await.unwrap(), post);
    assert_eq!(media_of(client, &team.workspace.id).await.len(), 3);
}

#[tokio::test]
async fn a_medium_without_a_post_is_freed_at_once() {
    let system = System::start_with(&[("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32")]).await;
    let team = system.team().await;
    let client = &team.owner.session;
    let own = add_image(&system, &team.workspace.id).await;
    hold_units(&system, &team.owner, 20).await;
    let request = CreatePostRequest {
        media_ids: vec![own.clone()],
        ..scheduled(&system, "x", &team.account.id)
    };
    refused(client.create_post(request).await, Reason::PlanLimitPosts);
    delete_media(client, &own).await.unwrap();
}

#[tokio::test]
async fn what_turns_out_not_to_fit_the_options_is_given_back() {
    let system = System::start_with(&[("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32")]).await;
    let team = system.team().await;
    let client = &team.owner.session;
    let account = add_account(&system, &team.account, Platform::Instagram).await;
    let web = Web::start().await;
    let reel =
        InstagramOptions { placement: InstagramPlacement::Reel.into(), ..Default::default() };
    let mut request = fetching(draft("x", &account), &[item(&web.url("png/1"))]);
    request.platforms[0].options =
        Some(PlatformOptions { network: Some(Network::Instagram(reel)) });
    assert_eq!(
        invalid_fields(client.create_post(request).await),
        ["platforms[0].options.instagram.placement"]
    );
    until_that("it is given back", || media_of(client, &team.workspace.id), Vec::is_empty).await;
    assert_eq!(list(client).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_ends_before_its_post_is_written_leaves_nothing() {
    let system = System::start_with(&[("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32")]).await;
    let team = system.team().await;
    let client = team.owner.session.clone();
    let web = Web::start().await;
    let request = fetching(
        draft("x", &team.account.id),
        &[item(&web.url("png/1")), item(&web.url("silence"))],
    );
    let writing = tokio::spawn({
        let client = client.clone();
        async move { client.create_post(request).await.map(drop) }
    });
    until_that(
        "the first has come",
        || media_of(&client, &team.workspace.id),
        |seen| !seen.is_empty(),
    )
    .await;
    writing.abort();
    assert!(writing.await.unwrap_err().is_cancelled());
    until_that("it is given back", || media_of(&client, &team.workspace.id), Vec::is_empty).await;
    assert_eq!(list(&client).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_that_fetch_write_one_post_and_leave_nothing_else() {
    let system = System::start_with(&[("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32")]).await;
    let team = system.team().await;
    let client = &team.owner.session;
    let web = Web::start().await;
    let request = CreatePostRequest {
        request_id: "once".to_owned(),
        ..fetching(scheduled(&system, "x", &team.account.id), &[item(&web.url("png/1"))])
    };
    let twins = (0..4).map(|_| client.create_post(request.clone()));
    let posts: Vec<_> =
        futures_util::future::join_all(twins).await.into_iter().map(Result::unwrap).collect();
    assert!(posts.iter().all(|post| *post == posts[0]));
    assert_eq!(media_of(client, &team.workspace.id).await, shown(&posts[0]));
    let status = refused(delete_media(client, shown(&posts[0])[0]).await, Reason::MediaInUse);
    assert_eq!(metadata(&status, "posts"), Some(posts[0].id.clone()), "nor holds it for another");
}
