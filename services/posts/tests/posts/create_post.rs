use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{
        CreatePostRequest, MediaItemInput, Platform, PlatformOptions, PostStatus, PostTargetInput,
        SandboxOptions, TargetStatus, platform_options::Network,
    },
};
use prost_types::Timestamp;

use crate::support::{
    System, add_account, after, disconnect, draft, get, held, invalid_fields, metadata, month,
    refused, require_approval, scheduled, target, target_statuses, units, violated_fields,
    workspace_of,
};

#[tokio::test]
async fn create_post_keeps_everything_it_is_given() {
    let system = System::start().await;
    let team = system.team().await;
    let second = add_account(&system, &team.account, Platform::Bluesky).await;
    let (key, client) = team.editor.full_key().await.unwrap();
    let options = PlatformOptions { network: Some(Network::Sandbox(SandboxOptions {})) };
    let request = CreatePostRequest {
        content: "héllo 👋".to_owned(),
        platforms: vec![
            PostTargetInput {
                caption_override: Some("for the sandbox".to_owned()),
                first_comment: "first!".to_owned(),
                options: Some(options.clone()),
                ..target(&team.account.id)
            },
            target(&second),
        ],
        draft_scheduled_for: after(&system, TimeDelta::days(-3)),
        timezone: "Europe/Berlin".to_owned(),
        ..Default::default()
    };
    let post = client.create_post(request).await.unwrap();
    assert_eq!(post.workspace_id, team.workspace.id);
    assert_eq!(post.author_user_id, team.editor.id());
    assert_eq!(post.created_via_key_id, key.id);
    assert_eq!(post.status(), PostStatus::Draft);
    assert_eq!(post.content, "héllo 👋");
    assert_eq!(post.scheduled_time, None);
    assert_eq!(post.draft_scheduled_time, after(&system, TimeDelta::days(-3)));
    assert_eq!(post.timezone, "Europe/Berlin");
    assert_eq!(post.create_time, after(&system, TimeDelta::zero()));
    assert_eq!(post.update_time, post.create_time);
    assert!(!post.etag.is_empty());
    let [first, other] = post.targets.as_slice() else { panic!("two targets") };
    assert_eq!(first.account_id, team.account.id);
    assert_eq!(first.platform(), Platform::Sandbox);
    assert_eq!(first.caption_override.as_deref(), Some("for the sandbox"));
    assert_eq!(first.first_comment, "first!");
    assert_eq!(first.options, Some(options));
    assert_eq!(first.status(), TargetStatus::Pending);
    assert_eq!((&other.account_id, other.platform()), (&second, Platform::Bluesky));
    assert_eq!(other.caption_override, None);
    assert_eq!(get(&client, &post.id).await.unwrap(), post);
    assert_eq!(held(&system).await, 0);
}

#[tokio::test]
async fn create_post_schedules_publishes_now_or_leaves_a_draft() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let later = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    assert_eq!(later.status(), PostStatus::Scheduled);
    assert_eq!(later.scheduled_time, after(&system, TimeDelta::days(1)));
    assert_eq!(later.timezone, "UTC");
    assert_eq!(later.created_via_key_id, "");
    let request = CreatePostRequest { publish_now: true, ..draft("x", &team.account.id) };
    let now = client.create_post(request).await.unwrap();
    assert_eq!(now.status(), PostStatus::Scheduled);
    assert_eq!(now.scheduled_time, after(&system, TimeDelta::zero()));
    let empty = client.create_post(draft("", &team.account.id)).await.unwrap();
    assert_eq!(empty.status(), PostStatus::Draft);
    assert_eq!(units(&system, &team.owner, month(&system, TimeDelta::zero())).await, 2);
}

