//! What webhooks are told of: the kinds of events, and what each says. Pure.

use chrono::{DateTime, SecondsFormat, Utc};
use postbreeze_ids::{AccountId, CommentId, EventId, PostId, WorkspaceId};
use postbreeze_proto::v1::{Platform, WebhookEventType};
use serde::Serialize;
use uuid::Uuid;

use crate::post::PostStatus;

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// All targets of a post are published, canceled ones aside.
    PostPublished,
    /// Some targets of a post are published, others failed.
    PostPartiallyPublished,
    /// No target of a post is published.
    PostFailed,
    /// A post was canceled before any target was published.
    PostCanceled,
    /// An account was connected, or revived.
    AccountConnected,
    /// An account's token does not work any more.
    AccountExpired,
    /// An account was disconnected.
    AccountDisconnected,
    /// A comment came into the inbox.
    CommentReceived,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::PostPublished,
        Self::PostPartiallyPublished,
        Self::PostFailed,
        Self::PostCanceled,
        Self::AccountConnected,
        Self::AccountExpired,
        Self::AccountDisconnected,
        Self::CommentReceived,
    ];

    /// The name that receivers and the database know.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PostPublished => "post.published",
            Self::PostPartiallyPublished => "post.partially_published",
            Self::PostFailed => "post.failed",
            Self::PostCanceled => "post.canceled",
            Self::AccountConnected => "account.connected",
            Self::AccountExpired => "account.expired",
            Self::AccountDisconnected => "account.disconnected",
            Self::CommentReceived => "comment.received",
        }
    }

    /// The kind of such a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The kind on the wire.
    #[must_use]
    pub fn to_proto(self) -> WebhookEventType {
        match self {
            Self::PostPublished => WebhookEventType::PostPublished,
            Self::PostPartiallyPublished => WebhookEventType::PostPartiallyPublished,
            Self::PostFailed => WebhookEventType::PostFailed,
            Self::PostCanceled => WebhookEventType::PostCanceled,
            Self::AccountConnected => WebhookEventType::AccountConnected,
            Self::AccountExpired => WebhookEventType::AccountExpired,
            Self::AccountDisconnected => WebhookEventType::AccountDisconnected,
            Self::CommentReceived => WebhookEventType::CommentReceived,
        }
    }

    /// The kind of a wire value; `None` for the unspecified one.
    #[must_use]
    pub fn from_proto(kind: WebhookEventType) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.to_proto() == kind)
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
            PostStatus::Published => Self::PostPublished,
            PostStatus::PartiallyPublished => Self::PostPartiallyPublished,
            PostStatus::Failed => Self::PostFailed,
            PostStatus::Canceled => Self::PostCanceled,
            PostStatus::Draft
            | PostStatus::NeedsApproval
            | PostStatus::Scheduled
            | PostStatus::Publishing => return None,
        };
        (was_open && before != after).then_some(kind)
    }
}

/// What an event is about. Ids and no content: whoever may see more can ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A post.
    Post(PostId),
    /// An account.
    Account {
        /// The account.
        id: AccountId,
        /// Its network.
        platform: Platform,
        /// The name it is addressed by.
        handle: String,
        /// Of one that expired: whether the network took the token back.
        revoked: Option<bool>,
    },
    /// A comment.
    Comment {
        /// The comment.
        id: CommentId,
        /// The account whose post was commented on.
        account_id: AccountId,
        /// The post, when it was published from here.
        post_id: Option<PostId>,
    },
}

/// Something that happened, on its way into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Names it for ever: receivers know repetitions by it. Minted in the workspace's bucket.
    pub id: EventId,
    /// Where it happened.
    pub workspace_id: WorkspaceId,
    /// What happened.
    pub kind: EventKind,
    /// To what.
    pub subject: Subject,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data {
    Post {
        post_id: String,
    },
    Account {
        account_id: String,
        platform: &'static str,
        handle: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        revoked: Option<bool>,
    },
    Comment {
        comment_id: String,
        account_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        post_id: Option<String>,
    },
}

impl Subject {
    /// The id of what it is.
    #[must_use]
    pub fn id(&self) -> Uuid {
        match self {
            Self::Post(id) => id.uuid(),
            Self::Account { id, .. } => id.uuid(),
            Self::Comment { id, .. } => id.uuid(),
        }
    }

