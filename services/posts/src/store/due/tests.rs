use chrono::TimeDelta;
use postbreeze_ids::{Bucket, Id, Kind, Minter};
use postbreeze_runtime::{Environment, clock::Clock, postgres::Database};
use postbreeze_testkit::postgres::{TestDatabase, database};
use sqlx::PgPool;

use super::*;
use crate::MIGRATOR;

struct World {
    store: Store,
    database: TestDatabase,
    minter: Minter,
    now: DateTime<Utc>,
}

impl World {
    async fn new() -> Self {
        let database = database("posts", &MIGRATOR).await;
        let store = Store::new(&Database::new(database.config(4), &MIGRATOR).unwrap());
        let clock = Clock::system();
        let (now, minter) = (clock.now(), Environment::new(clock).minter);
        Self { store, database, minter, now }
    }

    fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    fn mint<K: Kind>(&self, bucket: u16) -> Id<K> {
        self.minter.mint(Bucket::new(bucket).unwrap())
    }

    /// Writes a post with one target. `due`: seconds from now.
    async fn post(&self, bucket: u16, status: &str, target: &str, due: Option<i64>) -> DueTarget {
        let (post, id): (PostId, TargetId) = (self.mint(bucket), self.mint(bucket));
        let account: AccountId = self.mint(bucket);
        let scheduled = self.now - TimeDelta::hours(1);
        let due_time = due.map(|due| self.now + TimeDelta::seconds(due));
        sqlx::query(
            "WITH post AS (
                INSERT INTO posts (
                    bucket, id, workspace_id, author_user_id, status, content, scheduled_time, timezone, version,
                    create_time, update_time
                )
                VALUES ($1, $2, $2, $2, $3, 'x', $4, 'UTC', 1, $4, $4)
            )
            INSERT INTO post_targets (
                bucket, id, post_id, position, account_id, platform, status, first_comment, options, due_time, version
            )
            VALUES ($1, $5, $2, 0, $6, 12, $7, '', '', $8, 1)",
        )
        .bind(post.bucket().as_i16())
        .bind(post.uuid())
        .bind(status)
        .bind(scheduled)
        .bind(id.uuid())
        .bind(account.uuid())
        .bind(target)
        .bind(due_time)
        .execute(self.pool())
        .await
        .unwrap();
        DueTarget {
            id,
            post_id: post,
            account_id: account,
            due_time: due_time.unwrap_or(scheduled),
        }
    }

    async fn due_time(&self, target: &DueTarget) -> Option<DateTime<Utc>> {
        sqlx::query_scalar("SELECT due_time FROM post_targets WHERE id = $1")
            .bind(target.id.uuid())
            .fetch_one(self.pool())
            .await
            .unwrap()
    }
}

fn ids(due: &[DueTarget]) -> Vec<TargetId> {
    due.iter().map(|target| target.id).collect()
}

#[tokio::test]
async fn what_is_due_first_comes_first_and_busy_accounts_are_left_out() {
    let world = World::new().await;
    let later = world.post(1, "scheduled", "pending", Some(-1)).await;
    let first = world.post(2, "publishing", "unknown", Some(-2)).await;
    let ahead = world.post(3, "scheduled", "pending", Some(1)).await;
    world.post(4, "draft", "pending", None).await;
    let at = |seconds| world.now + TimeDelta::seconds(seconds);
    let read = async |from, until, but_of: &[AccountId], limit| {
        ids(&world.store.read_due(at(from)..=at(until), but_of, limit).await.unwrap())
    };
    assert_eq!(read(-9, 0, &[], 10).await, [first.id, later.id]);
    assert_eq!(read(-9, 1, &[], 10).await, [first.id, later.id, ahead.id]);
    assert_eq!(read(-1, 1, &[], 10).await, [later.id, ahead.id]);
    assert_eq!(read(-9, 1, &[], 1).await, [first.id]);
    assert_eq!(read(-9, 1, &[first.account_id, ahead.account_id], 10).await, [later.id]);
    let of = async |accounts: &[AccountId], until, limit| {
        ids(&world.store.read_due_of(accounts, at(until), limit).await.unwrap())
    };
    assert_eq!(of(&[later.account_id, ahead.account_id], 0, 4).await, [later.id]);
    assert_eq!(of(&[ahead.account_id], 1, 4).await, [ahead.id]);
    // One that is looked for was sent.
    assert_eq!(world.store.oldest_unsent(world.now).await.unwrap(), Some(later.due_time));
    // One that was withheld was not, however late it is put off to.
    let withheld = world.post(5, "publishing", "pending", Some(600)).await;
    let since = world.now - TimeDelta::hours(1);
    sqlx::query("UPDATE post_targets SET first_try_time = $2 WHERE id = $1")
        .bind(withheld.id.uuid())
        .bind(since)
        .execute(world.pool())
        .await
        .unwrap();
    assert_eq!(world.store.oldest_unsent(world.now).await.unwrap(), Some(since));
}

