use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{Platform, Post, PostStatus, PostTargetInput, TargetStatus, UpdatePostRequest},
};
use prost_types::{FieldMask, Timestamp};

use crate::support::{
    Standing, System, add_account, after, approve, disconnect, draft, get, held, invalid_fields,
    refused, retry, schedule, scheduled, standing, target, target_statuses, update_post,
    violated_fields, waiting_post, workspace_of,
};

const DAY: TimeDelta = TimeDelta::days(1);

fn update(post: &Post) -> UpdatePostRequest {
    UpdatePostRequest { post_id: post.id.clone(), ..Default::default() }
}

fn content(post: &Post, content: &str) -> UpdatePostRequest {
    UpdatePostRequest { content: content.to_owned(), ..update(post) }
}

#[expect(clippy::unnecessary_wraps, reason = "messages have optional masks")]
fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

#[tokio::test]
async fn update_post_changes_what_is_set_or_what_the_mask_names() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.editor.session;
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    let pinned = after(&system, DAY);
    let request = UpdatePostRequest {
        timezone: "Asia/Tokyo".to_owned(),
        draft_scheduled_for: pinned,
        // An empty mask is as none.
        update_mask: mask(&[]),
        ..content(&post, "y")
    };
    let updated = update_post(client, request).await.unwrap();
    assert_eq!(updated.content, "y");
    assert_eq!(updated.timezone, "Asia/Tokyo");
    assert_eq!(updated.draft_scheduled_time, pinned);
    assert_eq!(updated.targets, post.targets);
    assert_ne!(updated.etag, post.etag);
    let request = UpdatePostRequest {
        timezone: "Europe/Berlin".to_owned(),
        update_mask: mask(&["content", "draft_scheduled_for"]),
        ..update(&post)
    };
    let cleared = update_post(client, request).await.unwrap();
    assert_eq!(cleared.content, "");
    assert_eq!(cleared.draft_scheduled_time, None);
    assert_eq!(cleared.timezone, "Asia/Tokyo");
    let request = UpdatePostRequest { update_mask: mask(&["timezone"]), ..update(&post) };
    let updated = update_post(client, request).await.unwrap();
    assert_eq!(updated.timezone, "UTC");
    assert_eq!(get(client, &post.id).await.unwrap(), updated);
}

#[tokio::test]
async fn update_post_replaces_targets_whole_and_keeps_their_attempts() {
    let system = System::start().await;
    let team = system.team().await;
    let second = add_account(&system, &team.account, Platform::X).await;
    let client = &team.owner.session;
    let post = standing(&system, &team, Standing::Failed).await;
    let post = schedule(&system, client, &post.id, DAY).await.unwrap();
    let request = UpdatePostRequest {
        platforms: vec![
            PostTargetInput { first_comment: "hi".to_owned(), ..target(&second) },
            target(&team.account.id),
        ],
        ..update(&post)
    };
    let updated = update_post(client, request).await.unwrap();
    let accounts: Vec<_> = updated.targets.iter().map(|target| &target.account_id).collect();
    assert_eq!(accounts, [&second, &team.account.id]);
    assert_eq!(target_statuses(&updated), [TargetStatus::Pending; 2]);
    assert_eq!(updated.targets[0].first_comment, "hi");
    assert_ne!(updated.targets[1].id, post.targets[0].id);
    let request =
        postbreeze_proto::v1::ListPublishAttemptsRequest { post_id: post.id, ..Default::default() };
    let attempts = client.posts().list_publish_attempts(request).await.unwrap().into_inner();
    let [attempt] = &attempts.attempts[..] else { panic!("not one: {attempts:?}") };
    assert_eq!((&attempt.target_id, attempt.attempt_number), (&post.targets[0].id, 1));
}