#[tokio::test]
async fn create_post_lands_in_the_workspace_of_its_account_and_charges_its_owner() {
    let system = System::start().await;
    let team = system.team().await;
    let (globex, account) = workspace_of(&team.editor, "globex").await;
    let client = &team.editor.session;
    let post = client.create_post(scheduled(&system, "x", &account.id)).await.unwrap();
    assert_eq!(post.workspace_id, globex.id);
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    assert_eq!(post.workspace_id, team.workspace.id);
    let this_month = month(&system, TimeDelta::zero());
    assert_eq!(units(&system, &team.owner, this_month).await, 1);
    assert_eq!(units(&system, &team.editor, this_month).await, 1);
}

#[tokio::test]
async fn create_post_by_an_editor_waits_where_approval_is_required() {
    let system = System::start().await;
    let team = system.team().await;
    require_approval(&team).await;
    for (user, status) in [
        (&team.owner, PostStatus::Scheduled),
        (&team.admin, PostStatus::Scheduled),
        (&team.editor, PostStatus::NeedsApproval),
    ] {
        let request = scheduled(&system, "x", &team.account.id);
        let post = user.session.create_post(request).await.unwrap();
        assert_eq!(post.status(), status);
        assert_eq!(target_statuses(&post), [TargetStatus::Pending]);
    }
    assert_eq!(held(&system).await, 2);
    let post = team.editor.session.create_post(draft("x", &team.account.id)).await.unwrap();
    assert_eq!(post.status(), PostStatus::Draft);
}

#[tokio::test]
async fn create_post_names_every_bad_field_at_once() {
    let system = System::start().await;
    let team = system.team().await;
    let request = CreatePostRequest {
        content: "x".repeat(10_001),
        platforms: vec![
            PostTargetInput {
                caption_override: Some("x".repeat(10_001)),
                first_comment: "x".repeat(2_001),
                media_ids: vec!["med_x".to_owned()],
                ..target("wsp_x")
            },
            target(&team.account.id),
            target(&team.account.id),
        ],
        scheduled_for: Some(Timestamp { seconds: i64::MAX, nanos: 0 }),
        draft_scheduled_for: Some(Timestamp { seconds: 0, nanos: -1 }),
        timezone: "Mars/Olympus".to_owned(),
        media_ids: vec!["x".to_owned()],
        media_items: vec![MediaItemInput::default()],
        request_id: "x".repeat(65),
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(team.owner.session.create_post(request).await),
        [
            "content",
            "draft_scheduled_for",
            "media_ids[0]",
            "media_items[0].url",
            "platforms[0].account_id",
            "platforms[0].caption_override",
            "platforms[0].first_comment",
            "platforms[0].media_ids[0]",
            "platforms[2].account_id",
            "request_id",
            "scheduled_for",
            "timezone",
        ]
    );
    let nothing = CreatePostRequest::default();
    assert_eq!(invalid_fields(team.owner.session.create_post(nothing).await), ["platforms"]);
    let many = CreatePostRequest {
        platforms: vec![target(&team.account.id); 26],
        ..draft("x", &team.account.id)
    };
    assert_eq!(invalid_fields(team.owner.session.create_post(many).await), ["platforms"]);
    let twice =
        CreatePostRequest { publish_now: true, ..scheduled(&system, "x", &team.account.id) };
    assert_eq!(invalid_fields(team.owner.session.create_post(twice).await), ["publish_now"]);
    let pinned = CreatePostRequest {
        draft_scheduled_for: after(&system, TimeDelta::days(1)),
        ..scheduled(&system, "x", &team.account.id)
    };
    let answer = team.owner.session.create_post(pinned).await;
    assert_eq!(invalid_fields(answer), ["draft_scheduled_for"]);
}

#[tokio::test]
async fn create_post_counts_unicode_scalar_values() {
    let system = System::start().await;
    let team = system.team().await;
    let most = "👋".repeat(10_000);
    let post = team.owner.session.create_post(draft(&most, &team.account.id)).await.unwrap();
    assert_eq!(post.content, most);
    let answer = team.owner.session.create_post(draft("a\0b", &team.account.id)).await;
    assert_eq!(invalid_fields(answer), ["content"]);
}

