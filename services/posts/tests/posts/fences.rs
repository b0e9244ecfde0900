//! What was answered OK holds against the publisher: what was stopped has not gone out.

use chrono::TimeDelta;
use futures_util::{StreamExt as _, stream};
use postbreeze_proto::{
    status::{Reason, reason_of},
    v1::{
        CreatePostRequest, DeleteWorkspaceRequest, Plan, Platform, Post, PostStatus, TargetStatus,
        UpdatePostRequest,
    },
};

use crate::support::{
    System, accepted, add_account, after, cancel, change_plan, delete, disconnect, draft, due,
    events, get, held, never_due, reschedule, scheduled, sent, target, target_statuses, until,
    until_eq, until_that, update_post, waiting, workspace_of,
};

/// How a client stops a post.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Cancel,
    Delete,
    Reschedule,
    /// What goes out is something else.
    Update,
}

/// Stops a post; answers whether that came in time.
async fn stop(system: &System, client: &crate::support::Client, post: &Post, how: Stop) -> bool {
    let answer = match how {
        Stop::Cancel => cancel(client, &post.id).await.map(drop),
        Stop::Delete => delete(client, &post.id).await,
        Stop::Reschedule => {
            reschedule(system, client, &post.id, TimeDelta::days(7)).await.map(drop)
        }
        Stop::Update => {
            let request = UpdatePostRequest {
                post_id: post.id.clone(),
                content: edited(&post.content),
                ..Default::default()
            };
            update_post(client, request).await.map(drop)
        }
    };
    match answer {
        Ok(()) => true,
        Err(status) => {
            assert_eq!(reason_of(&status), Some(Reason::PostState), "{status:?}");
            false
        }
    }
}

fn edited(content: &str) -> String {
    format!("{content}, edited")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_was_stopped_has_not_gone_out_and_any_other_has() {
    race(300, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: `make chaos` runs it"]
async fn of_ten_thousand_posts_each_that_was_stopped_has_not_gone_out() {
    race(10_000, 50).await;
}

/// Stops so many posts about when they are due, spread over accounts each of which has few sendings at once.
async fn race(posts: usize, accounts: usize) {
    let (races, account_count) = (posts, accounts);
    // Some hundred calls, eight or sixteen at a time, take their time on a machine with other work to do.
    let system = System::start_with(&[("POSTBREEZE_DEFAULT_DEADLINE_MS", "20000")]).await;
    let owner = system.sign_up("owner").await;
    change_plan(&owner, Plan::Enterprise).await;
    let client = &owner.session;
    let mut accounts = Vec::new();
    for number in 0..account_count {
        accounts.push(workspace_of(&owner, &format!("acme{number}")).await.1.id);
    }
    let posts: Vec<Post> = stream::iter(0..races)
        .map(|number| {
            // Due a little before, or a little after, it is stopped.
            let around = i64::try_from(number + number * 7 % 41).unwrap();
            let request = CreatePostRequest {
                scheduled_for: after(&system, TimeDelta::days(1) + TimeDelta::seconds(around)),
                ..draft(&format!("post {number:05}"), &accounts[number % account_count])
            };
            async { client.create_post(request).await.unwrap() }
        })
        .buffered(8)
        .collect()
        .await;
    system.pass(TimeDelta::days(1) + TimeDelta::seconds(20)).await;
    let stopped: Vec<(Stop, bool)> = stream::iter(posts.iter().enumerate())
        .map(|(number, post)| {
            let how = [Stop::Cancel, Stop::Delete, Stop::Reschedule, Stop::Update][number % 4];
            let system = &system;
            async move {
                // Not past what is on its way: it would be taken for lost.
                system.pass(TimeDelta::seconds(1)).await;
                (how, stop(system, client, post, how).await)
            }
        })
        .buffered(16)
        .collect()
        .await;
    // What was lost on a machine with other work to do is looked for a few seconds later.
    let open = || async {
        sqlx::query_scalar::<_, i64>(
            "SELECT count(*) FROM posts
            WHERE delete_time IS NULL AND (status = 'publishing' OR status = 'scheduled' AND scheduled_time < $1)",
        )
        .bind(system.clock.now() + TimeDelta::days(1))
        .fetch_one(system.pool("posts"))
        .await
        .unwrap()
    };
    system.as_time_passes("all are out that were not stopped", open, |open| *open == 0).await;
    // One that is out can be deleted as well: that hides it, and stops nothing.
    let hidden: Vec<String> = sqlx::query_scalar(
        "SELECT content FROM posts WHERE delete_time IS NOT NULL AND status = 'published'",
    )
    .fetch_all(system.pool("posts"))
    .await
    .unwrap();
    let in_time =
        |number: &usize| stopped[*number].1 && !hidden.contains(&format!("post {number:05}"));
    let mut out = Vec::new();
    for account in &accounts {
        out.extend(accepted(client, account).await);
    }
    out.sort();
    let wanted: Vec<String> = (0..races)
        .filter_map(|number| {
            let content = format!("post {number:05}");
            match (in_time(&number), stopped[number].0) {
                (false, _) => Some(content),
                (true, Stop::Update) => Some(edited(&content)),
                (true, _) => None,
            }
        })
        .collect();
    assert_eq!(out, wanted);
    // Both sides won some: otherwise nothing was raced.
    let in_time = (0..races).filter(in_time).count();
    assert!((1..races).contains(&in_time), "{in_time} of {races} were stopped in time");
    let moved = stopped.iter().filter(|stopped| **stopped == (Stop::Reschedule, true)).count();
    assert_eq!(held(&system).await, i64::try_from(wanted.len() + moved).unwrap());
}

#[tokio::test]
async fn disconnecting_an_account_stops_what_waits_for_it() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let second = add_account(&system, &team.account, Platform::X).await;
    let alone = client.create_post(scheduled(&system, "alone", &team.account.id)).await.unwrap();
    let mut both = scheduled(&system, "both", &team.account.id);
    both.platforms.push(target(&second));
    let both = client.create_post(both).await.unwrap();
    let draft = client.create_post(draft("draft", &team.account.id)).await.unwrap();
    assert_eq!(held(&system).await, 2);
    disconnect(&team.owner, &team.account.id).await;
    let canceled = until(client, &alone.id, PostStatus::Canceled).await;
    assert_eq!(target_statuses(&canceled), [TargetStatus::Canceled]);
    assert_eq!(canceled.targets[0].error.clone().unwrap().code, "account_not_active");
    assert_eq!(events(&system, &alone.id).await, ["post.canceled"]);
    until_that(
        "its other targets stay",
        || async { get(client, &both.id).await.unwrap() },
        |both| {
            target_statuses(both) == [TargetStatus::Canceled, TargetStatus::Pending]
                && both.status() == PostStatus::Scheduled
        },
    )
    .await;
    assert_eq!(get(client, &draft.id).await.unwrap(), draft);
    assert_eq!(held(&system).await, 1);
}

/// The disconnection is OK, and nobody here has heard of it yet.
#[tokio::test]
async fn nothing_is_sent_to_an_account_whose_disconnection_was_not_heard_of() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    sqlx::query("UPDATE accounts SET status = 'disconnected'")
        .execute(system.pool("accounts"))
        .await
        .unwrap();
    system.clock.turn(TimeDelta::days(1));
    let canceled = until(client, &post.id, PostStatus::Canceled).await;
    assert_eq!(target_statuses(&canceled), [TargetStatus::Canceled]);
    assert_eq!(held(&system).await, 0);
    assert_eq!(sent(client, &team.account.id).await, [""; 0]);
}

/// A post that was written while its account was disconnected, of which no entry of the log comes any more.
#[tokio::test]
async fn what_was_written_after_its_account_was_gone_is_canceled_when_it_is_due() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let first = client.create_post(scheduled(&system, "first", &team.account.id)).await.unwrap();
    disconnect(&team.owner, &team.account.id).await;
    until(client, &first.id, PostStatus::Canceled).await;
    sqlx::query("UPDATE accounts SET status = 'active'")
        .execute(system.pool("accounts"))
        .await
        .unwrap();
    let late = due(&system, client, "late", &team.account.id).await;
    let canceled = until(client, &late.id, PostStatus::Canceled).await;
    assert_eq!(canceled.targets[0].attempt_count, 0);
    assert_eq!(sent(client, &team.account.id).await, [""; 0]);
}