#[tokio::test]
async fn a_claim_is_renewed_for_its_right_and_while_it_is_under_way() {
    let world = World::new().await;
    let under_way = world.post(1, "publishing", "publishing", Some(5)).await;
    let looked_for = world.post(2, "publishing", "unknown", Some(5)).await;
    let settled = world.post(3, "publishing", "pending", Some(5)).await;
    let taken_over = world.post(4, "publishing", "publishing", Some(5)).await;
    let busy = world.post(5, "publishing", "publishing", Some(5)).await;
    let held =
        |target: &DueTarget, version| Held { id: target.id, post_id: target.post_id, version };
    let mut changing = world.pool().begin().await.unwrap();
    sqlx::query("SELECT FROM posts WHERE id = $1 FOR UPDATE")
        .bind(busy.post_id.uuid())
        .execute(&mut *changing)
        .await
        .unwrap();
    let until = world.now + TimeDelta::seconds(60);
    let all = [
        held(&under_way, 1),
        held(&looked_for, 1),
        held(&settled, 1),
        held(&taken_over, 0),
        held(&busy, 1),
    ];
    let mut renewed = world.store.renew(&all, until).await.unwrap();
    renewed.sort_unstable();
    let mut wanted = [under_way.id, looked_for.id];
    wanted.sort_unstable();
    assert_eq!(renewed, wanted);
    assert_eq!(world.due_time(&under_way).await, Some(until));
    for other in [settled, taken_over, busy] {
        assert_eq!(world.due_time(&other).await, Some(other.due_time));
    }
}

#[tokio::test]
async fn what_fell_through_is_found_in_its_buckets_and_nothing_else_is_touched() {
    let world = World::new().await;
    let scheduled = world.post(7, "scheduled", "pending", None).await;
    let left = world.post(8, "publishing", "publishing", None).await;
    let elsewhere = world.post(9, "scheduled", "pending", None).await;
    let mut untouched = Vec::new();
    for (status, target, due) in [
        ("draft", "pending", None),
        ("canceled", "canceled", None),
        ("publishing", "unknown", None),
        ("published", "published", None),
        ("scheduled", "pending", Some(50)),
    ] {
        untouched.push((world.post(7, status, target, due).await, due));
    }
    let late = world.now - TimeDelta::minutes(1);
    assert_eq!(world.store.mend_due(7..9, late).await.unwrap(), 2);
    assert_eq!(world.store.mend_due(7..9, late).await.unwrap(), 0);
    for mended in [scheduled, left] {
        assert_eq!(world.due_time(&mended).await, Some(mended.due_time));
    }
    assert_eq!(world.due_time(&elsewhere).await, None);
    for (target, due) in untouched {
        assert_eq!(world.due_time(&target).await, due.map(|_| target.due_time));
    }
    // What was only just to go out may still be on its way here.
    let early = world.now - TimeDelta::hours(2);
    assert_eq!(world.store.mend_due(9..10, early).await.unwrap(), 0);
}

#[tokio::test]
async fn putting_off_brings_nothing_forward_and_takes_longer_each_time() {
    let world = World::new().await;
    let target = world.post(1, "scheduled", "pending", Some(10)).await;
    sqlx::query("UPDATE post_targets SET ready_time = due_time")
        .execute(world.pool())
        .await
        .unwrap();
    let put_off = async |at: TimeDelta| {
        let least = TimeDelta::minutes(1);
        world.store.put_off(target.id, world.now + at, least).await.unwrap();
        world.due_time(&target).await.unwrap() - world.now
    };
    assert_eq!(put_off(TimeDelta::zero()).await, TimeDelta::seconds(10));
    assert_eq!(put_off(TimeDelta::seconds(70)).await, TimeDelta::seconds(130));
    // A tenth of an hour, then half an hour for ever longer.
    let hour = TimeDelta::seconds(3_610);
    assert_eq!(put_off(hour).await, hour + TimeDelta::minutes(6));
    assert_eq!(put_off(hour * 9).await, hour * 9 + TimeDelta::minutes(30));
}
