//! Nothing goes out that no reviewer has approved in this form, and what was to go out now does so once it is approved.

use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{
        CreatePostRequest, MediaKind, Post, PostMedia, PostStatus, PostTargetInput,
        ReschedulePostRequest, RetryPostRequest, SandboxCallKind, SandboxFault,
        SchedulePostRequest, TargetStatus, UpdateMediaRequest, UpdatePostRequest,
    },
};
use postbreeze_testkit::Team;

use crate::support::{
    Client, System, accepted, add_media, after, approve, calls, cancel, command, draft, faults,
    get, held, month, never_due, refused, reject_post, require_approval, reschedule_post, retry,
    retry_post, schedule, schedule_post, scheduled, sent, target_statuses, units, until,
    update_post, workspace_of,
};

const DAY: TimeDelta = TimeDelta::days(1);

/// An editor's post for tomorrow that a reviewer has approved.
async fn approved(system: &System, team: &Team, request: CreatePostRequest) -> Post {
    let request = CreatePostRequest { scheduled_for: after(system, DAY), ..request };
    let post = team.editor.session.create_post(request).await.unwrap();
    approve(&team.reviewer.session, &post.id).await.unwrap()
}

/// The same, refused by the network.
async fn failed(system: &System, team: &Team, request: CreatePostRequest) -> Post {
    command(&team.owner.session, &team.account.id, faults(&[SandboxFault::Refused])).await;
    let post = approved(system, team, request).await;
    system.clock.turn(DAY);
    until(&team.editor.session, &post.id, PostStatus::Failed).await
}

async fn write(client: &Client, post: &Post, content: &str) -> Post {
    let request = UpdatePostRequest {
        post_id: post.id.clone(),
        content: content.to_owned(),
        ..Default::default()
    };
    update_post(client, request).await.unwrap()
}

async fn describe(client: &Client, media_id: &str, alt_text: &str) {
    let request = UpdateMediaRequest {
        media_id: media_id.to_owned(),
        alt_text: alt_text.to_owned(),
        ..Default::default()
    };
    client.media().update_media(request).await.unwrap();
}

#[tokio::test]
async fn an_editor_who_retries_what_they_changed_asks_for_approval() {
    let system = System::start().await;
    let team = system.team().await;
    require_approval(&team).await;
    let (editor, reviewer) = (&team.editor.session, &team.reviewer.session);
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let post = failed(&system, &team, draft("approved", &team.account.id)).await;
    write(editor, &post, "never seen by anyone").await;
    let request = RetryPostRequest {
        post_id: post.id.clone(),
        request_id: "once".to_owned(),
        ..Default::default()
    };
    let waiting = retry_post(editor, request.clone()).await.unwrap();
    assert_eq!(waiting.status(), PostStatus::NeedsApproval);
    assert_eq!(target_statuses(&waiting), [TargetStatus::Pending]);
    assert!(waiting.publish_when_approved);
    assert_eq!((waiting.approved_by_user_id.as_str(), waiting.approved_time), ("", None));
    assert_eq!(retry_post(editor, request).await.unwrap(), waiting, "the first answer again");
    assert_eq!(held(&system).await, 0);
    // It waits, whatever the time.
    system.clock.turn(TimeDelta::days(20));
    never_due(&team.owner.session, &other.id).await;
    assert_eq!(sent(editor, &team.account.id).await, ["approved"]);
    let released = approve(reviewer, &post.id).await.unwrap();
    assert_eq!(released.scheduled_time, after(&system, TimeDelta::zero()));
    assert!(!released.publish_when_approved);
    until(editor, &post.id, PostStatus::Published).await;
    assert_eq!(accepted(editor, &team.account.id).await, ["never seen by anyone"]);
    let now = month(&system, TimeDelta::zero());
    // Its own, and that of the post to the other workspace.
    assert_eq!(units(&system, &team.owner, now).await, 2);
}

#[tokio::test]
async fn an_editor_retries_what_is_as_it_was_approved() {
    let system = System::start().await;
    let team = system.team().await;
    require_approval(&team).await;
    let editor = &team.editor.session;
    let post = failed(&system, &team, draft("approved", &team.account.id)).await;
    // Changed, and changed back.
    write(editor, &post, "something else").await;
    write(editor, &post, "approved").await;
    assert_eq!(retry(editor, &post.id).await.unwrap().status(), PostStatus::Publishing);
    until(editor, &post.id, PostStatus::Published).await;
    assert_eq!(accepted(editor, &team.account.id).await, ["approved"]);
}

