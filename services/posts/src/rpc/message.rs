//! Rows as messages.

use postbreeze_ids::{Id, MediaId};
use postbreeze_proto::{
    time::to_proto,
    v1::{
        Comment, CommentAuthor, CommentReply, CommentReplyStatus, Delivery, DeliveryStatus,
        ErrorClass, FirstCommentStatus, PlatformOptions, Post, PostMedia, PostStatus, PostTarget,
        PublishAttempt, PublishAttemptStatus, TargetError, TargetStatus, Webhook, WebhookEventType,
        WebhookSecret,
    },
};
use prost::Message as _;

use crate::{
    error::Error,
    event::EventKind,
    store::{
        attempts::AttemptRow, comments::CommentRow, deliveries::DeliveryRow, posts,
        targets::TargetRow, webhook_secrets::SecretRow, webhooks::WebhookRow,
    },
};

fn optional_id<K: postbreeze_ids::Kind>(id: Option<Id<K>>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

/// A post as clients see it.
pub(super) fn post(post: posts::Post) -> Result<Post, Error> {
    let posts::Post { row, targets } = post;
    let status = PostStatus::from_str_name(&format!("POST_STATUS_{}", row.status.to_uppercase()));
    Ok(Post {
        id: row.id.to_string(),
        workspace_id: row.workspace_id.to_string(),
        author_user_id: row.author_user_id.to_string(),
        created_via_key_id: optional_id(row.created_via_key_id),
        status: status.ok_or(Error::Unreadable("post status"))?.into(),
        content: row.content,
        scheduled_time: row.scheduled_time.map(to_proto),
        draft_scheduled_time: row.draft_scheduled_time.map(to_proto),
        timezone: row.timezone,
        targets: targets.into_iter().map(target).collect::<Result<_, _>>()?,
        media: row.media_ids.into_iter().zip(row.alt_texts).map(medium).collect(),
        approved_by_user_id: optional_id(row.approved_by_user_id),
        approved_time: row.approved_time.map(to_proto),
        rejection_note: row.rejection_note,
        etag: etag(row.version),
        create_time: Some(to_proto(row.create_time)),
        update_time: Some(to_proto(row.update_time)),
        publish_when_approved: row.publish_now && row.status == "needs_approval",
    })
}

/// The etag of a version.
pub(super) fn etag(version: i64) -> String {
    format!("v{version}")
}

fn medium((id, alt_text): (MediaId, String)) -> PostMedia {
    PostMedia { media_id: id.to_string(), alt_text }
}

fn target(row: TargetRow) -> Result<PostTarget, Error> {
    let status =
        TargetStatus::from_str_name(&format!("TARGET_STATUS_{}", row.status.to_uppercase()));
    let options = match row.options.as_slice() {
        [] => None,
        bytes => Some(
            PlatformOptions::decode(bytes).map_err(|_| Error::Unreadable("platform options"))?,
        ),
    };
    let first_comment_status = match row.comment.status.as_str() {
        _ if row.first_comment.is_empty() => Some(FirstCommentStatus::Unspecified),
        "none" => Some(FirstCommentStatus::Pending),
        name => FirstCommentStatus::from_str_name(&format!(
            "FIRST_COMMENT_STATUS_{}",
            name.to_uppercase()
        )),
    };
    let alt_texts = row.alt_texts.unwrap_or_default().into_iter();
    let alt_texts = alt_texts.chain(std::iter::repeat(String::new()));
    Ok(PostTarget {
        id: row.id.to_string(),
        account_id: row.account_id.to_string(),
        platform: row.platform.into(),
        status: status.ok_or(Error::Unreadable("target status"))?.into(),
        caption_override: row.caption_override,
        first_comment: row.first_comment,
        media_ids: row.media_ids.iter().map(ToString::to_string).collect(),
        options,
        publish_time: row.publish_time.map(to_proto),
        external_post_id: row.external_post_id,
        external_url: row.external_url,
        error: error(row.error_code, row.error_message, &row.error_class),
        attempt_count: row.attempt_count,
        first_comment_status: first_comment_status
            .ok_or(Error::Unreadable("first comment status"))?
            .into(),
        first_comment_error: error(
            row.comment.error_code,
            row.comment.error_message,
            &row.comment.error_class,
        ),
        external_first_comment_id: row.comment.external_id,
        media: row.media_ids.into_iter().zip(alt_texts).map(medium).collect(),
    })
}

fn error(code: String, message: String, class: &str) -> Option<TargetError> {
    if class.is_empty() {
        return None;
    }
    let class = ErrorClass::from_str_name(&format!("ERROR_CLASS_{}", class.to_uppercase()));
    Some(TargetError { code, message, class: class.unwrap_or(ErrorClass::Unknown).into() })
}

/// An attempt as clients see it.
pub(super) fn attempt(row: AttemptRow) -> Result<PublishAttempt, Error> {
    let name = format!("PUBLISH_ATTEMPT_STATUS_{}", row.status.to_uppercase());
    let status = PublishAttemptStatus::from_str_name(&name);
    Ok(PublishAttempt {
        id: row.id.to_string(),
        workspace_id: row.workspace_id.to_string(),
        post_id: row.post_id.to_string(),
        target_id: row.target_id.to_string(),
        account_id: row.account_id.to_string(),
        platform: row.platform.into(),
        attempt_number: row.attempt_number,
        status: status.ok_or(Error::Unreadable("attempt status"))?.into(),
        start_time: Some(to_proto(row.start_time)),
        finish_time: row.finish_time.map(to_proto),
        external_post_id: row.external_post_id,
        external_url: row.external_url,
        error: error(row.error_code, row.error_message, &row.error_class),
    })
}

/// A comment as clients see it.
pub(super) fn comment(row: CommentRow) -> Result<Comment, Error> {
    let status = row.reply_status.unwrap_or_default().to_uppercase();
    let status = CommentReplyStatus::from_str_name(&format!("COMMENT_REPLY_STATUS_{status}"));
    if row.reply_body.is_some() && status.is_none() {
        return Err(Error::Unreadable("reply status"));
    }
    let reply = row.reply_body.map(|body| CommentReply {
        body,
        status: status.unwrap_or_default().into(),
        error: row.reply_error,
        create_time: row.reply_time.map(to_proto),
        author_user_id: optional_id(row.reply_author_user_id),
        external_id: row.reply_external_id.unwrap_or_default(),
    });
    Ok(Comment {
        id: row.id.to_string(),
        workspace_id: row.workspace_id.to_string(),
        account_id: row.account_id.to_string(),
        platform: row.platform.into(),
        post_id: optional_id(row.post_id),
        target_id: optional_id(row.target_id),
        external_id: row.external_id,
        author: Some(CommentAuthor {
            handle: row.author_handle,
            display_name: row.author_display_name,
            avatar_url: row.author_avatar_url,
        }),
        body: row.body,
        network_time: Some(to_proto(row.network_time)),
        read_time: row.read_time.map(to_proto),
        reply,
        create_time: Some(to_proto(row.create_time)),
    })
}

/// A webhook as clients see it, with its live secrets, newest first.
pub(super) fn webhook(row: WebhookRow, secrets: Vec<SecretRow>) -> Result<Webhook, Error> {
    let kinds = row.event_kinds.iter().map(|name| event_kind(name).map(i32::from));
    Ok(Webhook {
        id: row.id.to_string(),
        workspace_id: row.workspace_id.to_string(),
        event_types: kinds.collect::<Result<_, _>>()?,
        display_name: row.display_name,
        url: row.url,
        enabled: row.enabled,
        gone_time: row.gone_time.map(to_proto),
        secrets: secrets
            .into_iter()
            .map(|secret| WebhookSecret {
                prefix: secret.shown,
                create_time: Some(to_proto(secret.create_time)),
                expire_time: secret.expire_time.map(to_proto),
            })
            .collect(),
        create_time: Some(to_proto(row.create_time)),
        update_time: Some(to_proto(row.update_time)),
    })
}

fn event_kind(name: &str) -> Result<WebhookEventType, Error> {
    EventKind::parse(name).map(EventKind::to_proto).ok_or(Error::Unreadable("kind of an event"))
}

/// The name that the database keeps of a delivery's status.
pub(super) fn delivery_status_name(status: DeliveryStatus) -> String {
    status.as_str_name().trim_start_matches("DELIVERY_STATUS_").to_lowercase()
}

/// A delivery as clients see it.
pub(super) fn delivery(row: DeliveryRow) -> Result<Delivery, Error> {
    let name = format!("DELIVERY_STATUS_{}", row.status.to_uppercase());
    let status = DeliveryStatus::from_str_name(&name);
    Ok(Delivery {
        event_id: row.event_id.to_string(),
        webhook_id: row.webhook_id.to_string(),
        workspace_id: row.workspace_id.to_string(),
        event_type: event_kind(&row.kind)?.into(),
        status: status.ok_or(Error::Unreadable("delivery status"))?.into(),
        attempt_count: row.attempt_count,
        last_http_status: row.last_status,
        last_error: row.last_error,
        create_time: Some(to_proto(row.create_time)),
        last_attempt_time: row.last_attempt_time.map(to_proto),
        // While an attempt is under way, none is due.
        next_attempt_time: row.next_time.filter(|_| !row.leased).map(to_proto),
    })
}
