//! Records: what a post or an answer is made of, and the blobs it shows.

use chrono::SecondsFormat;
use http::Method;
use postbreeze_proto::{
    internal::v1::{MediaToPublish, PublishCommentRequest, PublishRequest},
    time::from_proto,
    v1::platform_options::Network as Options,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    text::{Feature, MENTIONS, spans},
    xrpc::{self, Xrpc},
};
use crate::networks::{Failure, Session, http::Problem, time_left};

/// The collection of posts and answers.
pub(super) const POST: &str = "app.bsky.feed.post";

const IMAGES: usize = 4;
/// What no server of the protocol takes for an image.
const IMAGE_BYTES: usize = 5 * 1_024 * 1_024;

/// A post or an answer.
pub(super) struct PostRecord {
    text: String,
    created_at: String,
    langs: Vec<String>,
    facets: Vec<Value>,
    embed: Option<Value>,
    reply: Option<Value>,
}

impl PostRecord {
    /// The record of a post; uploads what it shows.
    pub(super) async fn of_post(
        xrpc: &Xrpc,
        session: &Session,
        post: &PublishRequest,
    ) -> Result<Self, Failure> {
        let langs = match post.options.as_ref().and_then(|options| options.network.as_ref()) {
            Some(Options::Bluesky(options)) => options.languages.clone(),
            _ => Vec::new(),
        };
        Ok(Self {
            embed: embed(xrpc, session, &post.media).await?,
            facets: facets(xrpc, session, &post.text).await?,
            text: post.text.clone(),
            created_at: created_at(post.first_attempt_time.as_ref(), session),
            langs,
            reply: None,
        })
    }

    /// The record of a comment under a post, or of an answer to a comment.
    pub(super) async fn of_comment(
        xrpc: &Xrpc,
        session: &Session,
        comment: &PublishCommentRequest,
    ) -> Result<Self, Failure> {
        let answered = match comment.external_comment_id.as_str() {
            "" => &comment.external_post_id,
            id => id,
        };
        let parent = reference(xrpc, session, answered).await?;
        // The root of what is answered is the root of the answer.
        let root = match parent.value.pointer("/reply/root") {
            Some(root) => root.clone(),
            None => json!({"uri": parent.uri, "cid": parent.cid}),
        };
        Ok(Self {
            facets: facets(xrpc, session, &comment.text).await?,
            text: comment.text.clone(),
            created_at: created_at(comment.first_attempt_time.as_ref(), session),
            langs: Vec::new(),
            embed: None,
            reply: Some(json!({"root": root, "parent": {"uri": parent.uri, "cid": parent.cid}})),
        })
    }

    /// The record as it is written.
    pub(super) fn into_json(self) -> Value {
        let mut record = json!({"$type": POST, "text": self.text, "createdAt": self.created_at});
        let mut set = |name: &str, value: Value| record[name] = value;
        if !self.langs.is_empty() {
            set("langs", self.langs.into());
        }
        if !self.facets.is_empty() {
            set("facets", self.facets.into());
        }
        if let Some(embed) = self.embed {
            set("embed", embed);
        }
        if let Some(reply) = self.reply {
            set("reply", reply);
        }
        record
    }
}

