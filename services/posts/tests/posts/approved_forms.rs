//! A law: whatever an editor does to posts, in whatever status, what the network receives was approved in exactly that
//! form.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use postbreeze_proto::v1::{
    ChangeSubscriptionRequest, CreatePostRequest, MediaKind, Plan, Post, PostStatus,
    PostTargetInput, ReschedulePostRequest, RetryFirstCommentRequest, SandboxBehavior,
    SandboxCallKind, SandboxFault, SchedulePostRequest, UpdateMediaRequest, UpdatePostRequest,
};
use postbreeze_testkit::Team;

use crate::support::{
    Client, System, add_media, after, approve, calls, cancel, command, eventually, faults, get,
    never_due, require_approval, reschedule_post, retry, schedule_post, update_post, workspace_of,
};

/// Where a post stands when the editor comes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Draft,
    NeedsApproval,
    Scheduled,
    Failed,
    Canceled,
    /// Published, but for its first comment.
    Uncommented,
}

/// The editor's change, where one is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Nothing,
    Content,
    Caption,
    FirstComment,
    PostMedia,
    TargetMedia,
    /// In the library.
    Description,
    /// In the library, of what the target alone shows.
    TargetDescription,
}

/// The editor's call after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Retry,
    Schedule,
    Reschedule,
    RetryFirstComment,
    /// The change alone.
    Wait,
}

/// Each with what may change where it stands, or is refused, or ought to be.
const STARTS: [(Start, &[Action]); 6] = [
    (Start::Draft, &[Action::Schedule, Action::Reschedule]),
    (Start::NeedsApproval, &[Action::Wait, Action::Reschedule]),
    (Start::Scheduled, &[Action::Wait, Action::Reschedule, Action::Retry]),
    (Start::Failed, &[Action::Retry, Action::Schedule, Action::Reschedule]),
    (Start::Canceled, &[Action::Schedule, Action::Reschedule]),
    (Start::Uncommented, &[Action::RetryFirstComment, Action::Retry]),
];
const CHANGES: [Change; 8] = [
    Change::Nothing,
    Change::Content,
    Change::Caption,
    Change::FirstComment,
    Change::PostMedia,
    Change::TargetMedia,
    Change::Description,
    Change::TargetDescription,
];
/// All that goes out: the text, the descriptions of what is shown, the first comment.
type Form = (String, Vec<String>, String);

struct Case {
    start: Start,
    change: Change,
    action: Action,
    post_id: String,
    /// The medium that it shows: the target's own where the change is about that, else the post's.
    media_id: String,
    other_media_id: String,
    /// The forms that a reviewer has approved.
    approved: HashSet<Form>,
}

impl Case {
    fn name(&self) -> String {
        format!("{:?} {:?} {:?}", self.start, self.change, self.action)
    }

    fn shows_own(&self) -> bool {
        matches!(self.change, Change::TargetMedia | Change::TargetDescription)
    }
}

fn form(post: &Post) -> Form {
    let target = &post.targets[0];
    let shown = if target.media.is_empty() { &post.media } else { &target.media };
    let text = target.caption_override.as_ref().unwrap_or(&post.content);
    let described = shown.iter().map(|medium| medium.alt_text.clone()).collect();
    (text.clone(), described, target.first_comment.clone())
}

/// Approves a post, and notes in which form.
async fn approve_as_it_is(team: &Team, case: &mut Case) {
    let seen = get(&team.reviewer.session, &case.post_id).await.unwrap();
    case.approved.insert(form(&seen));
    approve(&team.reviewer.session, &case.post_id).await.unwrap();
}