    /// The `data` of the event's body, a JSON object.
    #[must_use]
    pub fn data(&self) -> String {
        let data = match self {
            Self::Post(id) => Data::Post { post_id: id.to_string() },
            Self::Account { id, platform, handle, revoked } => Data::Account {
                account_id: id.to_string(),
                platform: platform.as_str_name().trim_start_matches("PLATFORM_"),
                handle: handle.clone(),
                revoked: *revoked,
            },
            Self::Comment { id, account_id, post_id } => Data::Comment {
                comment_id: id.to_string(),
                account_id: account_id.to_string(),
                post_id: post_id.map(|id| id.to_string()),
            },
        };
        json(&data)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    id: String,
    r#type: &'a str,
    create_time: String,
    workspace_id: String,
    data: &'a serde_json::value::RawValue,
}

/// The body that is sent: the same bytes at every attempt. `None` when `data` is no JSON.
#[must_use]
pub fn body(
    id: EventId,
    kind: EventKind,
    time: DateTime<Utc>,
    workspace_id: WorkspaceId,
    data: &str,
) -> Option<String> {
    Some(json(&Body {
        id: id.to_string(),
        r#type: kind.as_str(),
        create_time: time.to_rfc3339_opts(SecondsFormat::Micros, true),
        workspace_id: workspace_id.to_string(),
        data: serde_json::from_str(data).ok()?,
    }))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts, and keys that are texts, can be written")
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::Id;

    use super::*;

    #[test]
    fn kinds_round_trip() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
            assert_eq!(EventKind::from_proto(kind.to_proto()), Some(kind));
            let name =
                format!("WEBHOOK_EVENT_TYPE_{}", kind.as_str().to_uppercase().replace('.', "_"));
            assert_eq!(kind.to_proto().as_str_name(), name);
        }
        assert_eq!(EventKind::from_proto(WebhookEventType::Unspecified), None);
        assert_eq!(EventKind::parse("post.deleted"), None);
    }

    #[test]
    fn a_post_that_was_to_go_out_is_told_of_when_it_ends() {
        use PostStatus::{
            Canceled, Draft, Failed, PartiallyPublished, Published, Publishing, Scheduled,
        };
        let told = EventKind::of_end;
        assert_eq!(told(Publishing, Published), Some(EventKind::PostPublished));
        assert_eq!(told(Publishing, PartiallyPublished), Some(EventKind::PostPartiallyPublished));
        assert_eq!(told(PartiallyPublished, Published), Some(EventKind::PostPublished));
        assert_eq!(told(Publishing, Failed), Some(EventKind::PostFailed));
        assert_eq!(told(Scheduled, Canceled), Some(EventKind::PostCanceled));
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

    #[test]
    fn a_body_is_as_the_contract_shows_it() {
        let id = Id::from_uuid(Uuid::from_u128(1));
        let workspace_id = Id::from_uuid(Uuid::from_u128(2));
        let subject = Subject::Account {
            id: Id::from_uuid(Uuid::from_u128(3)),
            platform: Platform::Sandbox,
            handle: "a\"b\u{2028}".to_owned(),
            revoked: Some(true),
        };
        let time = DateTime::from_timestamp(1_781_524_800, 5_000).unwrap();
        let body = body(id, EventKind::AccountExpired, time, workspace_id, &subject.data());
        let body = body.unwrap();
        assert_eq!(
            body,
            "{\"id\":\"evt_00000000000000000000000001\",\"type\":\"account.expired\",\
             \"create_time\":\"2026-06-15T12:00:00.000005Z\",\
             \"workspace_id\":\"wsp_00000000000000000000000002\",\
             \"data\":{\"account_id\":\"soc_00000000000000000000000003\",\"platform\":\"SANDBOX\",\
             \"handle\":\"a\\\"b\u{2028}\",\"revoked\":true}}"
        );
        let parsed: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(parsed["data"]["handle"], "a\"b\u{2028}");
        assert!(super::body(id, EventKind::PostFailed, time, workspace_id, "{").is_none());
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let comment = Subject::Comment {
            id: Id::from_uuid(Uuid::from_u128(1)),
            account_id: Id::from_uuid(Uuid::from_u128(2)),
            post_id: None,
        };
        assert!(!comment.data().contains("post_id"));
    }
}
