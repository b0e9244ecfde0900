//! The monthly cap: never oversold, never leaking.

use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_proto::{
    status::{Reason, reason_of},
    v1::{GetUsageRequest, Plan, PostStatus, TransferOwnershipRequest},
};
use tonic::{Code, Status};

use crate::support::{
    Standing, System, User, approve, cancel, change_plan, delete, draft, held, list, metadata,
    month, refused, reschedule, retry, schedule, scheduled, standing, units, waiting_post,
    workspace_of,
};

const DAY: TimeDelta = TimeDelta::days(1);
const MONTH: TimeDelta = TimeDelta::days(30);
const FREE: usize = 20;

#[track_caller]
fn at_the_cap<T>(answer: Result<T, Status>, current: &str) {
    let status = refused(answer, Reason::PlanLimitPosts);
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(metadata(&status, "limit").as_deref(), Some("20"));
    assert_eq!(metadata(&status, "current").as_deref(), Some(current));
}

async fn fill(system: &System, user: &User, account_id: &str, posts: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..posts {
        let post = user.session.create_post(scheduled(system, "x", account_id)).await.unwrap();
        ids.push(post.id);
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_posts_at_once_over_several_workspaces_take_exactly_the_twenty_units() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let mut accounts = Vec::new();
    for name in ["acme", "globex", "initech"] {
        accounts.push(workspace_of(&ann, name).await.1.id);
    }
    let answers = join_all((0..60).map(|n| {
        let (client, mut request) =
            (ann.session.clone(), scheduled(&system, "x", &accounts[n % accounts.len()]));
        // Some with a request_id, and so in a transaction of several statements.
        request.request_id = if n % 2 == 0 { String::new() } else { format!("n{n}") };
        async move { client.create_post(request).await }
    }))
    .await;
    let (made, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), FREE);
    for refusal in refusals {
        at_the_cap(refusal, "20");
    }
    assert_eq!(held(&system).await, 20);
    assert_eq!(list(&ann.session).await.len(), FREE);
    let usage = ann.session.billing().get_usage(GetUsageRequest::default()).await.unwrap();
    assert_eq!(usage.into_inner().usage.unwrap().posts_used, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_of_every_kind_at_once_take_exactly_the_units_that_are_left() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let mut ids = Vec::new();
    for n in 0..24 {
        let stands = match n % 4 {
            0 => Standing::Failed,
            1 => Standing::Canceled,
            _ => Standing::Draft,
        };
        ids.push((n, standing(&system, &team, stands).await.id));
    }
    fill(&system, &team.owner, &team.account.id, 14).await;
    let answers = join_all(ids.iter().map(|(n, id)| {
        let system = &system;
        async move {
            match n % 4 {
                0 => retry(client, id).await,
                1 | 2 => schedule(system, client, id, DAY).await,
                _ => reschedule(system, client, id, DAY).await,
            }
        }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 6);
    for refusal in answers.into_iter().filter(Result::is_err) {
        at_the_cap(refusal, "20");
    }
    assert_eq!(units(&system, &team.owner, month(&system, DAY)).await, 20);
    assert_eq!(held(&system).await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_is_given_back_once_whoever_cancels_and_deletes_at_once() {
    let system = System::start().await;
    let team = system.team().await;
    let ids = fill(&system, &team.owner, &team.account.id, 10).await;
    let clients = [&team.owner.session, &team.admin.session, &team.editor.session];
    join_all(ids.iter().flat_map(|id| {
        clients.into_iter().enumerate().map(move |(n, client)| async move {
            if n == 0 { delete(client, id).await } else { cancel(client, id).await.map(drop) }
        })
    }))
    .await;
    assert_eq!(held(&system).await, 0);
    let ids = fill(&system, &team.owner, &team.account.id, FREE).await;
    let full = team.owner.session.create_post(scheduled(&system, "x", &team.account.id)).await;
    at_the_cap(full, "20");
    delete(&team.owner.session, &ids[0]).await.unwrap();
    fill(&system, &team.owner, &team.account.id, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_that_move_between_months_at_once_keep_both_counters_right() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let ids = fill(&system, &team.owner, &team.account.id, 12).await;
    for id in &ids[..6] {
        reschedule(&system, client, id, MONTH).await.unwrap();
    }
    let moves = ids.iter().enumerate().flat_map(|(n, id)| {
        let there = if n < 6 { DAY } else { MONTH };
        [there, MONTH, DAY].map(|ahead| reschedule(&system, client, id, ahead))
    });
    for answer in join_all(moves).await {
        answer.unwrap();
    }
    let (this_month, next) = (month(&system, DAY), month(&system, MONTH));
    let both =
        units(&system, &team.owner, this_month).await + units(&system, &team.owner, next).await;
    assert_eq!(both, 12);
    assert_eq!(held(&system).await, 12);
}

#[tokio::test]
async fn a_full_month_refuses_every_step_that_needs_a_unit_of_it_and_no_other() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let failed = standing(&system, &team, Standing::Failed).await;
    let waits = waiting_post(&system, &team).await;
    let ids = fill(&system, &team.owner, &team.account.id, FREE).await;
    at_the_cap(approve(&team.reviewer.session, &waits.id).await, "20");
    at_the_cap(retry(client, &failed.id).await, "20");
    at_the_cap(schedule(&system, client, &failed.id, DAY).await, "20");
    // Within the month nothing changes; into the next one there is room, and back there is the room it left.
    reschedule(&system, client, &ids[0], DAY * 2).await.unwrap();
    reschedule(&system, client, &ids[0], MONTH).await.unwrap();
    schedule(&system, client, &failed.id, MONTH).await.unwrap();
    reschedule(&system, client, &ids[0], DAY).await.unwrap();
    at_the_cap(reschedule(&system, client, &failed.id, DAY).await, "20");
    assert_eq!(held(&system).await, 21);
}

#[tokio::test]
async fn a_lower_plan_stops_nothing_that_is_scheduled_and_tells_what_is_held() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    change_plan(&team.owner, Plan::Pro).await;
    let ids = fill(&system, &team.owner, &team.account.id, 25).await;
    change_plan(&team.owner, Plan::Free).await;
    at_the_cap(client.create_post(scheduled(&system, "x", &team.account.id)).await, "25");
    let free = client.create_post(draft("x", &team.account.id)).await.unwrap();
    at_the_cap(schedule(&system, client, &free.id, DAY).await, "25");
    let moved = reschedule(&system, client, &ids[0], DAY * 2).await.unwrap();
    assert_eq!(moved.status(), PostStatus::Scheduled);
    for id in &ids[..5] {
        cancel(client, id).await.unwrap();
    }
    at_the_cap(schedule(&system, client, &free.id, DAY).await, "20");
    cancel(client, &ids[5]).await.unwrap();
    schedule(&system, client, &free.id, DAY).await.unwrap();
    change_plan(&team.owner, Plan::Enterprise).await;
    fill(&system, &team.owner, &team.account.id, 2).await;
}

#[tokio::test]
async fn the_owners_plan_counts_and_a_transfer_moves_no_unit() {
    let system = System::start().await;
    let team = system.team().await;
    change_plan(&team.editor, Plan::Enterprise).await;
    let ids = fill(&system, &team.editor, &team.account.id, FREE).await;
    let answer = team.editor.session.create_post(scheduled(&system, "x", &team.account.id)).await;
    assert_eq!(reason_of(&answer.unwrap_err()), Some(Reason::PlanLimitPosts));
    let request = TransferOwnershipRequest {
        workspace_id: team.workspace.id.clone(),
        user_id: team.editor.id().to_owned(),
    };
    team.owner.session.members().transfer_ownership(request).await.unwrap();
    let this_month = month(&system, DAY);
    assert_eq!(units(&system, &team.owner, this_month).await, 20);
    fill(&system, &team.editor, &team.account.id, 2).await;
    assert_eq!(units(&system, &team.editor, this_month).await, 2);
    // The unit goes back to whom it was charged, and a new one is the new owner's.
    cancel(&team.editor.session, &ids[0]).await.unwrap();
    assert_eq!(units(&system, &team.owner, this_month).await, 19);
    reschedule(&system, &team.editor.session, &ids[1], MONTH).await.unwrap();
    assert_eq!(units(&system, &team.owner, this_month).await, 18);
    assert_eq!(units(&system, &team.editor, month(&system, MONTH)).await, 1);
    assert_eq!(held(&system).await, 21);
}