/// The deletion is OK, and nobody here has dealt with it yet.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_out_of_a_workspace_whose_deletion_was_not_dealt_with() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    let mut held_back = system.pool("posts").begin().await.unwrap();
    sqlx::query("SELECT FROM post_heads FOR SHARE").execute(&mut *held_back).await.unwrap();
    let request = DeleteWorkspaceRequest { workspace_id: team.workspace.id.clone() };
    client.workspaces().delete_workspace(request).await.unwrap();
    waiting(&system, 1).await;
    system.clock.turn(TimeDelta::days(1));
    let id: postbreeze_ids::PostId = post.id.parse().unwrap();
    until_that(
        "it was withheld",
        || async {
            sqlx::query_scalar(
                "SELECT count(*) FROM post_targets WHERE post_id = $1 AND error_code = 'not_sent'",
            )
            .bind(id.uuid())
            .fetch_one(system.pool("posts"))
            .await
            .unwrap()
        },
        |withheld: &i64| *withheld > 0,
    )
    .await;
    held_back.rollback().await.unwrap();
    until_eq("its unit is given back", 0, || held(&system)).await;
    never_due(client, &other.id).await;
    let received: i64 = sqlx::query_scalar("SELECT count(*) FROM sandbox_calls")
        .fetch_one(system.pool("accounts"))
        .await
        .unwrap();
    assert_eq!(received, 1, "that of the other workspace");
}

#[tokio::test]
async fn nothing_of_a_deleted_workspace_goes_out() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    let request = DeleteWorkspaceRequest { workspace_id: team.workspace.id.clone() };
    client.workspaces().delete_workspace(request).await.unwrap();
    until_eq("its unit is given back", 0, || held(&system)).await;
    system.clock.turn(TimeDelta::days(1));
    never_due(client, &other.id).await;
    let received: i64 = sqlx::query_scalar("SELECT count(*) FROM sandbox_calls")
        .fetch_one(system.pool("accounts"))
        .await
        .unwrap();
    assert_eq!(received, 1, "that of the other workspace");
}