#[tokio::test]
async fn an_editor_retries_what_someone_let_out_who_needs_no_approval() {
    let system = System::start().await;
    let team = system.team().await;
    require_approval(&team).await;
    let (owner, editor) = (&team.owner.session, &team.editor.session);
    command(owner, &team.account.id, faults(&[SandboxFault::Refused, SandboxFault::Refused])).await;
    let request = CreatePostRequest { publish_now: true, ..draft("owner's", &team.account.id) };
    let post = owner.create_post(request).await.unwrap();
    until(editor, &post.id, PostStatus::Failed).await;
    assert_eq!(retry(editor, &post.id).await.unwrap().status(), PostStatus::Publishing);
    until(editor, &post.id, PostStatus::Failed).await;
    // The owner lets the editor's form out, and with that the editor may.
    write(editor, &post, "editor's").await;
    command(owner, &team.account.id, faults(&[SandboxFault::Refused])).await;
    assert_eq!(retry(owner, &post.id).await.unwrap().status(), PostStatus::Publishing);
    until(editor, &post.id, PostStatus::Failed).await;
    assert_eq!(retry(editor, &post.id).await.unwrap().status(), PostStatus::Publishing);
    until(editor, &post.id, PostStatus::Published).await;
    assert_eq!(accepted(owner, &team.account.id).await, ["editor's"]);
}

#[tokio::test]
async fn what_was_changed_before_approval_was_asked_for_asks_for_it_all_the_same() {
    let system = System::start().await;
    let team = system.team().await;
    let editor = &team.editor.session;
    command(&team.owner.session, &team.account.id, faults(&[SandboxFault::Refused])).await;
    let request = CreatePostRequest { publish_now: true, ..draft("x", &team.account.id) };
    let post = editor.create_post(request).await.unwrap();
    until(editor, &post.id, PostStatus::Failed).await;
    write(editor, &post, "y").await;
    require_approval(&team).await;
    assert_eq!(retry(editor, &post.id).await.unwrap().status(), PostStatus::NeedsApproval);
    // Canceled, it holds nothing and sends nothing.
    let canceled = cancel(editor, &post.id).await.unwrap();
    assert_eq!(target_statuses(&canceled), [TargetStatus::Canceled]);
    assert_eq!(held(&system).await, 0);
}

#[tokio::test]
async fn a_retry_that_was_rejected_is_a_draft_again() {
    let system = System::start().await;
    let team = system.team().await;
    require_approval(&team).await;
    let editor = &team.editor.session;
    let post = failed(&system, &team, draft("x", &team.account.id)).await;
    write(editor, &post, "y").await;
    retry(editor, &post.id).await.unwrap();
    let request = postbreeze_proto::v1::RejectPostRequest {
        post_id: post.id.clone(),
        note: "no".to_owned(),
        ..Default::default()
    };
    let draft = reject_post(&team.reviewer.session, request).await.unwrap();
    assert_eq!((draft.status(), draft.publish_when_approved), (PostStatus::Draft, false));
    // With a time of its own it waits for that, not for now.
    let waiting = schedule(&system, editor, &post.id, DAY).await.unwrap();
    assert_eq!(
        (waiting.status(), waiting.publish_when_approved),
        (PostStatus::NeedsApproval, false)
    );
    system.clock.turn(DAY);
    refused(approve(&team.reviewer.session, &post.id).await, Reason::ScheduleInPast);
}

#[tokio::test]
async fn what_an_editor_publishes_now_is_published_when_it_is_approved() {
    let system = System::start().await;
    let team = system.team().await;
    require_approval(&team).await;
    let editor = &team.editor.session;
    let request = CreatePostRequest { publish_now: true, ..draft("created", &team.account.id) };
    let created = editor.create_post(request).await.unwrap();
    let post = editor.create_post(draft("scheduled", &team.account.id)).await.unwrap();
    let request = SchedulePostRequest { post_id: post.id, publish_now: true, ..Default::default() };
    let later = schedule_post(editor, request).await.unwrap();
    let post = editor.create_post(draft("rescheduled", &team.account.id)).await.unwrap();
    let request =
        ReschedulePostRequest { post_id: post.id, publish_now: true, ..Default::default() };
    let moved = reschedule_post(editor, request).await.unwrap();
    let asked = after(&system, TimeDelta::zero());
    system.clock.turn(TimeDelta::days(20));
    for post in [created, later, moved] {
        assert_eq!((post.status(), post.scheduled_time), (PostStatus::NeedsApproval, asked));
        assert!(post.publish_when_approved);
        // Changing what goes out does not change when.
        let changed = write(editor, &post, &format!("{}, changed", post.content)).await;
        assert!(changed.publish_when_approved);
        let approved = approve(&team.reviewer.session, &post.id).await.unwrap();
        assert_eq!(approved.status(), PostStatus::Scheduled);
        assert_eq!(approved.scheduled_time, after(&system, TimeDelta::zero()));
        until(editor, &post.id, PostStatus::Published).await;
    }
    assert_eq!(
        accepted(editor, &team.account.id).await,
        ["created, changed", "rescheduled, changed", "scheduled, changed"]
    );
    assert_eq!(units(&system, &team.owner, month(&system, TimeDelta::zero())).await, 3);
    assert_eq!(held(&system).await, 3);
}

