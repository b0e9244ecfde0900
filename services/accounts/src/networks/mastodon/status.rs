//! Statuses as they are sent, and the media they show.

use std::time::Duration;

use http::{Method, StatusCode};
use postbreeze_proto::{
    internal::v1::{MediaToPublish, PublishCommentRequest, PublishRequest},
    v1::{MastodonOptions, MastodonVisibility, platform_options::Network as Options},
};
use reqwest::multipart::{Form, Part};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::api::{Api, escaped, refusal};
use crate::networks::{Failure, Progress, Session, http::Problem, time_left};

/// How often a server is asked whether it has processed a medium.
const PROCESSED_EVERY: Duration = Duration::from_secs(1);
const PROCESSED_LATER: Duration = Duration::from_secs(5);

/// A status.
#[derive(Serialize)]
pub(super) struct NewStatus<'a> {
    status: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    media_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_reply_to_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    visibility: Option<&'static str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    spoiler_text: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sensitive: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    language: &'a str,
}

impl<'a> NewStatus<'a> {
    /// The status of a post.
    pub(super) fn of_post(post: &'a PublishRequest, media_ids: Vec<String>) -> Self {
        let options = options_of(post);
        let visibility =
            options.map_or(MastodonVisibility::Unspecified, MastodonOptions::visibility);
        Self {
            status: post.text.clone(),
            media_ids,
            in_reply_to_id: None,
            visibility: Some(match visibility {
                MastodonVisibility::Unspecified | MastodonVisibility::Public => "public",
                MastodonVisibility::Unlisted => "unlisted",
                MastodonVisibility::Private => "private",
            }),
            spoiler_text: options.map_or("", |options| &options.spoiler_text),
            sensitive: options.is_some_and(|options| options.sensitive),
            language: options.map_or("", |options| &options.language),
        }
    }

    /// The status of a comment. An answer names whom it answers, or they are not told of it.
    pub(super) fn of_comment(comment: &'a PublishCommentRequest, mention: Option<&str>) -> Self {
        let answered = match comment.external_comment_id.as_str() {
            "" => &comment.external_post_id,
            id => id,
        };
        let names = |mention: &str| comment.text.contains(&format!("@{mention}"));
        Self {
            status: match mention.filter(|mention| !names(mention)) {
                Some(mention) => format!("@{mention} {}", comment.text),
                None => comment.text.clone(),
            },
            media_ids: Vec::new(),
            in_reply_to_id: Some(answered),
            visibility: None,
            spoiler_text: "",
            sensitive: false,
            language: "",
        }
    }
}

/// The options of a post.
pub(super) fn options_of(post: &PublishRequest) -> Option<&MastodonOptions> {
    match post.options.as_ref()?.network.as_ref()? {
        Options::Mastodon(options) => Some(options),
        _ => None,
    }
}

/// How far the media of a post have come, in order.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Uploads {
    media: Vec<Uploaded>,
}

/// A medium that a server has.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Uploaded {
    id: String,
    /// Whether the server has still to process it.
    is_pending: bool,
}

#[derive(Deserialize)]
struct Attachment {
    id: String,
}

/// Uploads what a post shows, and waits until the server has processed it. What was uploaded by an earlier try is not
/// uploaded again.
pub(super) async fn upload(
    api: &Api,
    session: &Session,
    media: &[MediaToPublish],
    progress: &mut Progress,
) -> Result<Vec<String>, Failure> {
    let mut uploads: Uploads = progress.get();
    for medium in media.iter().skip(uploads.media.len()) {
        uploads.media.push(upload_one(api, session, medium).await?);
        progress.keep(&uploads).await?;
    }
    for medium in uploads.media.iter().filter(|medium| medium.is_pending) {
        if !is_processed(api, session, &medium.id).await? {
            forget(progress).await?;
            let message = "the server could not process the medium";
            return Err(Failure::transient("media_lost", message));
        }
    }
    Ok(uploads.media.into_iter().map(|medium| medium.id).collect())
}

/// The next try uploads anew: a server keeps what nobody shows for a while only.
pub(super) async fn forget(progress: &mut Progress) -> Result<(), Failure> {
    progress.keep(&Uploads::default()).await
}

async fn upload_one(
    api: &Api,
    session: &Session,
    medium: &MediaToPublish,
) -> Result<Uploaded, Failure> {
    let failure = |problem: Problem| problem.failure();
    let (body, size) = api.http.stream(medium).await?;
    let part = Part::stream_with_length(body, size)
        .file_name(file_name(&medium.content_type))
        .mime_str(&medium.content_type)
        .map_err(|_| Failure::permanent("media_unsupported", "the medium has no type"))?;
    let mut form = Form::new().part("file", part);
    if !medium.alt_text.is_empty() {
        form = form.text("description", medium.alt_text.clone());
    }
    let request = api.to(session, Method::POST, "/api/v2/media").map_err(failure)?;
    let answer = request.multipart(form).within(time_left()).send().await.map_err(failure)?;
    let attachment: Attachment = answer.json(session.now, refusal).map_err(failure)?;
    let is_pending = answer.status == StatusCode::ACCEPTED;
    Ok(Uploaded { id: attachment.id, is_pending })
}

/// Waits until a medium is processed. Answers whether the server has it.
async fn is_processed(api: &Api, session: &Session, id: &str) -> Result<bool, Failure> {
    let failure = |problem: Problem| problem.failure();
    let path = format!("/api/v1/media/{}", escaped(id));
    loop {
        let request = api.to(session, Method::GET, &path).map_err(failure)?;
        let answer = request.send().await.map_err(failure)?;
        match answer.status {
            StatusCode::OK => return Ok(true),
            StatusCode::PARTIAL_CONTENT | StatusCode::ACCEPTED => {}
            StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => return Ok(false),
            _ => answer.accepted(session.now, refusal).map_err(failure)?,
        }
        if time_left() <= PROCESSED_EVERY {
            let message = "the server is still processing the media";
            return Err(Failure::transient("in_progress", message).after(Some(PROCESSED_LATER)));
        }
        sleep(PROCESSED_EVERY).await;
    }
}

/// Servers tell a medium's kind by its name, too.
fn file_name(content_type: &str) -> String {
    let extension = match content_type {
        "image/jpeg" => "jpg",
        "video/quicktime" => "mov",
        other => other.split_once('/').map_or("bin", |(_, subtype)| subtype),
    };
    format!("media.{extension}")
}