/// The same for every try of a sending, so that all of them write the same bytes.
fn created_at(first_attempt: Option<&prost_types::Timestamp>, session: &Session) -> String {
    let time = first_attempt.and_then(from_proto).unwrap_or(session.now);
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The parts of a URI: `at://<repo>/<collection>/<rkey>`.
pub(super) fn parts_of(uri: &str) -> Option<(&str, &str, &str)> {
    let mut parts = uri.strip_prefix("at://")?.split('/');
    let found = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(found)
}

/// What is answered, with the hash that an answer names it by.
async fn reference(xrpc: &Xrpc, session: &Session, uri: &str) -> Result<xrpc::Record, Failure> {
    let unknown = || Failure::permanent("not_found", "the network has no such post");
    let (repo, collection, rkey) = parts_of(uri).ok_or_else(unknown)?;
    match xrpc.record(session, repo, collection, rkey).await {
        Ok(record) => return Ok(record),
        Err(problem) if problem.failure().token.is_some() => return Err(problem.failure()),
        // Another server may have it.
        Err(_) => {}
    }
    let url = format!("{}/xrpc/app.bsky.feed.getPosts", xrpc.app_view);
    let request = xrpc.http.open(Method::GET, &url).query(&[("uris", uri)]);
    let found: Posts = xrpc.call(session.now, request).await.map_err(|p| p.failure())?;
    let post = found.posts.into_iter().find(|post| post.uri == uri).ok_or_else(unknown)?;
    Ok(xrpc::Record { uri: post.uri, cid: post.cid, value: post.record })
}

#[derive(Deserialize)]
struct Posts {
    posts: Vec<Post>,
}

#[derive(Deserialize)]
struct Post {
    uri: String,
    cid: String,
    #[serde(default)]
    record: Value,
}

/// The parts of a text that are marked up. A handle that nobody has stays as it is written.
async fn facets(xrpc: &Xrpc, session: &Session, text: &str) -> Result<Vec<Value>, Failure> {
    let (mut facets, mut asked) = (Vec::new(), 0);
    for span in spans(text) {
        let feature = match span.what {
            Feature::Link(uri) => json!({"$type": "app.bsky.richtext.facet#link", "uri": uri}),
            Feature::Tag(tag) => json!({"$type": "app.bsky.richtext.facet#tag", "tag": tag}),
            Feature::Mention(handle) => {
                asked += 1;
                if asked > MENTIONS {
                    continue;
                }
                match resolve(xrpc, session, &handle).await? {
                    Some(did) => json!({"$type": "app.bsky.richtext.facet#mention", "did": did}),
                    None => continue,
                }
            }
        };
        facets.push(json!({
            "index": {"byteStart": span.start, "byteEnd": span.end},
            "features": [feature],
        }));
    }
    Ok(facets)
}

async fn resolve(xrpc: &Xrpc, session: &Session, handle: &str) -> Result<Option<String>, Failure> {
    #[derive(Deserialize)]
    struct Resolved {
        did: String,
    }
    let request = xrpc
        .to(session, Method::GET, "com.atproto.identity.resolveHandle")
        .map_err(|problem| problem.failure())?;
    let answer: Result<Resolved, Problem> =
        xrpc.call(session.now, request.query(&[("handle", handle)])).await;
    match answer {
        Ok(resolved) => Ok(Some(resolved.did)),
        Err(problem) => {
            let failure = problem.failure();
            if failure.transient || failure.token.is_some() { Err(failure) } else { Ok(None) }
        }
    }
}

/// What a post shows.
async fn embed(
    xrpc: &Xrpc,
    session: &Session,
    media: &[MediaToPublish],
) -> Result<Option<Value>, Failure> {
    let unsupported = |message: &str| Err(Failure::permanent("media_unsupported", message));
    match media {
        [] => Ok(None),
        [video] if video.content_type == "video/mp4" => {
            let (body, size) = xrpc.http.stream(video).await?;
            let blob = upload(xrpc, session, video, body, Some(size)).await?;
            let mut embed =
                json!({"$type": "app.bsky.embed.video", "video": blob, "alt": video.alt_text});
            if let Some(ratio) = aspect_ratio(video) {
                embed["aspectRatio"] = ratio;
            }
            Ok(Some(embed))
        }
        images if images.iter().any(|medium| !medium.content_type.starts_with("image/")) => {
            unsupported("the network takes images, or one MP4 video")
        }
        images if images.len() > IMAGES => unsupported("the network takes at most 4 images"),
        images => {
            let mut shown = Vec::with_capacity(images.len());
            for image in images {
                let bytes = xrpc.http.medium(image, IMAGE_BYTES).await?;
                let blob = upload(xrpc, session, image, bytes.into(), None).await?;
                let mut entry = json!({"alt": image.alt_text, "image": blob});
                if let Some(ratio) = aspect_ratio(image) {
                    entry["aspectRatio"] = ratio;
                }
                shown.push(entry);
            }
            Ok(Some(json!({"$type": "app.bsky.embed.images", "images": shown})))
        }
    }
}

fn aspect_ratio(medium: &MediaToPublish) -> Option<Value> {
    let (width, height) = (medium.width_px?, medium.height_px?);
    (width > 0 && height > 0).then(|| json!({"width": width, "height": height}))
}

/// Uploads a blob. The same bytes are the same blob, however often they are uploaded.
async fn upload(
    xrpc: &Xrpc,
    session: &Session,
    medium: &MediaToPublish,
    body: reqwest::Body,
    size: Option<u64>,
) -> Result<Value, Failure> {
    #[derive(Deserialize)]
    struct Uploaded {
        blob: Value,
    }
    let failure = |problem: Problem| problem.failure();
    let request = xrpc.to(session, Method::POST, "com.atproto.repo.uploadBlob").map_err(failure)?;
    let mut request = request.body(&medium.content_type, body).within(time_left());
    if let Some(size) = size {
        request = request.header("content-length", &size.to_string());
    }
    let uploaded: Uploaded = xrpc.call(session.now, request).await.map_err(failure)?;
    Ok(uploaded.blob)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_a_repo_a_collection_and_a_name() {
        let uri = "at://did:plc:abc/app.bsky.feed.post/3kabc";
        assert_eq!(parts_of(uri), Some(("did:plc:abc", "app.bsky.feed.post", "3kabc")));
        for junk in ["", "at://", "at://a/b", "https://a/b/c", "at://a/b/c/d"] {
            assert_eq!(parts_of(junk), None, "{junk}");
        }
    }
}
