//! Posts whose targets are being sent: locked, read whole, changed by the rules of [`crate::post`], and written back.
//! Whoever changes what becomes of targets holds their post's lock from before it reads them until it has written.

mod save;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use postbreeze_ids::{AccountId, MediaId, PostId, TargetId, UserId, WorkspaceId};
use sqlx::PgConnection;

use super::usage::Charge;
use crate::{
    error::Error,
    post::{
        ACCOUNT_DISCONNECTED, CommentStatus, IN_PROGRESS, Move, PostStatus, State, TargetStatus,
        kept_media,
    },
};

pub use save::save;

/// A locked post.
#[derive(Debug, Clone)]
pub struct OutgoingPost {
    /// The post.
    pub id: PostId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// Where it stands.
    pub status: PostStatus,
    /// When it was to go out.
    pub scheduled_time: Option<DateTime<Utc>>,
    /// The text; empty when texts were not asked for.
    pub content: String,
    /// Whether nothing of it may start any more: it is deleted, or its workspace is.
    pub is_gone: bool,
    /// What every target shows that has no media of its own, in order.
    pub media_ids: Vec<MediaId>,
    /// The description of each.
    pub alt_texts: Vec<String>,
    /// Its targets, in order.
    pub targets: Vec<OutgoingTarget>,
    version: i64,
    kept: BTreeSet<MediaId>,
    /// The unit of the cap that it holds.
    charge: Option<Charge>,
    was: PostStatus,
    changed: bool,
}

/// A target of a locked post.
#[expect(clippy::struct_excessive_bools, reason = "each is a column, or follows from one")]
#[derive(Debug, Clone)]
pub struct OutgoingTarget {
    /// The target.
    pub id: TargetId,
    /// The account it goes to.
    pub account_id: AccountId,
    /// Whether the account is known to be disconnected.
    pub account_gone: bool,
    /// Number of the account's platform.
    pub platform: i16,
    /// What is published instead of the post's content; absent also when texts were not asked for.
    pub caption_override: Option<String>,
    /// What is commented first; empty: nothing, or texts were not asked for.
    pub first_comment: String,
    /// Whether there is a first comment.
    pub has_first_comment: bool,
    /// An encoded `PlatformOptions`; empty: none, or texts were not asked for.
    pub options: Vec<u8>,
    /// What it shows instead of the post's media, in order; empty: the post's.
    pub media_ids: Vec<MediaId>,
    /// The description of each of these; empty: the library's, or texts were not asked for.
    pub alt_texts: Vec<String>,
    /// Where it stands.
    pub status: TargetStatus,
    /// When it is dealt with next; none: never.
    pub due_time: Option<DateTime<Utc>>,
    /// When it was to be sent: its post's time, or the approval or the retry where that came later.
    pub ready_time: Option<DateTime<Utc>>,
    /// Grows with every right to send.
    pub version: i64,
    /// Names what was sent last.
    pub send_key: String,
    /// When what is being sent was first tried.
    pub first_try_time: Option<DateTime<Utc>>,
    /// Whether the rest of the post was canceled while it was under way: it is not sent again.
    pub is_stopped: bool,
    /// How often it was tried.
    pub tries: i32,
    /// How often it was looked for since.
    pub looks: i32,
    /// Until when what was sent may arrive; none: it cannot any more.
    pub in_transit_until: Option<DateTime<Utc>>,
    /// Attempts to publish it, ever.
    pub attempt_count: i32,
    /// When it went out.
    pub publish_time: Option<DateTime<Utc>>,
    /// The network's own id of it.
    pub external_post_id: String,
    /// Where it is on the network.
    pub external_url: String,
    /// Why the last attempt failed.
    pub error: Failure,
    /// Where the first comment stands.
    pub comment: CommentStatus,
    /// When it was last tried.
    pub comment_try_time: Option<DateTime<Utc>>,
    /// The network's own id of it.
    pub external_comment_id: String,
    /// Why its last attempt failed.
    pub comment_error: Failure,
    touched: bool,
}