async fn begin(system: &System, team: &Team, start: Start, change: Change, action: Action) -> Case {
    let mut case = Case {
        start,
        change,
        action,
        post_id: String::new(),
        media_id: String::new(),
        other_media_id: String::new(),
        approved: HashSet::new(),
    };
    let name = case.name();
    let id = &team.workspace.id;
    case.media_id = add_media(system, id, MediaKind::Image, &format!("{name}: shown")).await;
    case.other_media_id = add_media(system, id, MediaKind::Image, &format!("{name}: other")).await;
    let ids = vec![case.media_id.clone()];
    let (of_post, own) = if case.shows_own() { (vec![], ids) } else { (ids, vec![]) };
    let ahead = if start == Start::Failed { TimeDelta::days(1) } else { TimeDelta::days(20) };
    let request = CreatePostRequest {
        content: name.clone(),
        platforms: vec![PostTargetInput {
            account_id: team.account.id.clone(),
            first_comment: format!("{name}: comment"),
            media_ids: own,
            ..Default::default()
        }],
        media_ids: of_post,
        scheduled_for: after(system, ahead).filter(|_| start != Start::Draft),
        publish_now: false,
        ..Default::default()
    };
    case.post_id = team.editor.session.create_post(request).await.unwrap().id;
    if !matches!(start, Start::Draft | Start::NeedsApproval) {
        approve_as_it_is(team, &mut case).await;
    }
    case
}

/// Makes the change and the call of a case. A refusal is as good as an answer.
async fn act(client: &Client, case: &Case) {
    let (name, post_id) = (case.name(), case.post_id.clone());
    let update = UpdatePostRequest { post_id: post_id.clone(), ..Default::default() };
    let post = get(client, &post_id).await.unwrap();
    let target = PostTargetInput {
        account_id: post.targets[0].account_id.clone(),
        first_comment: post.targets[0].first_comment.clone(),
        ..Default::default()
    };
    let changed = format!("{name}: changed");
    let update = match case.change {
        Change::Nothing => None,
        Change::Content => Some(UpdatePostRequest { content: changed, ..update }),
        Change::Caption => {
            let target = PostTargetInput { caption_override: Some(changed), ..target };
            Some(UpdatePostRequest { platforms: vec![target], ..update })
        }
        Change::FirstComment => {
            let target = PostTargetInput { first_comment: changed, ..target };
            Some(UpdatePostRequest { platforms: vec![target], ..update })
        }
        Change::PostMedia => {
            Some(UpdatePostRequest { media_ids: vec![case.other_media_id.clone()], ..update })
        }
        Change::TargetMedia => {
            let target = PostTargetInput { media_ids: vec![case.other_media_id.clone()], ..target };
            Some(UpdatePostRequest { platforms: vec![target], ..update })
        }
        Change::Description | Change::TargetDescription => {
            let request = UpdateMediaRequest {
                media_id: case.media_id.clone(),
                alt_text: changed,
                ..Default::default()
            };
            client.media().update_media(request).await.unwrap();
            None
        }
    };
    if let Some(update) = update {
        drop(update_post(client, update).await);
    }
    match case.action {
        Action::Retry => drop(retry(client, &post_id).await),
        Action::Schedule => {
            let request = SchedulePostRequest { post_id, publish_now: true, ..Default::default() };
            drop(schedule_post(client, request).await);
        }
        Action::Reschedule => {
            let request =
                ReschedulePostRequest { post_id, publish_now: true, ..Default::default() };
            drop(reschedule_post(client, request).await);
        }
        Action::RetryFirstComment => {
            let target_id = post.targets[0].id.clone();
            let request = RetryFirstCommentRequest { post_id, target_id, ..Default::default() };
            drop(client.posts().retry_first_comment(request).await);
        }
        Action::Wait => {}
    }
}