#[tokio::test]
async fn update_post_gives_canceled_and_failed_posts_targets_that_do_not_go_out() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    for (stands, status) in
        [(Standing::Canceled, PostStatus::Canceled), (Standing::Failed, PostStatus::Failed)]
    {
        let post = standing(&system, &team, stands).await;
        let kept = update_post(client, content(&post, "y")).await.unwrap();
        assert_eq!(kept.status(), status);
        let request =
            UpdatePostRequest { platforms: vec![target(&team.account.id)], ..update(&post) };
        let updated = update_post(client, request).await.unwrap();
        assert_eq!(updated.status(), PostStatus::Canceled);
        assert_eq!(target_statuses(&updated), [TargetStatus::Canceled]);
        refused(retry(client, &post.id).await, Reason::PostState);
        let scheduled = schedule(&system, client, &post.id, DAY).await.unwrap();
        assert_eq!(target_statuses(&scheduled), [TargetStatus::Pending]);
    }
}

#[tokio::test]
async fn update_post_refuses_what_is_going_or_gone_out() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    for stands in
        [Standing::Sending, Standing::Lost, Standing::PartiallyPublished, Standing::Published]
    {
        let post = standing(&system, &team, stands).await;
        refused(update_post(client, content(&post, "y")).await, Reason::PostState);
    }
}

#[tokio::test]
async fn update_post_by_an_editor_returns_a_scheduled_post_to_review_and_frees_its_unit() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    approve(&team.reviewer.session, &post.id).await.unwrap();
    assert_eq!(held(&system).await, 1);
    let zone = UpdatePostRequest { timezone: "Asia/Tokyo".to_owned(), ..update(&post) };
    let same = update_post(&team.editor.session, zone).await.unwrap();
    assert_eq!(same.status(), PostStatus::Scheduled);
    let by_admin = update_post(&team.admin.session, content(&post, "by the admin")).await.unwrap();
    assert_eq!(by_admin.status(), PostStatus::Scheduled);
    assert_eq!(by_admin.approved_by_user_id, team.reviewer.id());
    for request in [
        content(&post, "by the editor"),
        UpdatePostRequest { platforms: vec![target(&team.account.id)], ..update(&post) },
        UpdatePostRequest { update_mask: mask(&["media_ids"]), ..update(&post) },
    ] {
        let changed = update_post(&team.editor.session, request).await.unwrap();
        assert_eq!(changed.status(), PostStatus::NeedsApproval);
        assert_eq!(changed.approved_by_user_id, "");
        assert_eq!(changed.approved_time, None);
        assert_eq!(changed.scheduled_time, post.scheduled_time);
        assert_eq!(held(&system).await, 0);
        approve(&team.reviewer.session, &post.id).await.unwrap();
        assert_eq!(held(&system).await, 1);
    }
}

#[tokio::test]
async fn update_post_names_every_bad_field_at_once() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    let bad = UpdatePostRequest {
        post_id: "x".to_owned(),
        content: "x".repeat(10_001),
        platforms: vec![target("x")],
        media_ids: vec!["x".to_owned()],
        draft_scheduled_for: Some(Timestamp { seconds: i64::MIN, nanos: 0 }),
        timezone: "x".to_owned(),
        etag: "x".repeat(33),
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(update_post(client, bad).await),
        [
            "content",
            "draft_scheduled_for",
            "etag",
            "media_ids[0]",
            "platforms[0].account_id",
            "post_id",
            "timezone",
        ]
    );
    assert_eq!(invalid_fields(update_post(client, update(&post)).await), ["update_mask"]);
    let unknown = ["status", "", "*", "content"];
    let request = UpdatePostRequest { update_mask: mask(&unknown), ..content(&post, "y") };
    assert_eq!(invalid_fields(update_post(client, request).await), ["update_mask"]);
    let many = UpdatePostRequest { update_mask: mask(&["content"; 21]), ..content(&post, "y") };
    assert_eq!(invalid_fields(update_post(client, many).await), ["update_mask"]);
    let most = UpdatePostRequest { update_mask: mask(&["content"; 20]), ..content(&post, "y") };
    update_post(client, most).await.unwrap();
    let none = UpdatePostRequest { update_mask: mask(&["platforms"]), ..update(&post) };
    assert_eq!(invalid_fields(update_post(client, none).await), ["platforms"]);
}

