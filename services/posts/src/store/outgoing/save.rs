//! Writing locked posts back.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use postbreeze_ids::Minter;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{OutgoingPost, OutgoingTarget};
use crate::{
    event::{Event, EventKind, Subject},
    post::holds_unit,
    store::{
        comment_sources::{Source, enroll},
        events,
        media_notices::{Notice, save_notices},
        usage::{Charge, release},
    },
};

/// Writes what was changed of locked posts: targets, the posts themselves, the units of those that hold none any more, what
/// `media` must be told, the targets whose comments are fetched from now on, and the events of posts that have ended. Answers whether `media` must be told of anything.
#[tracing::instrument(skip_all, name = "db.posts.save_outgoing", err(level = "debug"))]
pub async fn save(
    connection: &mut PgConnection,
    minter: &Minter,
    posts: &[OutgoingPost],
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let touched: Vec<&OutgoingTarget> =
        posts.iter().flat_map(|post| &post.targets).filter(|target| target.touched).collect();
    if !touched.is_empty() {
        save_targets(connection, &touched).await?;
    }
    let changed: Vec<&OutgoingPost> = posts.iter().filter(|post| post.changed).collect();
    if changed.is_empty() {
        return Ok(false);
    }
    save_posts(connection, &changed, now).await?;
    let mut released: BTreeMap<Charge, i64> = BTreeMap::new();
    for post in &changed {
        if let Some(charge) = post.charge.filter(|_| !holds_unit(post.status)) {
            *released.entry(charge).or_default() += 1;
        }
    }
    for (charge, units) in released {
        release(connection, charge, units).await?;
    }
    // A workspace that was deleted takes its media with it.
    let noted = changed.iter().filter(|post| !post.is_gone).filter_map(|post| {
        let kept = post.kept();
        (kept != post.kept).then(|| Notice {
            post_id: post.id,
            version: post.version + 1,
            media_ids: kept.into_iter().collect(),
        })
    });
    let noted: Vec<Notice> = noted.collect();
    save_notices(connection, &noted).await?;
    let ended = changed.iter().filter_map(|post| {
        Some(Event {
            kind: EventKind::of_end(post.was, post.status)?,
            id: minter.mint(post.id.bucket()),
            workspace_id: post.workspace_id,
            subject: Subject::Post(post.id),
        })
    });
    let sources = posts.iter().filter(|post| !post.is_gone).flat_map(|post| {
        let touched = post.targets.iter().filter(|target| target.touched);
        touched.filter_map(|target| Source::of(post, target))
    });
    enroll(connection, &sources.collect::<Vec<_>>()).await?;
    events::record(connection, &ended.collect::<Vec<_>>(), now).await?;
    Ok(!noted.is_empty())
}

async fn save_posts(
    connection: &mut PgConnection,
    posts: &[&OutgoingPost],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let buckets: Vec<i16> = posts.iter().map(|post| post.id.bucket().as_i16()).collect();
    let ids: Vec<Uuid> = posts.iter().map(|post| post.id.uuid()).collect();
    let statuses: Vec<String> = posts.iter().map(|post| post.status.to_string()).collect();
    let holding: Vec<bool> = posts.iter().map(|post| holds_unit(post.status)).collect();
    sqlx::query!(
        r#"
        UPDATE posts AS post
        SET status = new.status,
            version = post.version + 1,
            charged_owner_user_id = CASE WHEN new.holding THEN post.charged_owner_user_id END,
            charged_month = CASE WHEN new.holding THEN post.charged_month END,
            update_time = $5
        FROM unnest($1::SMALLINT[], $2::UUID[], $3::TEXT[], $4::BOOLEAN[]) AS new (bucket, id, status, holding)
        WHERE post.bucket = new.bucket AND post.id = new.id
        "#,
        &buckets,
        &ids,
        &statuses,
        &holding,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn save_targets(
    connection: &mut PgConnection,
    targets: &[&OutgoingTarget],
) -> Result<(), sqlx::Error> {
    fn each<T>(targets: &[&OutgoingTarget], of: impl Fn(&OutgoingTarget) -> T) -> Vec<T> {
        targets.iter().map(|target| of(target)).collect()
    }
    let times = |of: fn(&OutgoingTarget) -> Option<DateTime<Utc>>| each(targets, of);
    let texts = |of: fn(&OutgoingTarget) -> &str| each(targets, |target| of(target).to_owned());
    sqlx::query!(
        r#"
        UPDATE post_targets AS target
        SET status = new.status,
            due_time = new.due_time,
            version = new.version,
            send_key = new.send_key,
            first_try_time = new.first_try_time,
            tries = new.tries,
            looks = new.looks,
            in_transit_until = new.in_transit_until,
            attempt_count = new.attempt_count,
            publish_time = new.publish_time,
            external_post_id = new.external_post_id,
            external_url = new.external_url,
            error_code = new.error_code,
            error_message = new.error_message,
            error_class = new.error_class,
            first_comment_status = new.comment,
            first_comment_try_time = new.comment_try_time,
            external_first_comment_id = new.external_comment_id,
            first_comment_error_code = new.comment_error_code,
            first_comment_error_message = new.comment_error_message,
            first_comment_error_class = new.comment_error_class
        FROM unnest(
            $1::SMALLINT[], $2::UUID[], $3::TEXT[], $4::TIMESTAMPTZ[], $5::BIGINT[], $6::TEXT[], $7::TIMESTAMPTZ[],
            $8::INTEGER[], $9::INTEGER[], $10::INTEGER[], $11::TIMESTAMPTZ[], $12::TEXT[], $13::TEXT[], $14::TEXT[],
            $15::TEXT[], $16::TEXT[], $17::TEXT[], $18::TIMESTAMPTZ[], $19::TEXT[], $20::TEXT[], $21::TEXT[], $22::TEXT[],
            $23::TIMESTAMPTZ[]
        ) AS new (
            bucket, id, status, due_time, version, send_key, first_try_time, tries, looks, attempt_count, publish_time,
            external_post_id, external_url, error_code, error_message, error_class, comment, comment_try_time,
            external_comment_id, comment_error_code, comment_error_message, comment_error_class,
            in_transit_until
        )
        WHERE target.bucket = new.bucket AND target.id = new.id
        "#,
        &each(targets, |target| target.id.bucket().as_i16()),
        &each(targets, |target| target.id.uuid()),
        &texts(|target| target.status.as_str()),
        &times(|target| target.due_time) as &[Option<DateTime<Utc>>],
        &each(targets, |target| target.version),
        &texts(|target| &target.send_key),
        &times(|target| target.first_try_time) as &[Option<DateTime<Utc>>],
        &each(targets, |target| target.tries),
        &each(targets, |target| target.looks),
        &each(targets, |target| target.attempt_count),
        &times(|target| target.publish_time) as &[Option<DateTime<Utc>>],
        &texts(|target| &target.external_post_id),
        &texts(|target| &target.external_url),
        &texts(|target| &target.error.code),
        &texts(|target| &target.error.message),
        &texts(|target| target.error.class),
        &texts(|target| target.comment.as_str()),
        &times(|target| target.comment_try_time) as &[Option<DateTime<Utc>>],
        &texts(|target| &target.external_comment_id),
        &texts(|target| &target.comment_error.code),
        &texts(|target| &target.comment_error.message),
        &texts(|target| target.comment_error.class),
        &times(|target| target.in_transit_until) as &[Option<DateTime<Utc>>],
    )
    .execute(connection)
    .await?;
    Ok(())
}
