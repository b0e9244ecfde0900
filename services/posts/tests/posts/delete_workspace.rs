//! What becomes of posts when their workspace is deleted.

use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use postbreeze_ids::{UserId, WorkspaceId};
use postbreeze_proto::{
    status::{Reason, reason_of},
    v1::{CreatePostRequest, DeleteWorkspaceRequest, Platform, Workspace},
};
use sqlx::{Postgres, Transaction};

use crate::support::{
    Fate, System, User, add_account, draft, get, held, meet, refused, retry, schedule, scheduled,
    target, until_that, waiting, workspace_of,
};

const DAY: TimeDelta = TimeDelta::days(1);

async fn delete(user: &User, workspace: &Workspace) {
    let request = DeleteWorkspaceRequest { workspace_id: workspace.id.clone() };
    user.session.workspaces().delete_workspace(request).await.unwrap();
}

fn uuid(workspace: &Workspace) -> uuid::Uuid {
    workspace.id.parse::<WorkspaceId>().unwrap().uuid()
}

/// How many deletions have been dealt with.
async fn position(system: &System) -> i64 {
    sqlx::query_scalar("SELECT position FROM workspace_log_position")
        .fetch_one(system.pool("posts"))
        .await
        .unwrap()
}

async fn dealt_with(system: &System, before: i64) {
    until_that("the deletion is dealt with", || position(system), |seen| *seen > before).await;
}

/// Posts of a workspace that could still go out.
async fn open_posts(system: &System, workspace: &Workspace) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM posts AS post
        WHERE workspace_id = $1 AND delete_time IS NULL AND (
            status IN ('needs_approval', 'scheduled') OR (
                status IN ('publishing', 'partially_published') AND EXISTS (
                    SELECT FROM post_targets AS target
                    WHERE target.post_id = post.id AND target.status IN ('pending', 'failed')
                )
            )
        )",
    )
    .bind(uuid(workspace))
    .fetch_one(system.pool("posts"))
    .await
    .unwrap()
}

async fn statuses(system: &System, workspace: &Workspace) -> Vec<(String, Vec<String>)> {
    sqlx::query_as(
        "SELECT post.status, array_agg(target.status ORDER BY target.position)
        FROM posts AS post
        JOIN post_targets AS target ON target.post_id = post.id
        WHERE workspace_id = $1
        GROUP BY post.bucket, post.id
        ORDER BY post.id",
    )
    .bind(uuid(workspace))
    .fetch_all(system.pool("posts"))
    .await
    .unwrap()
}

#[tokio::test]
async fn deleting_a_workspace_stops_what_had_not_gone_out_and_gives_its_units_back() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    let (_, kept) = workspace_of(&ann, "globex").await;
    let second = add_account(&system, &account, Platform::X).await;
    ann.session.create_post(scheduled(&system, "kept", &kept.id)).await.unwrap();
    let both = |mut request: CreatePostRequest| {
        request.platforms.push(target(&second));
        ann.session.create_post(request)
    };
    both(draft("x", &account.id)).await.unwrap();
    both(scheduled(&system, "x", &account.id)).await.unwrap();
    let cases: [([Fate; 2], &str, [&str; 2]); 6] = [
        ([Fate::Sending, Fate::Waiting], "publishing", ["publishing", "canceled"]),
        ([Fate::Lost, Fate::Failed], "publishing", ["unknown", "canceled"]),
        ([Fate::Published, Fate::Waiting], "published", ["published", "canceled"]),
        ([Fate::Published, Fate::Failed], "published", ["published", "canceled"]),
        ([Fate::Failed, Fate::Failed], "failed", ["failed", "failed"]),
        // The last: nothing more is sent to an account that the network lets wait.
        ([Fate::Waiting, Fate::Failed], "canceled", ["canceled", "canceled"]),
    ];
    for (fates, ..) in &cases {
        let post = both(draft("x", &account.id)).await.unwrap();
        meet(&system, &ann.session, &post, fates).await;
    }
    // All but the draft and the one that failed.
    assert_eq!(held(&system).await, 7);
    let before = position(&system).await;
    delete(&ann, &workspace).await;
    dealt_with(&system, before).await;
    let of_others =
        [("draft", ["pending", "pending"]), ("canceled", ["canceled", "canceled"])].into_iter();
    let wanted: Vec<_> = of_others
        .chain(cases.iter().map(|(_, status, targets)| (*status, *targets)))
        .map(|(status, targets)| (status.to_owned(), targets.map(str::to_owned).to_vec()))
        .collect();
    assert_eq!(statuses(&system, &workspace).await, wanted);
    // The kept one, two in flight, two that are out.
    assert_eq!(held(&system).await, 5);
}

#[tokio::test]
async fn deleting_a_workspace_of_many_posts_stops_them_all() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    let post = ann.session.create_post(scheduled(&system, "x", &account.id)).await.unwrap();
    let id: postbreeze_ids::PostId = post.id.parse().unwrap();
    let copies = sqlx::query(
        "WITH copy AS (
            INSERT INTO posts (
                bucket, id, workspace_id, author_user_id, status, content, scheduled_time, timezone, version,
                charged_owner_user_id, charged_month, create_time, update_time
            )
            SELECT bucket, gen_random_uuid(), workspace_id, author_user_id, status, content, scheduled_time, timezone,
                version, charged_owner_user_id, charged_month, create_time, update_time
            FROM posts, generate_series(1, 1234)
            WHERE id = $1
            RETURNING bucket, id
        ),
        counted AS (UPDATE post_usage SET units = units + 1234)
        INSERT INTO post_targets (bucket, id, post_id, position, account_id, platform, status, first_comment, options)
        SELECT copy.bucket, gen_random_uuid(), copy.id, 0, gen_random_uuid(), 12, 'pending', '', ''
        FROM copy",
    )
    .bind(id.uuid())
    .execute(system.pool("posts"))
    .await
    .unwrap();
    assert_eq!(copies.rows_affected(), 1_234);
    let before = position(&system).await;
    delete(&ann, &workspace).await;
    dealt_with(&system, before).await;
    assert_eq!(open_posts(&system, &workspace).await, 0);
    assert_eq!(held(&system).await, 0);
}

