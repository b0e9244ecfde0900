//! Nothing goes out days late: a target that was not sent in time fails.

use chrono::TimeDelta;
use postbreeze_posts::MIGRATOR;
use postbreeze_proto::v1::{ErrorClass, PostStatus, SandboxFault, TargetStatus};
use postbreeze_testkit::postgres::database;

use crate::support::{
    Replica, System, command, events, eventually, faults, get, held, retry, scheduled, sent, until,
    until_target, workspace_of,
};

const DAY: TimeDelta = TimeDelta::days(1);

#[tokio::test]
async fn a_post_goes_out_a_day_late_and_not_later() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let in_time = client.create_post(scheduled(&system, "in time", &other.id)).await.unwrap();
    system.clock.turn(DAY * 2);
    until(client, &in_time.id, PostStatus::Published).await;
    let late = client.create_post(scheduled(&system, "late", &team.account.id)).await.unwrap();
    assert_eq!(held(&system).await, 2);
    system.clock.turn(DAY * 2 + TimeDelta::milliseconds(1));
    let failed = until(client, &late.id, PostStatus::Failed).await;
    let target = &failed.targets[0];
    let error = target.error.clone().unwrap();
    assert_eq!((target.status(), target.attempt_count), (TargetStatus::Failed, 0));
    assert_eq!((error.code.as_str(), error.class()), ("too_late", ErrorClass::Transient));
    assert_eq!(events(&system, &late.id).await, ["post.failed"]);
    assert_eq!(held(&system).await, 1);
    assert_eq!(sent(client, &team.account.id).await, [""; 0]);
    // A retry is wanted now.
    retry(client, &late.id).await.unwrap();
    until(client, &late.id, PostStatus::Published).await;
    assert_eq!(sent(client, &team.account.id).await, ["late"]);
}

#[tokio::test]
async fn what_has_begun_or_is_unknown_does_not_end_by_its_lateness() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    command(client, &team.account.id, faults(&[SandboxFault::AnswerLost])).await;
    let lost = client.create_post(scheduled(&system, "lost", &team.account.id)).await.unwrap();
    system.clock.turn(DAY);
    until_target(client, &lost.id, TargetStatus::Unknown).await;
    system.clock.turn(DAY * 3);
    until(client, &lost.id, PostStatus::Published).await;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    command(client, &other.id, faults(&[SandboxFault::ServerError])).await;
    let begun = client.create_post(scheduled(&system, "begun", &other.id)).await.unwrap();
    system.clock.turn(DAY);
    eventually("it was tried", || async {
        let target = &get(client, &begun.id).await.unwrap().targets[0];
        target.attempt_count == 1 && target.status() == TargetStatus::Pending
    })
    .await;
    system.clock.turn(DAY * 3);
    until(client, &begun.id, PostStatus::Published).await;
}

#[tokio::test]
async fn late_posts_end_also_while_accounts_cannot_be_reached() {
    let system = System::start().await;
    let own = database("posts", &MIGRATOR).await;
    let replica = Replica::start(&system, &own);
    let ann = replica.front(&system).sign_up("ann").await;
    let client = &ann.session;
    let (_, account) = workspace_of(&ann, "acme").await;
    let late = client.create_post(scheduled(&system, "late", &account.id)).await.unwrap();
    replica.cut(true);
    eventually("it says that it cannot send", || async { !replica.says("publisher").await }).await;
    system.clock.turn(DAY);
    let later = get(client, &late.id).await.unwrap();
    assert_eq!(later.status(), PostStatus::Scheduled);
    system.clock.turn(DAY + TimeDelta::seconds(1));
    let failed = until(client, &late.id, PostStatus::Failed).await;
    assert_eq!(failed.targets[0].error.clone().unwrap().code, "too_late");
    replica.cut(false);
    assert_eq!(sent(client, &account.id).await, [""; 0]);
    replica.stop().await;
}
