//! What must hold whatever runs at once.

use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use postbreeze_ids::{AccountId, PostId};
use postbreeze_proto::{
    status::Reason,
    v1::{Platform, PostStatus, UpdatePostRequest},
};
use sqlx::{Postgres, Transaction};

use crate::support::{
    System, add_account, cancel, disconnect, draft, get, held, hold_post, refused, schedule,
    scheduled, target, update_post, waiting,
};

const DAY: TimeDelta = TimeDelta::days(1);

/// Gives a held post another account, and lets it go.
async fn readdress(mut held: Transaction<'static, Postgres>, post_id: &str, account_id: &str) {
    let post_id: PostId = post_id.parse().unwrap();
    let account_id: AccountId = account_id.parse().unwrap();
    for statement in [
        "UPDATE post_targets SET account_id = $2 WHERE post_id = $1",
        "UPDATE posts SET version = version + 1 WHERE id = $1 AND $2::UUID IS NOT NULL",
    ] {
        sqlx::query(statement)
            .bind(post_id.uuid())
            .bind(account_id.uuid())
            .execute(&mut *held)
            .await
            .unwrap();
    }
    held.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_accounts_changed_meanwhile_looks_at_the_new_ones() {
    let system = System::start().await;
    let team = system.team().await;
    let second = add_account(&system, &team.account, Platform::X).await;
    let client = &team.owner.session;
    let post = client.create_post(draft("x", &second)).await.unwrap();
    let gone = client.create_post(draft("x", &second)).await.unwrap();
    let third = add_account(&system, &team.account, Platform::Bluesky).await;
    disconnect(&team.owner, &team.account.id).await;
    for (id, account) in [(&post.id, &third), (&gone.id, &team.account.id)] {
        let held_back = hold_post(&system, id).await;
        let changing = async {
            waiting(&system, 1).await;
            readdress(held_back, id, account).await;
        };
        let (answer, ()) = join(schedule(&system, client, id, DAY), changing).await;
        if account == &third {
            let done = answer.unwrap();
            assert_eq!(done.status(), PostStatus::Scheduled);
            assert_eq!(done.targets[0].account_id, third);
        } else {
            refused(answer, Reason::AccountNotActive);
        }
    }
    assert_eq!(held(&system).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_a_post_whose_accounts_changed_meanwhile_needs_no_etag() {
    let system = System::start().await;
    let team = system.team().await;
    let second = add_account(&system, &team.account, Platform::X).await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    let held_back = hold_post(&system, &post.id).await;
    let changing = async {
        waiting(&system, 1).await;
        readdress(held_back, &post.id, &second).await;
    };
    let (canceled, ()) = join(cancel(client, &post.id), changing).await;
    assert_eq!(canceled.unwrap().status(), PostStatus::Canceled);
    assert_eq!(held(&system).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_steps_at_once_each_sees_what_the_one_before_left() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    let scheduled = join_all((0..8).map(|_| schedule(&system, client, &post.id, DAY))).await;
    assert_eq!(scheduled.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refusal in scheduled.into_iter().filter(Result::is_err) {
        refused(refusal, Reason::PostState);
    }
    assert_eq!(held(&system).await, 1);
    let updates = join_all((0..8).map(|n| {
        let request = UpdatePostRequest {
            post_id: post.id.clone(),
            content: format!("n{n}"),
            platforms: vec![target(&team.account.id)],
            ..Default::default()
        };
        update_post(client, request)
    }));
    let (updates, canceled) = join(updates, cancel(client, &post.id)).await;
    for answer in updates {
        answer.unwrap();
    }
    canceled.unwrap();
    let left = get(client, &post.id).await.unwrap();
    assert_eq!(left.status(), PostStatus::Canceled);
    assert!(left.targets.iter().all(|target| target.status().as_str_name().ends_with("CANCELED")));
    assert_eq!(left.targets.len(), 1);
    assert_eq!(held(&system).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_with_one_etag_one_happens() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    let answers = join_all((0..8).map(|n| {
        let request = UpdatePostRequest {
            post_id: post.id.clone(),
            content: format!("n{n}"),
            etag: post.etag.clone(),
            ..Default::default()
        };
        update_post(client, request)
    }))
    .await;
    let (done, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    for refusal in refusals {
        refused(refusal, Reason::EtagStale);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn update_post_judges_accounts_by_the_status_under_the_lock() {
    let system = System::start().await;
    let team = system.team().await;
    let second = add_account(&system, &team.account, Platform::X).await;
    let client = &team.owner.session;
    let post = client.create_post(draft("x", &second)).await.unwrap();
    disconnect(&team.owner, &team.account.id).await;
    let request = UpdatePostRequest {
        platforms: vec![target(&team.account.id)],
        post_id: post.id.clone(),
        ..Default::default()
    };
    let mut held_back = hold_post(&system, &post.id).await;
    let scheduling = async {
        waiting(&system, 1).await;
        let id: PostId = post.id.parse().unwrap();
        sqlx::query("UPDATE posts SET status = 'scheduled', version = version + 1 WHERE id = $1")
            .bind(id.uuid())
            .execute(&mut *held_back)
            .await
            .unwrap();
        held_back.commit().await.unwrap();
    };
    let (updated, ()) = join(update_post(client, request), scheduling).await;
    refused(updated, Reason::AccountNotActive);
}