/// A transaction of the test's own that stands in the way of whoever takes a unit of an owner.
async fn hold_counter(system: &System, owner: &User) -> Transaction<'static, Postgres> {
    let owner: UserId = owner.id().parse().unwrap();
    let mut transaction = system.pool("posts").begin().await.unwrap();
    let locked = sqlx::query("UPDATE post_usage SET units = units WHERE owner_user_id = $1")
        .bind(owner.uuid())
        .execute(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(locked.rows_affected(), 1);
    transaction
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_scheduled_when_the_workspace_goes_does_not_stay_scheduled() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (_, other) = workspace_of(&ann, "globex").await;
    let first = ann.session.create_post(scheduled(&system, "x", &other.id)).await.unwrap();
    for round in 0..3 {
        let (workspace, account) = workspace_of(&ann, &format!("n{round}")).await;
        let free = ann.session.create_post(draft("x", &account.id)).await.unwrap();
        let failed = ann.session.create_post(draft("x", &account.id)).await.unwrap();
        meet(&system, &ann.session, &failed, &[Fate::Failed]).await;
        let before = position(&system).await;
        let counter = hold_counter(&system, &ann).await;
        let deleting = async {
            // They have found the workspace in reach and alive, and wait for the counter.
            waiting(&system, 3).await;
            delete(&ann, &workspace).await;
            // The deletion waits for them.
            waiting(&system, 4).await;
            counter.commit().await.unwrap();
        };
        let client = &ann.session;
        let create = |request_id: &str| {
            let request_id = request_id.to_owned();
            client.create_post(CreatePostRequest {
                request_id,
                ..scheduled(&system, "x", &account.id)
            })
        };
        let writing = async {
            match round {
                0 => join_all((0..3).map(|_| create(""))).await,
                1 => join_all((0..3).map(|_| create("once"))).await,
                _ => {
                    let again = schedule(&system, client, &free.id, DAY);
                    let (again, (retried, created)) =
                        join(again, join(retry(client, &failed.id), create(""))).await;
                    vec![again, retried, created]
                }
            }
        };
        let (answers, ()) = join(writing, deleting).await;
        // Who held the workspace first is done; who waited for it may find it gone.
        assert!(answers.iter().any(Result::is_ok), "round {round}");
        for refusal in answers.into_iter().filter(Result::is_err) {
            refused(refusal, Reason::WorkspaceOutOfReach);
        }
        dealt_with(&system, before).await;
        assert_eq!(open_posts(&system, &workspace).await, 0, "round {round}");
        assert_eq!(held(&system).await, 1, "round {round}");
    }
    get(&ann.session, &first.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_scheduled_once_the_deletion_was_there_first() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    let free = ann.session.create_post(draft("x", &account.id)).await.unwrap();
    let mut burying = system.pool("posts").begin().await.unwrap();
    sqlx::query("UPDATE post_heads SET delete_time = $2 WHERE workspace_id = $1")
        .bind(uuid(&workspace))
        .bind(system.clock.now())
        .execute(&mut *burying)
        .await
        .unwrap();
    let client = &ann.session;
    let writing = join(
        client.create_post(scheduled(&system, "x", &account.id)),
        schedule(&system, client, &free.id, DAY),
    );
    let committing = async {
        waiting(&system, 2).await;
        burying.commit().await.unwrap();
    };
    let ((created, again), ()) = join(writing, committing).await;
    refused(created, Reason::WorkspaceOutOfReach);
    refused(again, Reason::WorkspaceOutOfReach);
    refused(client.create_post(draft("x", &account.id)).await, Reason::WorkspaceOutOfReach);
    assert_eq!(held(&system).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_of_a_workspace_that_goes_leave_no_unit_and_no_scheduled_post() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    for round in 0..6 {
        let (workspace, account) = workspace_of(&ann, &format!("n{round}")).await;
        let mut drafts = Vec::new();
        for _ in 0..4 {
            drafts.push(ann.session.create_post(draft("x", &account.id)).await.unwrap().id);
        }
        let before = position(&system).await;
        let creating = join_all((0..8).map(|n| {
            let mut request = scheduled(&system, "x", &account.id);
            request.request_id = if n % 2 == 0 { String::new() } else { format!("r{round}n{n}") };
            ann.session.create_post(request)
        }));
        let scheduling = join_all(drafts.iter().map(|id| schedule(&system, &ann.session, id, DAY)));
        let (answers, (more, ())) =
            join(creating, join(scheduling, delete(&ann, &workspace))).await;
        for refusal in answers.into_iter().chain(more).filter(Result::is_err) {
            // The accounts may have learnt of the deletion first.
            let reason = reason_of(&refusal.unwrap_err()).unwrap();
            assert!(matches!(reason, Reason::WorkspaceOutOfReach | Reason::AccountNotActive));
        }
        dealt_with(&system, before).await;
        assert_eq!(open_posts(&system, &workspace).await, 0);
        assert_eq!(held(&system).await, 0);
    }
}
