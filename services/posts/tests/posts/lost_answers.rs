//! An answer that does not come says nothing: what became of a sending is found out by looking, never by sending again.

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::{AttemptId, TargetId};
use postbreeze_proto::{
    status::Reason,
    v1::{
        ErrorClass, FirstCommentStatus, ListPublishAttemptsRequest, Platform, Post, PostStatus,
        PublishAttemptStatus, SandboxBehavior, SandboxCallKind, SandboxFault, TargetStatus,
    },
};

use postbreeze_posts::MIGRATOR;
use postbreeze_testkit::postgres::database;
use sqlx::PgPool;

use crate::support::{
    Client, Replica, Script, System, Team, accepted, add_account, calls, cancel, command, delete,
    due, events, faults, get, held, never_due, refused, reschedule, retry, scheduled, sent, target,
    target_statuses, until, until_target, until_that, with_comment, workspace_of,
};

const PUBLISH: &str = "/postbreeze.internal.v1.NetworkService/Publish";
/// Looks begin this soon.
const LOOK: TimeDelta = TimeDelta::seconds(6);

async fn attempts(client: &Client, post: &Post) -> Vec<PublishAttemptStatus> {
    let request = ListPublishAttemptsRequest { post_id: post.id.clone(), ..Default::default() };
    let listed = client.posts().list_publish_attempts(request).await.unwrap().into_inner();
    listed.attempts.iter().map(postbreeze_proto::v1::PublishAttempt::status).collect()
}

#[tokio::test]
async fn an_answer_that_was_lost_is_looked_for_and_nothing_is_sent_again() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    command(client, &team.account.id, faults(&[SandboxFault::AnswerLost])).await;
    let post = due(&system, client, "x", &team.account.id).await;
    let unknown = until_target(client, &post.id, TargetStatus::Unknown).await;
    assert_eq!(unknown.status(), PostStatus::Publishing);
    assert_eq!(unknown.targets[0].error.clone().unwrap().class(), ErrorClass::Unknown);
    assert_eq!(attempts(client, &post).await, [PublishAttemptStatus::Unknown]);
    // It may be out already: it is too late to stop it, and too early to say that it failed.
    refused(delete(client, &post.id).await, Reason::PostState);
    refused(cancel(client, &post.id).await, Reason::PostState);
    refused(retry(client, &post.id).await, Reason::NothingToRetry);
    system.clock.turn(LOOK);
    let published = until(client, &post.id, PostStatus::Published).await;
    assert_eq!((published.targets[0].attempt_count, &published.targets[0].error), (1, &None));
    assert_eq!(attempts(client, &post).await, [PublishAttemptStatus::Published]);
    let sent = calls(client, &team.account.id, SandboxCallKind::Publish).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(published.targets[0].external_post_id, sent[0].external_id);
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn a_request_that_was_lost_is_sent_again_once_it_is_known_not_to_have_arrived() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    command(client, &team.account.id, faults(&[SandboxFault::RequestLost])).await;
    let post = due(&system, client, "x", &team.account.id).await;
    until_target(client, &post.id, TargetStatus::Unknown).await;
    assert_eq!(sent(client, &team.account.id).await.len(), 1);
    system.clock.turn(LOOK);
    until(client, &post.id, PostStatus::Published).await;
    assert_eq!(sent(client, &team.account.id).await.len(), 2);
    assert_eq!(accepted(client, &team.account.id).await, ["x"]);
    assert_eq!(calls(client, &team.account.id, SandboxCallKind::Find).await.len(), 1);
    let wanted = [PublishAttemptStatus::Published, PublishAttemptStatus::Failed];
    assert_eq!(attempts(client, &post).await, wanted);
}

#[tokio::test]
async fn what_cannot_be_found_out_fails_as_that_and_is_sent_again_only_by_a_person() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let behavior = SandboxBehavior { hides_posts: true, ..faults(&[SandboxFault::RequestLost]) };
    command(client, &team.account.id, behavior).await;
    let post = due(&system, client, "x", &team.account.id).await;
    until_target(client, &post.id, TargetStatus::Unknown).await;
    system.clock.turn(LOOK);
    let failed = until(client, &post.id, PostStatus::Failed).await;
    let error = failed.targets[0].error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.class()), ("undecidable", ErrorClass::Unknown));
    assert_eq!(attempts(client, &post).await, [PublishAttemptStatus::Failed]);
    assert_eq!(events(&system, &post.id).await, ["post.failed"]);
    assert_eq!(held(&system).await, 0);
    for _ in 0..3 {
        system.clock.turn(TimeDelta::days(1));
        never_due(client, &other.id).await;
    }
    assert_eq!(sent(client, &team.account.id).await.len(), 1);
    command(client, &team.account.id, SandboxBehavior::default()).await;
    retry(client, &post.id).await.unwrap();
    until(client, &post.id, PostStatus::Published).await;
    assert_eq!(accepted(client, &team.account.id).await, ["x"]);
}