/// Waits until nothing of the cases is on its way, and checks that whatever the network received was approved.
async fn check(system: &System, client: &Client, account_id: &str, cases: &[Case]) {
    eventually("nothing is on its way any more", || async {
        system.clock.turn(TimeDelta::seconds(20));
        let open: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM post_targets WHERE due_time <= $1 OR status IN ('publishing', 'unknown')",
        )
        .bind(system.clock.now())
        .fetch_one(system.pool("posts"))
        .await
        .unwrap();
        open == 0
    })
    .await;
    let by_name: HashMap<String, &Case> = cases.iter().map(|case| (case.name(), case)).collect();
    let case_of = |text: &str| by_name[text.split(':').next().unwrap()];
    let mut wrong = Vec::new();
    for call in calls(client, account_id, SandboxCallKind::Publish).await {
        let fits = |form: &&Form| form.0 == call.text && form.1 == call.media_alt_texts;
        if case_of(&call.text).approved.iter().find(fits).is_none() {
            wrong.push(format!("{}: {:?} went out", call.text, call.media_alt_texts));
        }
    }
    for call in calls(client, account_id, SandboxCallKind::Comment).await {
        if !case_of(&call.text).approved.iter().any(|form| form.2 == call.text) {
            wrong.push(format!("{} was commented", call.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_out_was_approved_in_exactly_that_form() {
    let system = System::start().await;
    let team = system.team().await;
    require_approval(&team).await;
    let plan = ChangeSubscriptionRequest { plan: Plan::Enterprise.into() };
    team.owner.session.billing().change_subscription(plan).await.unwrap();
    let (owner, editor) = (&team.owner.session, &team.editor.session);
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let mut cases = Vec::new();
    for (start, actions) in STARTS {
        for change in CHANGES {
            for action in actions {
                cases.push(begin(&system, &team, start, change, *action).await);
            }
        }
    }

    // Where they are to begin.
    for case in cases.iter().filter(|case| case.start == Start::Canceled) {
        cancel(editor, &case.post_id).await.unwrap();
    }
    let refusing = SandboxBehavior {
        fault_percent: 100,
        random_faults: vec![SandboxFault::Refused.into()],
        ..Default::default()
    };
    command(owner, &team.account.id, refusing.clone()).await;
    system.clock.turn(TimeDelta::days(1));
    for case in cases.iter().filter(|case| case.start == Start::Failed) {
        crate::support::until(editor, &case.post_id, PostStatus::Failed).await;
    }
    for case in cases.iter().filter(|case| case.start == Start::Uncommented) {
        let next = [SandboxFault::Unspecified, SandboxFault::Refused];
        command(owner, &team.account.id, faults(&next)).await;
        let request = ReschedulePostRequest {
            post_id: case.post_id.clone(),
            publish_now: true,
            ..Default::default()
        };
        reschedule_post(editor, request).await.unwrap();
        eventually("its comment was refused", || async {
            let post = get(editor, &case.post_id).await.unwrap();
            post.targets[0].first_comment_error.is_some()
        })
        .await;
    }
    // Longer than a first comment must wait to be tried again.
    system.clock.turn(TimeDelta::minutes(1));
    command(owner, &team.account.id, SandboxBehavior::default()).await;

    for case in &cases {
        act(editor, case).await;
    }
    system.clock.turn(TimeDelta::days(20));
    never_due(owner, &other.id).await;
    check(&system, owner, &team.account.id, &cases).await;

    // A post that waits goes out once it is approved, and as it is then.
    let mut waiting = 0;
    for case in &mut cases {
        let post = get(editor, &case.post_id).await.unwrap();
        if post.status() == PostStatus::NeedsApproval && post.publish_when_approved {
            approve_as_it_is(&team, case).await;
            waiting += 1;
        }
    }
    // Of drafts, canceled and failed posts what is scheduled or rescheduled; of failed ones also a retry after a change of the
    // content or of the post's media. New targets have canceled the others.
    assert_eq!(waiting, 8 * 2 + 8 * 2 + 8 * 2 + 2);
    check(&system, owner, &team.account.id, &cases).await;
    for case in &cases {
        let post = get(editor, &case.post_id).await.unwrap();
        let is_out = post.status() == PostStatus::Published;
        let was_approved = case.approved.contains(&form(&post));
        assert!(!is_out || was_approved, "{}", case.name());
    }
}