/// Why something failed; empty: it did not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// The network's code.
    pub code: String,
    /// For people.
    pub message: String,
    /// Name of the error's class.
    pub class: &'static str,
}

impl Failure {
    /// The account was disconnected: nothing is sent to it.
    #[must_use]
    pub fn account_disconnected() -> Self {
        Self {
            code: ACCOUNT_DISCONNECTED.to_owned(),
            message: "the account was disconnected".to_owned(),
            class: class::PERMANENT,
        }
    }
}

impl OutgoingTarget {
    /// Whether an attempt has begun since it was last scheduled or retried.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.tries > 0 || self.error.code == IN_PROGRESS
    }

    /// Since when it waits to be sent.
    #[must_use]
    pub fn waits_since(&self) -> Option<DateTime<Utc>> {
        self.ready_time.or(self.first_try_time).or(self.due_time)
    }
}

impl OutgoingPost {
    /// Where it and its targets stand.
    #[must_use]
    pub fn state(&self) -> State {
        let targets = self.targets.iter().map(|target| target.status).collect();
        State { status: self.status, targets }
    }

    /// The media that it keeps from being deleted, as it stands.
    fn kept(&self) -> BTreeSet<MediaId> {
        let targets =
            self.targets.iter().map(|target| (target.status, target.media_ids.as_slice()));
        kept_media(self.status, &self.media_ids, targets)
    }

    /// Takes over a state that followed from its own: clients see the change.
    pub fn set_state(&mut self, state: State) {
        self.status = state.status;
        for (target, status) in self.targets.iter_mut().zip(state.targets) {
            target.status = status;
        }
        self.changed = true;
    }

    /// A target that is about to be changed.
    pub fn touch(&mut self, place: usize) -> &mut OutgoingTarget {
        let target = &mut self.targets[place];
        target.touched = true;
        target
    }

    /// Whether anything of it was changed since it was read.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.changed || self.targets.iter().any(|target| target.touched)
    }

    /// Ends a target that waits to be sent to an account that is gone, however it came to wait: CANCELED where its post had not
    /// begun to go out or nothing of the target was ever sent, else FAILED. Returns whether it waited.
    pub fn end_without_account(&mut self, place: usize) -> bool {
        let target = &self.targets[place];
        if target.status != TargetStatus::Pending {
            return false;
        }
        let was_sent = target.attempt_count > 0 && self.status == PostStatus::Publishing;
        let end = if was_sent { Move::Fail } else { Move::Drop };
        let Some(state) = self.state().moved(place, end) else { return false };
        self.set_state(state);
        let target = self.touch(place);
        target.due_time = None;
        target.error = Failure::account_disconnected();
        true
    }

    /// Notes a change that clients see.
    pub fn note_change(&mut self) {
        self.changed = true;
    }

    /// The place of a target.
    #[must_use]
    pub fn place_of(&self, target_id: TargetId) -> Option<usize> {
        self.targets.iter().position(|target| target.id == target_id)
    }
}

/// Locks posts by id for this transaction. `waiting`: also those that another transaction holds, for which it waits.
#[tracing::instrument(skip_all, name = "db.posts.lock_outgoing", err(level = "debug"))]
pub async fn lock(
    connection: &mut PgConnection,
    ids: &[PostId],
    waiting: bool,
) -> Result<Vec<PostId>, sqlx::Error> {
    let buckets: Vec<i16> = ids.iter().map(|id| id.bucket().as_i16()).collect();
    if waiting {
        sqlx::query_scalar!(
            r#"
            SELECT post.id AS "id: PostId"
            FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
            JOIN posts AS post ON post.bucket = wanted.bucket AND post.id = wanted.id
            ORDER BY post.id
            FOR UPDATE OF post
            "#,
            &buckets,
            ids as &[PostId],
        )
        .fetch_all(connection)
        .await
    } else {
        sqlx::query_scalar!(
            r#"
            SELECT post.id AS "id: PostId"
            FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
            JOIN posts AS post ON post.bucket = wanted.bucket AND post.id = wanted.id
            ORDER BY post.id
            FOR UPDATE OF post SKIP LOCKED
            "#,
            &buckets,
            ids as &[PostId],
        )
        .fetch_all(connection)
        .await
    }
}