/// A post of two targets, whose rest is canceled while the fault keeps anybody from knowing what became of the first.
async fn cancel_while_lost(system: &System, team: &Team, fault: SandboxFault) -> Post {
    let client = &team.owner.session;
    let second = add_account(system, &team.account, Platform::X).await;
    command(client, &team.account.id, faults(&[fault])).await;
    let mut request = with_comment(scheduled(system, "x", &team.account.id), "first");
    request.platforms.push(target(&second));
    let post = client.create_post(request).await.unwrap();
    system.clock.turn(TimeDelta::days(1));
    until_that(
        "one is lost, and the other one not out",
        || async { target_statuses(&get(client, &post.id).await.unwrap()) },
        |statuses| {
            statuses[0] == TargetStatus::Unknown
                && matches!(statuses[1], TargetStatus::Pending | TargetStatus::Failed)
        },
    )
    .await;
    let canceled = cancel(client, &post.id).await.unwrap();
    assert_eq!(target_statuses(&canceled), [TargetStatus::Unknown, TargetStatus::Canceled]);
    system.clock.turn(LOOK);
    post
}

#[tokio::test]
async fn what_did_not_arrive_when_the_rest_was_canceled_is_not_sent_again_unasked() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let post = cancel_while_lost(&system, &team, SandboxFault::RequestLost).await;
    let over = until(client, &post.id, PostStatus::Canceled).await;
    assert_eq!(target_statuses(&over), [TargetStatus::Canceled; 2]);
    assert_eq!(held(&system).await, 0);
    system.clock.turn(TimeDelta::days(1));
    never_due(client, &other.id).await;
    assert!(accepted(client, &team.account.id).await.is_empty());
    // Asked for anew it goes out, with what follows it.
    reschedule(&system, client, &post.id, TimeDelta::days(1)).await.unwrap();
    system.clock.turn(TimeDelta::days(1));
    until_target(client, &post.id, TargetStatus::Published).await;
    until_that(
        "its first comment is out",
        || calls(client, &team.account.id, SandboxCallKind::Comment),
        |all| all.len() == 1,
    )
    .await;
}

#[tokio::test]
async fn what_had_arrived_when_the_rest_was_canceled_is_out_and_is_not_commented() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = cancel_while_lost(&system, &team, SandboxFault::AnswerLost).await;
    until(client, &post.id, PostStatus::Published).await;
    until_that(
        "its first comment is stopped",
        || async { get(client, &post.id).await.unwrap().targets.remove(0) },
        |target| target.first_comment_error.as_ref().is_some_and(|error| error.code == "canceled"),
    )
    .await;
    let left = get(client, &post.id).await.unwrap();
    assert_eq!(target_statuses(&left), [TargetStatus::Published, TargetStatus::Canceled]);
    assert_eq!(left.targets[0].first_comment_status(), FirstCommentStatus::Failed);
    assert!(calls(client, &team.account.id, SandboxCallKind::Comment).await.is_empty());
}