#[tokio::test]
async fn create_post_that_goes_out_says_something_on_every_target() {
    let system = System::start().await;
    let team = system.team().await;
    let silent = |content: &str, caption: &str| CreatePostRequest {
        platforms: vec![PostTargetInput {
            caption_override: Some(caption.to_owned()),
            ..target(&team.account.id)
        }],
        ..scheduled(&system, content, &team.account.id)
    };
    let client = &team.owner.session;
    assert_eq!(
        invalid_fields(client.create_post(silent("", "")).await),
        ["content", "platforms[0].caption_override"]
    );
    assert_eq!(
        invalid_fields(client.create_post(silent("x", "")).await),
        ["platforms[0].caption_override"]
    );
    let as_a_draft = CreatePostRequest { scheduled_for: None, ..silent("", "") };
    client.create_post(as_a_draft).await.unwrap();
}

#[tokio::test]
async fn create_post_takes_a_time_ahead_and_within_two_years() {
    let system = System::start().await;
    let team = system.team().await;
    let at = |ahead| CreatePostRequest {
        scheduled_for: after(&system, ahead),
        ..draft("x", &team.account.id)
    };
    let client = &team.owner.session;
    for ahead in [TimeDelta::zero(), TimeDelta::seconds(-1), TimeDelta::days(-900)] {
        let status = refused(client.create_post(at(ahead)).await, Reason::ScheduleInPast);
        assert_eq!(violated_fields(&status), ["scheduled_for"]);
    }
    assert_eq!(
        invalid_fields(client.create_post(at(TimeDelta::days(732))).await),
        ["scheduled_for"]
    );
    client.create_post(at(TimeDelta::seconds(1))).await.unwrap();
    client.create_post(at(TimeDelta::days(729))).await.unwrap();
}

#[tokio::test]
async fn create_post_looks_everything_up_before_it_looks_at_the_reach() {
    let system = System::start().await;
    let team = system.team().await;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let stranger = system.sign_up("stranger").await;
    let (_, foreign) = workspace_of(&stranger, "initech").await;
    let unknown = "soc_01jzzzzzzzfzzr0000000000zz";
    let to = |accounts: &[&str]| CreatePostRequest {
        platforms: accounts.iter().map(|id| target(id)).collect(),
        ..draft("x", "")
    };
    let client = &team.owner.session;
    let answer = client.create_post(to(&[&foreign.id, unknown])).await;
    let status = refused(answer, Reason::ResourceNotFound);
    assert_eq!(metadata(&status, "resource").as_deref(), Some("account"));
    assert_eq!(metadata(&status, "id").as_deref(), Some(unknown));
    let media = CreatePostRequest {
        media_ids: vec!["med_01jzzzzzzzfzzr0000000000zz".to_owned()],
        ..to(&[&foreign.id])
    };
    let status = refused(client.create_post(media).await, Reason::ResourceNotFound);
    assert_eq!(metadata(&status, "resource").as_deref(), Some("media"));
    let answer = client.create_post(to(&[&team.account.id, &foreign.id])).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    let answer = client.create_post(to(&[&team.account.id, &other.id])).await;
    let status = refused(answer, Reason::AccountsSpanWorkspaces);
    assert_eq!(violated_fields(&status), ["platforms[1].account_id"]);
    let answer = team.reviewer.session.create_post(to(&[&team.account.id, &foreign.id])).await;
    refused(answer, Reason::WorkspaceOutOfReach);
}

#[tokio::test]
async fn create_post_goes_out_to_active_accounts_alone() {
    let system = System::start().await;
    let team = system.team().await;
    disconnect(&team.owner, &team.account.id).await;
    let client = &team.owner.session;
    let answer = client.create_post(scheduled(&system, "x", &team.account.id)).await;
    let status = refused(answer, Reason::AccountNotActive);
    assert_eq!(metadata(&status, "account_id"), Some(team.account.id.clone()));
    client.create_post(draft("x", &team.account.id)).await.unwrap();
    assert_eq!(held(&system).await, 0);
}