/// Reads locked posts, as they are now. `texts`: whether what is sent comes along.
///
/// # Errors
/// When the database fails or holds what this version does not know.
#[tracing::instrument(skip_all, name = "db.posts.read_outgoing", err(level = "debug"))]
#[expect(clippy::too_many_lines, reason = "the columns of two tables, each asked for and taken")]
pub async fn read(
    connection: &mut PgConnection,
    ids: &[PostId],
    texts: bool,
) -> Result<Vec<OutgoingPost>, Error> {
    let buckets: Vec<i16> = ids.iter().map(|id| id.bucket().as_i16()).collect();
    let records = sqlx::query!(
        r#"
        SELECT
            post.id AS "id: PostId",
            post.workspace_id AS "workspace_id: WorkspaceId",
            post.status,
            post.version AS post_version,
            post.scheduled_time,
            CASE WHEN target.position = 0 THEN post.media_ids END AS "post_media_ids: Vec<MediaId>",
            CASE WHEN $3 AND target.position = 0 THEN post.alt_texts END AS alt_texts,
            CASE WHEN $3 AND target.position = 0 THEN post.content END AS content,
            post.charged_owner_user_id AS "charged_owner_user_id: UserId",
            post.charged_month,
            (post.delete_time IS NOT NULL OR head.delete_time IS NOT NULL) AS "is_gone!",
            target.id AS "target_id: TargetId",
            target.account_id AS "account_id: AccountId",
            EXISTS (
                SELECT FROM disconnected_accounts AS gone
                WHERE gone.bucket = target.bucket AND gone.account_id = target.account_id
            ) AS "account_gone!",
            target.platform,
            CASE WHEN $3 THEN target.caption_override END AS caption_override,
            CASE WHEN $3 THEN target.first_comment END AS first_comment,
            target.first_comment <> '' AS "has_first_comment!",
            CASE WHEN $3 THEN target.options END AS options,
            target.media_ids AS "media_ids: Vec<MediaId>",
            CASE WHEN $3 THEN target.alt_texts END AS target_alt_texts,
            target.status AS target_status,
            target.due_time,
            target.ready_time,
            target.version,
            target.send_key,
            target.first_try_time,
            target.is_stopped,
            target.tries,
            target.looks,
            target.in_transit_until,
            target.attempt_count,
            target.publish_time,
            target.external_post_id,
            target.external_url,
            target.error_code,
            target.error_message,
            target.error_class,
            target.first_comment_status,
            target.first_comment_try_time,
            target.external_first_comment_id,
            target.first_comment_error_code,
            target.first_comment_error_message,
            target.first_comment_error_class
        FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
        JOIN posts AS post ON post.bucket = wanted.bucket AND post.id = wanted.id
        JOIN post_targets AS target ON target.bucket = post.bucket AND target.post_id = post.id
        LEFT JOIN post_heads AS head ON head.bucket = post.bucket AND head.workspace_id = post.workspace_id
        ORDER BY post.id, target.position
        "#,
        &buckets,
        ids as &[PostId],
        texts,
    )
    .fetch_all(connection)
    .await?;
    let mut posts: Vec<OutgoingPost> = Vec::new();
    for record in records {
        let status = TargetStatus::parse(&record.target_status);
        let comment = CommentStatus::parse(&record.first_comment_status);
        let target = OutgoingTarget {
            id: record.target_id,
            account_id: record.account_id,
            account_gone: record.account_gone,
            platform: record.platform,
            caption_override: record.caption_override,
            first_comment: record.first_comment.unwrap_or_default(),
            has_first_comment: record.has_first_comment,
            options: record.options.unwrap_or_default(),
            media_ids: record.media_ids,
            alt_texts: record.target_alt_texts.unwrap_or_default(),
            status: status.ok_or(Error::Unreadable("target status"))?,
            due_time: record.due_time,
            ready_time: record.ready_time,
            version: record.version,
            send_key: record.send_key,
            first_try_time: record.first_try_time,
            is_stopped: record.is_stopped,
            tries: record.tries,
            looks: record.looks,
            in_transit_until: record.in_transit_until,
            attempt_count: record.attempt_count,
            publish_time: record.publish_time,
            external_post_id: record.external_post_id,
            external_url: record.external_url,
            error: Failure {
                code: record.error_code,
                message: record.error_message,
                class: class_of(&record.error_class)?,
            },
            comment: comment.ok_or(Error::Unreadable("first comment status"))?,
            comment_try_time: record.first_comment_try_time,
            external_comment_id: record.external_first_comment_id,
            comment_error: Failure {
                code: record.first_comment_error_code,
                message: record.first_comment_error_message,
                class: class_of(&record.first_comment_error_class)?,
            },
            touched: false,
        };
        if let Some(post) = posts.last_mut().filter(|post| post.id == record.id) {
            post.targets.push(target);
            continue;
        }
        let status = PostStatus::parse(&record.status).ok_or(Error::Unreadable("post status"))?;
        let charge = record.charged_owner_user_id.zip(record.charged_month);
        posts.push(OutgoingPost {
            id: record.id,
            workspace_id: record.workspace_id,
            status,
            scheduled_time: record.scheduled_time,
            content: record.content.unwrap_or_default(),
            is_gone: record.is_gone,
            media_ids: record.post_media_ids.unwrap_or_default(),
            alt_texts: record.alt_texts.unwrap_or_default(),
            targets: vec![target],
            version: record.post_version,
            kept: BTreeSet::new(),
            charge: charge.map(|(owner_user_id, month)| Charge { owner_user_id, month }),
            was: status,
            changed: false,
        });
    }
    for post in &mut posts {
        post.kept = post.kept();
    }
    Ok(posts)
}