/// A worker wrote its attempt down, and died before or after the network had it.
async fn die(system: &System, post: &Post) {
    let target: TargetId = post.targets[0].id.parse().unwrap();
    let attempt: AttemptId = system.environment.minter.mint(target.bucket());
    let mut transaction = system.pool("posts").begin().await.unwrap();
    for statement in [
        "UPDATE posts SET status = 'publishing', version = version + 1
        WHERE id = (SELECT post_id FROM post_targets WHERE id = $1) AND $2::UUID IS NOT NULL
            AND $3::TIMESTAMPTZ IS NOT NULL",
        "INSERT INTO publish_attempts (
            bucket, id, workspace_id, post_id, target_id, account_id, platform, attempt_number, status, start_time
        )
        SELECT target.bucket, $2, post.workspace_id, post.id, target.id, account_id, platform, 1, 'in_flight', $3
        FROM post_targets AS target
        JOIN posts AS post ON post.id = target.post_id
        WHERE target.id = $1",
        "UPDATE post_targets
        SET status = 'publishing', version = 1, tries = 1, attempt_count = 1, send_key = 'sent-by-the-dead',
            first_try_time = $3, due_time = $3::TIMESTAMPTZ + INTERVAL '60 seconds'
        WHERE id = $1 AND $2::UUID IS NOT NULL",
    ] {
        sqlx::query(statement)
            .bind(target.uuid())
            .bind(attempt.uuid())
            .bind(system.clock.now())
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn what_a_dead_worker_left_is_looked_for_and_sent_if_it_did_not_arrive() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let request = scheduled(&system, "x", &team.account.id);
    let post = client.create_post(request).await.unwrap();
    die(&system, &post).await;
    // Its claim holds: it may still be alive.
    system.clock.turn(TimeDelta::seconds(59));
    never_due(client, &other.id).await;
    assert_eq!(get(client, &post.id).await.unwrap().targets[0].status(), TargetStatus::Publishing);
    system.clock.turn(TimeDelta::seconds(1));
    until_target(client, &post.id, TargetStatus::Unknown).await;
    assert_eq!(attempts(client, &post).await, [PublishAttemptStatus::Unknown]);
    system.clock.turn(LOOK);
    let published = until(client, &post.id, PostStatus::Published).await;
    assert_eq!(published.targets[0].attempt_count, 2);
    let looked = calls(client, &team.account.id, SandboxCallKind::Find).await;
    assert_eq!(
        looked.iter().map(|call| call.key.as_str()).collect::<Vec<_>>(),
        ["sent-by-the-dead"]
    );
    assert_eq!(accepted(client, &team.account.id).await, ["x"]);
}

/// Until when the one target of a post is claimed.
async fn claimed_until(pool: &PgPool, post: &Post) -> DateTime<Utc> {
    let target: TargetId = post.targets[0].id.parse().unwrap();
    sqlx::query_scalar("SELECT due_time FROM post_targets WHERE id = $1")
        .bind(target.uuid())
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_on_its_way_for_longer_than_a_lease_is_nobody_elses() {
    let system = System::start().await;
    let own = database("posts", &MIGRATOR).await;
    let replica = Replica::start(&system, &own);
    let another = Replica::start(&system, &own);
    let ann = replica.front(&system).sign_up("ann").await;
    let client = &ann.session;
    let (_, account) = workspace_of(&ann, "acme").await;
    let pool = own.pool();
    // The network has it, and its answer never comes.
    replica.script(PUBLISH, Script::Silence);
    another.script(PUBLISH, Script::Silence);
    let post = due(&system, client, "x", &account.id).await;
    until_that("the network has it", || sent(client, &account.id), |sent| sent.len() == 1).await;
    // Three leases of a minute: each time there is half of one left, it is held anew by who sends it.
    for _ in 0..6 {
        system.clock.turn(TimeDelta::seconds(30));
        let left = || async { claimed_until(pool, &post).await - system.clock.now() };
        until_that("the claim is renewed", left, |left| *left > TimeDelta::seconds(31)).await;
    }
    let sending = get(client, &post.id).await.unwrap();
    assert_eq!(sending.targets[0].status(), TargetStatus::Publishing);
    assert_eq!(attempts(client, &post).await, [PublishAttemptStatus::InFlight]);
    assert!(calls(client, &account.id, SandboxCallKind::Find).await.is_empty());
    assert_eq!(sent(client, &account.id).await, ["x"]);
    another.stop().await;
}

/// The clock passes a lease at once: whoever sends it may be taken for dead before it can say otherwise.
#[tokio::test]
async fn a_clock_that_jumps_while_an_answer_is_awaited_sends_nothing_twice() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let behavior = SandboxBehavior {
        delay: Some(prost_types::Duration { seconds: 2, nanos: 0 }),
        ..Default::default()
    };
    command(client, &team.account.id, behavior).await;
    let post = due(&system, client, "x", &team.account.id).await;
    until_target(client, &post.id, TargetStatus::Publishing).await;
    system.clock.turn(TimeDelta::minutes(5));
    let out = |post: &Post| post.status() == PostStatus::Published;
    system
        .as_time_passes("it is out", || async { get(client, &post.id).await.unwrap() }, out)
        .await;
    assert_eq!(sent(client, &team.account.id).await.len(), 1);
}
