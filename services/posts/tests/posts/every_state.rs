//! Whatever states posts, targets, accounts and workspaces are in, time brings each post to an end, and the units that are
//! charged are those of the posts that hold one.

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::{AccountId, Minter, PostId, UserId, WorkspaceId};
use postbreeze_proto::v1::{DeleteWorkspaceRequest, SocialAccount};
use postbreeze_testkit::{System, User};
use uuid::Uuid;

use crate::support::{disconnect, expire, never_due, until_that, workspace_of};

const DAY: TimeDelta = TimeDelta::days(1);
const POSTS: [&str; 8] = [
    "draft",
    "needs_approval",
    "scheduled",
    "publishing",
    "partially_published",
    "published",
    "failed",
    "canceled",
];
const TARGETS: [&str; 6] = ["pending", "publishing", "published", "failed", "unknown", "canceled"];
/// As the contract lists them.
const HOLD_A_UNIT: [&str; 4] = ["scheduled", "publishing", "partially_published", "published"];

/// A post in some state.
struct Row {
    post: &'static str,
    targets: Vec<&'static str>,
    attempts: i32,
    deleted: bool,
    scheduled: TimeDelta,
}

fn rows() -> Vec<Row> {
    let others = [None, Some("pending"), Some("published")];
    let mut rows = Vec::new();
    for post in POSTS {
        for target in TARGETS {
            let attempts: &[i32] = if target == "pending" { &[0, 2] } else { &[1] };
            for other in others {
                for attempts in attempts.iter().copied() {
                    for deleted in [false, true] {
                        for scheduled in [-DAY * 2, -TimeDelta::seconds(1), DAY / 2] {
                            let targets: Vec<_> =
                                [Some(target), other].into_iter().flatten().collect();
                            if is_consistent(post, &targets) {
                                rows.push(Row { post, targets, attempts, deleted, scheduled });
                            }
                        }
                    }
                }
            }
        }
    }
    rows
}

/// Whether a post can be in a status with such targets: it is as it was asked for, or it follows from them as the contract says.
fn is_consistent(post: &str, targets: &[&str]) -> bool {
    let any = |statuses: &[&str]| targets.iter().any(|target| statuses.contains(target));
    let follows = if any(&["pending", "publishing", "unknown"]) {
        "publishing"
    } else if any(&["published"]) {
        if any(&["failed"]) { "partially_published" } else { "published" }
    } else if any(&["failed"]) {
        "failed"
    } else {
        "canceled"
    };
    let is_asked_for = ["draft", "needs_approval", "scheduled"].contains(&post)
        && any(&["pending"])
        && !any(&["publishing", "published", "unknown", "failed"]);
    is_asked_for || post == follows
}

/// Writes posts of an account in every state, as a crash, an older version or a fault may leave them: each target due since
/// its post's time. Each holds a unit where its status says so.
async fn write(system: &System, minter: &Minter, owner: &User, account: &SocialAccount) {
    let owner: UserId = owner.id().parse().unwrap();
    let workspace: WorkspaceId = account.workspace_id.parse().unwrap();
    let account_id: AccountId = account.id.parse().unwrap();
    let bucket = workspace.bucket();
    let now = system.clock.now();
    let month = month_of(now);
    let (mut ids, mut statuses, mut times, mut deletes, mut charges) =
        (vec![], vec![], vec![], vec![], vec![]);
    let (mut target_ids, mut post_ids, mut positions, mut target_statuses, mut attempts, mut dues) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for row in rows() {
        let id: PostId = minter.mint(bucket);
        let time = now + row.scheduled;
        ids.push(id.uuid());
        statuses.push(row.post.to_owned());
        times.push(time);
        deletes.push(row.deleted.then_some(now));
        let holds = HOLD_A_UNIT.contains(&row.post) && !row.deleted;
        charges.push(holds.then_some(month));
        for (position, status) in row.targets.iter().enumerate() {
            target_ids.push(minter.mint::<postbreeze_ids::Target>(bucket).uuid());
            post_ids.push(id.uuid());
            positions.push(i16::try_from(position).unwrap());
            target_statuses.push((*status).to_owned());
            attempts.push(row.attempts);
            dues.push(time);
        }
    }
    let mut transaction = system.pool("posts").begin().await.unwrap();
    sqlx::query(
        "INSERT INTO posts (
            bucket, id, workspace_id, author_user_id, status, content, scheduled_time, timezone, version,
            create_time, update_time, delete_time, charged_owner_user_id, charged_month
        )
        SELECT $1, id, $2, $3, status, id::TEXT, time, 'UTC', 1, $4, $4, deleted,
            CASE WHEN month IS NOT NULL THEN $3::UUID END, month
        FROM unnest($5::UUID[], $6::TEXT[], $7::TIMESTAMPTZ[], $8::TIMESTAMPTZ[], $9::INTEGER[])
            AS new (id, status, time, deleted, month)",
    )
    .bind(bucket.as_i16())
    .bind(workspace.uuid())
    .bind(owner.uuid())
    .bind(now)
    .bind(&ids)
    .bind(&statuses)
    .bind(&times)
    .bind(&deletes)
    .bind(&charges)
    .execute(&mut *transaction)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO post_targets (
            bucket, id, post_id, position, account_id, platform, status, first_comment, options, due_time,
            attempt_count, version, tries
        )
        SELECT $1, id, post_id, position, $2, 12, status, '', '', due, attempts, attempts, 0
        FROM unnest($3::UUID[], $4::UUID[], $5::SMALLINT[], $6::TEXT[], $7::INTEGER[], $8::TIMESTAMPTZ[])
            AS new (id, post_id, position, status, attempts, due)",
    )
    .bind(bucket.as_i16())
    .bind(account_id.uuid())
    .bind(&target_ids)
    .bind(&post_ids)
    .bind(&positions)
    .bind(&target_statuses)
    .bind(&attempts)
    .bind(&dues)
    .execute(&mut *transaction)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO post_usage AS counter (bucket, owner_user_id, month, units)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (bucket, owner_user_id, month) DO UPDATE SET units = counter.units + excluded.units",
    )
    .bind(owner.bucket().as_i16())
    .bind(owner.uuid())
    .bind(month)
    .bind(i64::try_from(charges.iter().flatten().count()).unwrap())
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
}