/// The names of error classes.
pub mod class {
    /// Trying again can help.
    pub const TRANSIENT: &str = "transient";
    /// It cannot.
    pub const PERMANENT: &str = "permanent";
    /// The network did not say.
    pub const UNKNOWN: &str = "unknown";
}

fn class_of(name: &str) -> Result<&'static str, Error> {
    ["", class::TRANSIENT, class::PERMANENT, class::UNKNOWN]
        .into_iter()
        .find(|known| *known == name)
        .ok_or(Error::Unreadable("error class"))
}

#[cfg(test)]
impl OutgoingPost {
    /// A post with one target that waits for its first attempt, and a first comment.
    pub(crate) fn example() -> Self {
        use postbreeze_ids::Id;
        use uuid::Uuid;

        let target = OutgoingTarget {
            id: Id::from_uuid(Uuid::from_u128(2)),
            account_id: Id::from_uuid(Uuid::from_u128(3)),
            account_gone: false,
            platform: 0,
            caption_override: None,
            first_comment: String::new(),
            has_first_comment: true,
            options: Vec::new(),
            media_ids: Vec::new(),
            alt_texts: Vec::new(),
            status: TargetStatus::Pending,
            due_time: None,
            ready_time: None,
            version: 0,
            send_key: String::new(),
            first_try_time: None,
            is_stopped: false,
            tries: 0,
            looks: 0,
            in_transit_until: None,
            attempt_count: 0,
            publish_time: None,
            external_post_id: String::new(),
            external_url: String::new(),
            error: Failure::default(),
            comment: CommentStatus::None,
            comment_try_time: None,
            external_comment_id: String::new(),
            comment_error: Failure::default(),
            touched: false,
        };
        Self {
            id: Id::from_uuid(Uuid::from_u128(1)),
            workspace_id: Id::from_uuid(Uuid::from_u128(4)),
            status: PostStatus::Scheduled,
            scheduled_time: None,
            content: String::new(),
            is_gone: false,
            media_ids: Vec::new(),
            alt_texts: Vec::new(),
            targets: vec![target],
            version: 1,
            kept: BTreeSet::new(),
            charge: None,
            was: PostStatus::Scheduled,
            changed: false,
        }
    }
}
