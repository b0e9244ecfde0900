//! Table `events`: what webhooks tell, written in the transaction in which it happens.

use chrono::{DateTime, Utc};
use postbreeze_ids::{EventId, PostId, WorkspaceId};
use sqlx::PgConnection;

use crate::post::PostStatus;

/// Which fields a payload has that is made of an event of now.
const PAYLOAD_VERSION: i16 = 1;

/// What happened to a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// All of its targets are published.
    Published,
    /// Some are, others failed.
    PartiallyPublished,
    /// None is.
    Failed,
    /// It was canceled.
    Canceled,
}

impl EventKind {
    /// The name the table keeps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "post.published",
            Self::PartiallyPublished => "post.partially_published",
            Self::Failed => "post.failed",
            Self::Canceled => "post.canceled",
        }
    }

    /// What a post's way from one status to another is told as: that a post which was to go out has ended.
    #[must_use]
    pub fn of_end(before: PostStatus, after: PostStatus) -> Option<Self> {
        let was_open = matches!(
            before,
            PostStatus::NeedsApproval
                | PostStatus::Scheduled
                | PostStatus::Publishing
                | PostStatus::PartiallyPublished
        );
        let kind = match after {
            PostStatus::Published => Self::Published,
            PostStatus::PartiallyPublished => Self::PartiallyPublished,
            PostStatus::Failed => Self::Failed,
            PostStatus::Canceled => Self::Canceled,
            PostStatus::Draft
            | PostStatus::NeedsApproval
            | PostStatus::Scheduled
            | PostStatus::Publishing => return None,
        };
        (was_open && before != after).then_some(kind)
    }
}

/// An event of a post.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// The event.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// The post's workspace.
    pub workspace_id: WorkspaceId,
    /// The post.
    pub post_id: PostId,
}

/// Writes events of one moment.
#[tracing::instrument(skip_all, name = "db.events.record", err(level = "debug"))]
pub async fn record(
    connection: &mut PgConnection,
    events: &[Event],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let kinds: Vec<String> = events.iter().map(|event| event.kind.as_str().to_owned()).collect();
    sqlx::query!(
        r#"
        INSERT INTO events (bucket, id, workspace_id, kind, subject_id, payload_version, create_time)
        SELECT event.bucket, event.id, event.workspace_id, event.kind, event.post_id, $6, $7
        FROM unnest($1::SMALLINT[], $2::UUID[], $3::UUID[], $4::TEXT[], $5::UUID[])
            AS event (bucket, id, workspace_id, kind, post_id)
        "#,
        &events.iter().map(|event| event.workspace_id.bucket().as_i16()).collect::<Vec<_>>(),
        &events.iter().map(|event| event.id.uuid()).collect::<Vec<_>>(),
        &events.iter().map(|event| event.workspace_id.uuid()).collect::<Vec<_>>(),
        &kinds,
        &events.iter().map(|event| event.post_id.uuid()).collect::<Vec<_>>(),
        PAYLOAD_VERSION,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_that_was_to_go_out_is_told_of_once_when_it_ends() {
        use PostStatus::{
            Canceled, Draft, Failed, PartiallyPublished, Published, Publishing, Scheduled,
        };
        let told = EventKind::of_end;
        assert_eq!(told(Publishing, Published), Some(EventKind::Published));
        assert_eq!(told(Publishing, PartiallyPublished), Some(EventKind::PartiallyPublished));
        assert_eq!(told(PartiallyPublished, Published), Some(EventKind::Published));
        assert_eq!(told(Publishing, Failed), Some(EventKind::Failed));
        assert_eq!(told(Scheduled, Canceled), Some(EventKind::Canceled));
        for (before, after) in [
            (Published, Published),
            (Scheduled, Publishing),
            (Failed, Canceled),
            (Failed, Scheduled),
            (Draft, Scheduled),
        ] {
            assert_eq!(told(before, after), None, "{before} {after}");
        }
    }
}