#[tokio::test]
async fn a_description_that_is_changed_in_the_library_does_not_change_what_goes_out() {
    let system = System::start().await;
    let team = system.team().await;
    require_approval(&team).await;
    let (owner, editor) = (&team.owner.session, &team.editor.session);
    let workspace_id = &team.workspace.id;
    let shared = add_media(&system, workspace_id, MediaKind::Image, "of the post").await;
    let own = add_media(&system, workspace_id, MediaKind::Image, "of, \"the\" \\target").await;
    let of_post = CreatePostRequest {
        media_ids: vec![shared.clone()],
        ..draft("of the post", &team.account.id)
    };
    let of_target = CreatePostRequest {
        platforms: of_target_inputs(&team, &own),
        ..draft("of the target", &team.account.id)
    };
    let of_post = approved(&system, &team, of_post).await;
    let of_target = approved(&system, &team, of_target).await;
    // Without approval it is the same.
    let free = owner
        .create_post(CreatePostRequest {
            platforms: of_target_inputs(&team, &own),
            ..scheduled(&system, "without approval", &team.account.id)
        })
        .await
        .unwrap();
    for id in [&shared, &own] {
        describe(editor, id, "changed since").await;
    }
    let shown = get(editor, &of_target.id).await.unwrap();
    let described = PostMedia { media_id: own, alt_text: "of, \"the\" \\target".to_owned() };
    assert_eq!(shown.targets[0].media, [described]);
    system.clock.turn(DAY);
    for post in [&of_post, &of_target, &free] {
        until(editor, &post.id, PostStatus::Published).await;
    }
    let calls = calls(editor, &team.account.id, SandboxCallKind::Publish).await;
    let mut described: Vec<_> =
        calls.into_iter().map(|call| (call.text, call.media_alt_texts.concat())).collect();
    described.sort();
    let wanted = [
        ("of the post", "of the post"),
        ("of the target", "of, \"the\" \\target"),
        ("without approval", "of, \"the\" \\target"),
    ];
    assert_eq!(described, wanted.map(|(text, alt)| (text.to_owned(), alt.to_owned())));
}

fn of_target_inputs(team: &Team, media_id: &str) -> Vec<PostTargetInput> {
    vec![PostTargetInput {
        account_id: team.account.id.clone(),
        media_ids: vec![media_id.to_owned()],
        ..Default::default()
    }]
}

/// A row of an earlier version of this service says nothing of descriptions, nor of what was let out.
#[tokio::test]
async fn a_post_of_an_earlier_version_goes_out_as_it_is_when_it_is_let_out() {
    let system = System::start().await;
    let team = system.team().await;
    require_approval(&team).await;
    let editor = &team.editor.session;
    let own = add_media(&system, &team.workspace.id, MediaKind::Image, "first").await;
    let request = CreatePostRequest {
        platforms: of_target_inputs(&team, &own),
        ..scheduled(&system, "x", &team.account.id)
    };
    let post = editor.create_post(request).await.unwrap();
    sqlx::query("UPDATE post_targets SET alt_texts = NULL")
        .execute(system.pool("posts"))
        .await
        .unwrap();
    describe(editor, &own, "when it was approved").await;
    approve(&team.reviewer.session, &post.id).await.unwrap();
    describe(editor, &own, "changed since").await;
    command(&team.admin.session, &team.account.id, faults(&[SandboxFault::Refused])).await;
    system.clock.turn(DAY);
    until(editor, &post.id, PostStatus::Failed).await;
    let sent = calls(editor, &team.account.id, SandboxCallKind::Publish).await;
    assert_eq!(sent[0].media_alt_texts, ["when it was approved"]);
    // An approval that was not taken back lets a retry out; one that was does not.
    sqlx::query("UPDATE posts SET released_form = NULL")
        .execute(system.pool("posts"))
        .await
        .unwrap();
    command(&team.admin.session, &team.account.id, faults(&[SandboxFault::Refused])).await;
    assert_eq!(retry(editor, &post.id).await.unwrap().status(), PostStatus::Publishing);
    until(editor, &post.id, PostStatus::Failed).await;
    sqlx::query("UPDATE posts SET released_form = NULL")
        .execute(system.pool("posts"))
        .await
        .unwrap();
    write(editor, &post, "y").await;
    assert_eq!(retry(editor, &post.id).await.unwrap().status(), PostStatus::NeedsApproval);
}