fn month_of(now: DateTime<Utc>) -> i32 {
    use chrono::Datelike as _;
    now.year() * 12 + i32::try_from(now.month0()).unwrap()
}

async fn count(system: &System, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).bind(system.clock.now()).fetch_one(system.pool("posts")).await.unwrap()
}

/// Lets time pass until nothing is due any more, now or later.
async fn until_nothing_is_due(system: &System) {
    for _ in 0..200 {
        let due = "SELECT count(*) FROM post_targets WHERE due_time <= $1";
        let mut before = i64::MAX;
        // Thousands are due at first: fewer and fewer must be.
        while before > 0 {
            let fewer = |left: &i64| *left < before;
            before = until_that("fewer are due than before", || count(system, due), fewer).await;
        }
        let next: Option<DateTime<Utc>> =
            sqlx::query_scalar("SELECT min(due_time) FROM post_targets")
                .fetch_one(system.pool("posts"))
                .await
                .unwrap();
        let Some(next) = next else { return };
        // Thousands of targets, each due at a moment of its own: three hours of them at a time.
        system.clock.turn((next - system.clock.now()).max(TimeDelta::hours(3)));
    }
    panic!("something is always due");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_brings_every_post_to_an_end_and_units_follow() {
    let system = System::start().await;
    let minter = postbreeze_runtime::Environment::new(system.clock.clock()).minter;
    let ann = system.sign_up("ann").await;
    let bob = system.sign_up("bob").await;
    let (_, other) = workspace_of(&bob, "globex").await;
    let mut accounts = Vec::new();
    for name in ["active", "disconnected", "not-heard-of", "expired", "deleted"] {
        accounts.push(workspace_of(&ann, name).await);
    }
    for (_, account) in &accounts {
        write(&system, &minter, &ann, account).await;
    }
    disconnect(&ann, &accounts[1].1.id).await;
    sqlx::query("UPDATE accounts SET status = 'disconnected' WHERE id = $1")
        .bind(accounts[2].1.id.parse::<AccountId>().unwrap().uuid())
        .execute(system.pool("accounts"))
        .await
        .unwrap();
    expire(&system, &accounts[3].1.id).await;
    let request = DeleteWorkspaceRequest { workspace_id: accounts[4].0.id.clone() };
    ann.session.workspaces().delete_workspace(request).await.unwrap();
    until_nothing_is_due(&system).await;
    // Nobody else waits meanwhile, or afterwards.
    never_due(&bob.session, &other.id).await;
    let open = "SELECT count(*) FROM posts
        WHERE status IN ('scheduled', 'publishing') AND delete_time IS NULL AND scheduled_time <= $1";
    let left: Vec<(Uuid, String, Vec<String>)> = sqlx::query_as(
        "SELECT post.id, post.status, array_agg(target.status ORDER BY target.position)
        FROM posts AS post JOIN post_targets AS target ON target.post_id = post.id
        WHERE post.status IN ('scheduled', 'publishing') AND post.delete_time IS NULL
        GROUP BY post.bucket, post.id
        LIMIT 20",
    )
    .fetch_all(system.pool("posts"))
    .await
    .unwrap();
    assert_eq!(count(&system, open).await, 0, "{left:?}");
    let charged = "SELECT count(*) FROM posts WHERE charged_month IS NOT NULL AND $1 IS NOT NULL";
    let units = "SELECT COALESCE(sum(units), 0)::BIGINT FROM post_usage WHERE $1 IS NOT NULL";
    assert_eq!(count(&system, units).await, count(&system, charged).await);
    let wrong = "SELECT count(*) FROM posts
        WHERE delete_time IS NULL
            AND charged_month IS NOT NULL
            AND status NOT IN ('scheduled', 'publishing', 'partially_published', 'published')
            AND $1 IS NOT NULL";
    assert_eq!(count(&system, wrong).await, 0, "posts that hold a unit they should not");
}