#[tokio::test]
async fn update_post_pins_drafts_alone() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let pin = |post: &Post| UpdatePostRequest {
        draft_scheduled_for: after(&system, DAY),
        ..update(post)
    };
    for stands in
        [Standing::NeedsApproval, Standing::Scheduled, Standing::Failed, Standing::Canceled]
    {
        let post = standing(&system, &team, stands).await;
        let answer = update_post(client, pin(&post)).await;
        assert_eq!(invalid_fields(answer), ["draft_scheduled_for"], "{stands:?}");
    }
    let post = standing(&system, &team, Standing::Published).await;
    refused(update_post(client, pin(&post)).await, Reason::PostState);
}

#[tokio::test]
async fn update_post_leaves_nothing_silent_that_waits_or_goes_out() {
    let system = System::start().await;
    let team = system.team().await;
    let waits = waiting_post(&system, &team).await;
    let goes =
        team.owner.session.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    let silent =
        PostTargetInput { caption_override: Some(String::new()), ..target(&team.account.id) };
    for (user, post) in
        [(&team.editor, &waits), (&team.owner, &waits), (&team.editor, &goes), (&team.owner, &goes)]
    {
        let request = UpdatePostRequest { update_mask: mask(&["content"]), ..update(post) };
        assert_eq!(invalid_fields(update_post(&user.session, request).await), ["content"]);
        let request = UpdatePostRequest { platforms: vec![silent.clone()], ..update(post) };
        assert_eq!(
            invalid_fields(update_post(&user.session, request).await),
            ["platforms[0].caption_override"]
        );
    }
    let free = team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    let request = UpdatePostRequest { update_mask: mask(&["content"]), ..update(&free) };
    update_post(&team.owner.session, request).await.unwrap();
}

#[tokio::test]
async fn update_post_compares_a_given_etag() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    let based = UpdatePostRequest { etag: post.etag.clone(), ..content(&post, "y") };
    update_post(client, based.clone()).await.unwrap();
    refused(update_post(client, based).await, Reason::EtagStale);
    update_post(client, content(&post, "z")).await.unwrap();
}

#[tokio::test]
async fn update_post_looks_everything_up_before_it_looks_at_the_reach() {
    let system = System::start().await;
    let team = system.team().await;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let stranger = system.sign_up("stranger").await;
    let (_, foreign) = workspace_of(&stranger, "initech").await;
    let post = team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    let to =
        |account: &str| UpdatePostRequest { platforms: vec![target(account)], ..update(&post) };
    let unknown = to("soc_01jzzzzzzzfzzr0000000000zz");
    for client in [&stranger.session, &team.reviewer.session, &team.owner.session] {
        refused(update_post(client, unknown.clone()).await, Reason::ResourceNotFound);
        let request = UpdatePostRequest {
            media_ids: vec!["med_01jzzzzzzzfzzr0000000000zz".to_owned()],
            ..update(&post)
        };
        refused(update_post(client, request).await, Reason::ResourceNotFound);
    }
    for client in [&stranger.session, &team.reviewer.session, &team.owner.session] {
        refused(update_post(client, to(&foreign.id)).await, Reason::WorkspaceOutOfReach);
    }
    let status = refused(
        update_post(&team.owner.session, to(&other.id)).await,
        Reason::AccountsSpanWorkspaces,
    );
    assert_eq!(violated_fields(&status), ["platforms[0].account_id"]);
}

#[tokio::test]
async fn update_post_needs_active_accounts_once_it_goes_out() {
    let system = System::start().await;
    let team = system.team().await;
    let second = add_account(&system, &team.account, Platform::X).await;
    let client = &team.owner.session;
    let goes = client.create_post(scheduled(&system, "x", &second)).await.unwrap();
    let free = client.create_post(draft("x", &second)).await.unwrap();
    disconnect(&team.owner, &team.account.id).await;
    let to = |post: &Post| UpdatePostRequest {
        platforms: vec![target(&team.account.id)],
        ..update(post)
    };
    refused(update_post(client, to(&goes)).await, Reason::AccountNotActive);
    update_post(client, to(&free)).await.unwrap();
    update_post(client, content(&goes, "y")).await.unwrap();
}
