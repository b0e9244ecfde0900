//! How fast what is due goes out, and how late at a tenth of that speed. The network inside the system answers at once.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use postbreeze_proto::{time::to_proto, v1::CreatePostRequest};
use postbreeze_runtime::clock::Clock;
use postbreeze_testkit::draft;

use crate::{
    Failure,
    load::Speed,
    scene::{REACHES, Reacher, Scene},
};

pub(crate) const PUBLISH: &str = "Publishing what is due";

/// Posts that come due in one instant.
const BURST: usize = 3_000;
/// How long it takes to write as many.
const AHEAD: TimeDelta = TimeDelta::seconds(6);
/// For how long posts come due at a tenth of the speed.
const EVENLY: TimeDelta = TimeDelta::seconds(4);
const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_mins(2);

/// Posts per second from the instant when all are due until the last is out; and how long after its time a post is out when
/// posts come due one after the other, ten times slower.
pub(crate) async fn run(scene: &Scene) -> Result<Speed, Failure> {
    let reacher = scene.reachers.iter().find(|reacher| reacher.account_ids.len() == REACHES[2]);
    let reacher = reacher.ok_or("nobody reaches that many workspaces")?;
    let at_once = publish(scene, reacher, BURST, TimeDelta::zero()).await?;
    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
    let per_second = BURST as f64 / at_once.last.as_secs_f64();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few thousand at the most"
    )]
    let few = (per_second / 10.0 * EVENLY.as_seconds_f64()) as usize;
    let evenly = publish(scene, reacher, few.max(10), EVENLY).await?;
    Ok(Speed { per_second, p50: evenly.p50, p99: evenly.p99 })
}

/// How long after its time a post was out.
struct Lateness {
    p50: Duration,
    p99: Duration,
    last: Duration,
}

/// Writes posts that come due evenly within a span, and waits until all are out.
async fn publish(
    scene: &Scene,
    reacher: &Reacher,
    posts: usize,
    within: TimeDelta,
) -> Result<Lateness, Failure> {
    static RUN: AtomicUsize = AtomicUsize::new(0);
    let clock = Clock::system();
    let (content, run) = (&scene.content, RUN.fetch_add(1, Ordering::Relaxed));
    let content = format!("run {run:03} {content}");
    let begins = clock.now() + AHEAD;
    let step = within / i32::try_from(posts)?;
    stream::iter(0..posts)
        .map(|number| {
            let account = &reacher.account_ids[number % reacher.account_ids.len()];
            let due = begins + step * i32::try_from(number).unwrap_or(i32::MAX);
            let request = CreatePostRequest {
                scheduled_for: Some(to_proto(due)),
                ..draft(&content, account)
            };
            reacher.key.create_post(request)
        })
        .buffer_unordered(AT_ONCE)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    if clock.now() > begins {
        return Err("the posts could not be written before they were due".into());
    }
    let until = begins + within;
    tokio::time::sleep((until - clock.now()).to_std()?).await;
    tokio::time::timeout(PATIENCE, until_out(scene, until)).await??;
    let (p50, p99, last): (f64, f64, f64) = sqlx::query_as(
        "SELECT
            percentile_disc(0.5) WITHIN GROUP (ORDER BY late),
            percentile_disc(0.99) WITHIN GROUP (ORDER BY late),
            max(late)
        FROM (
            SELECT extract(epoch FROM target.publish_time - post.scheduled_time)::FLOAT8 AS late
            FROM posts AS post
            JOIN post_targets AS target ON target.bucket = post.bucket AND target.post_id = post.id
            WHERE post.content = $1 AND post.status = 'published'
        ) AS published",
    )
    .bind(&content)
    .fetch_one(&scene.plain)
    .await?;
    let seconds = |late: f64| Duration::from_secs_f64(late.max(0.0));
    Ok(Lateness { p50: seconds(p50), p99: seconds(p99), last: seconds(last) })
}

/// Waits until nothing is due, or under way, that was due by a time.
async fn until_out(scene: &Scene, due: DateTime<Utc>) -> Result<(), Failure> {
    loop {
        let left: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM post_targets WHERE due_time <= $1)")
                // What is under way is due again when its lease runs out.
                .bind(due + TimeDelta::minutes(10))
                .fetch_one(&scene.plain)
                .await?;
        if !left {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
