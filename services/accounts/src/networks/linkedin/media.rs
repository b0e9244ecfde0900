//! Images, videos and documents: each is announced, uploaded to where LinkedIn says, and used by its URN.

use std::time::Duration;

use http::{Method, header::ETAG};
use postbreeze_proto::internal::v1::MediaToPublish;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Linkedin, encoded, refusal};
use crate::networks::{
    Failure, Progress, Session,
    http::{Answer, Problem},
    steps::{Ready, has_time, in_progress, is_video, part, size, until_ready},
};

/// Images and documents are sent whole.
const WHOLE_BYTES: usize = 100 * 1_024 * 1_024;
const ASK_EVERY: Duration = Duration::from_secs(3);
const PART_WITHIN: Duration = Duration::from_secs(30);

/// How far a publication has come.
#[derive(Default, Serialize, Deserialize)]
struct Steps {
    /// URNs of media that are uploaded.
    #[serde(default)]
    done: Vec<String>,
    /// The video that is being uploaded.
    #[serde(default)]
    video: Option<Video>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Video {
    #[serde(rename = "video")]
    urn: String,
    #[serde(default)]
    upload_token: String,
    upload_instructions: Vec<Instruction>,
    /// Names of the parts that are there.
    #[serde(default)]
    parts: Vec<String>,
    /// Whether the network knows that all of them are.
    #[serde(default)]
    ended: bool,
}

#[derive(Serialize, Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Instruction {
    upload_url: String,
    first_byte: u64,
    last_byte: u64,
}

#[derive(Deserialize)]
struct Begun<T> {
    value: T,
}

impl Linkedin {
    /// Uploads what is not uploaded yet; the content of a post that shows it.
    pub(super) async fn upload(
        &self,
        session: &Session,
        media: &[MediaToPublish],
        progress: &mut Progress,
    ) -> Result<Option<Value>, Failure> {
        let mut steps: Steps = progress.get();
        for medium in media.iter().skip(steps.done.len()) {
            let urn = if is_video(medium) {
                let uploaded = self.video(session, medium, &mut steps, progress).await;
                if uploaded
                    .as_ref()
                    .is_err_and(|failure| !failure.transient && failure.token.is_none())
                {
                    // The next try uploads it anew.
                    steps.video = None;
                    progress.keep(&steps).await?;
                }
                uploaded?
            } else if medium.content_type == "application/pdf" {
                self.whole(session, medium, "documents", "document").await?
            } else {
                self.whole(session, medium, "images", "image").await?
            };
            steps.done.push(urn);
            steps.video = None;
            progress.keep(&steps).await?;
        }
        let described = |urn: &String, medium: &MediaToPublish| {
            let mut content = json!({ "id": urn });
            let name = if medium.content_type == "application/pdf" { "title" } else { "altText" };
            let text = match medium.alt_text.as_str() {
                // A document is shown under its title, and must have one.
                "" if name == "title" => "Document",
                text => text,
            };
            if !text.is_empty() && !is_video(medium) {
                content[name] = json!(text);
            }
            content
        };
        let shown: Vec<Value> =
            steps.done.iter().zip(media).map(|(urn, medium)| described(urn, medium)).collect();
        Ok(match &shown[..] {
            [] => None,
            [one] => Some(json!({ "media": one })),
            many => Some(json!({ "multiImage": { "images": many } })),
        })
    }

    async fn begin<T: DeserializeOwned>(
        &self,
        session: &Session,
        kind: &str,
        action: &str,
        body: &Value,
    ) -> Result<T, Problem> {
        let path = format!("rest/{kind}?action={action}");
        let request = self.request(&session.tokens.access_token, Method::POST, &path).json(body);
        request.send().await?.json(session.now, refusal)
    }

    async fn put(
        &self,
        session: &Session,
        url: &str,
        content_type: &str,
        bytes: bytes::Bytes,
    ) -> Result<Answer, Failure> {
        let request = self.http.open(Method::PUT, url).bearer(&session.tokens.access_token);
        let sent = request.body(content_type, bytes).within(PART_WITHIN).send().await;
        let answer = sent.map_err(|problem| problem.failure())?;
        answer.accepted(session.now, refusal).map_err(|problem| problem.failure())?;
        Ok(answer)
    }

    /// An image or a document.
    async fn whole(
        &self,
        session: &Session,
        medium: &MediaToPublish,
        kind: &str,
        name: &str,
    ) -> Result<String, Failure> {
        let body = json!({ "initializeUploadRequest": { "owner": self.urn(session) } });
        let begun: Result<Begun<Value>, Problem> =
            self.begin(session, kind, "initializeUpload", &body).await;
        let begun = begun.map_err(|problem| problem.failure())?.value;
        let text = |name: &str| begun[name].as_str().unwrap_or_default().to_owned();
        let bytes = self.http.medium(medium, WHOLE_BYTES).await?;
        self.put(session, &text("uploadUrl"), &medium.content_type, bytes).await?;
        let urn = text(name);
        if kind == "documents" {
            until_ready(|| self.ask(session, kind, &urn)).await?;
        }
        Ok(urn)
    }

    async fn video(
        &self,
        session: &Session,
        medium: &MediaToPublish,
        steps: &mut Steps,
        progress: &mut Progress,
    ) -> Result<String, Failure> {
        if steps.video.is_none() {
            let body = json!({ "initializeUploadRequest": {
                "owner": self.urn(session),
                "fileSizeBytes": size(medium),
                "uploadCaptions": false,
                "uploadThumbnail": false,
            }});
            let begun: Result<Begun<Video>, Problem> =
                self.begin(session, "videos", "initializeUpload", &body).await;
            steps.video = Some(begun.map_err(|problem| problem.failure())?.value);
            progress.keep(&*steps).await?;
        }
        while let Some(next) = steps.video.as_ref().and_then(Video::next) {
            if !has_time() {
                return Err(in_progress(ASK_EVERY));
            }
            let bytes = part(&self.http, medium, next.first_byte, next.last_byte).await?;
            let answer =
                self.put(session, &next.upload_url, "application/octet-stream", bytes).await?;
            let tag =
                answer.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default();
            if let Some(video) = &mut steps.video {
                video.parts.push(tag.to_owned());
            }
            progress.keep(&*steps).await?;
        }
        let Some(video) = &mut steps.video else { return Ok(String::new()) };
        let urn = video.urn.clone();
        if !video.ended {
            let body = json!({ "finalizeUploadRequest": {
                "video": video.urn,
                "uploadToken": video.upload_token,
                "uploadedPartIds": video.parts,
            }});
            let token = &session.tokens.access_token;
            let request = self.request(token, Method::POST, "rest/videos?action=finalizeUpload");
            let ended = request.json(&body).send().await;
            let ended = ended.and_then(|answer| answer.accepted(session.now, refusal));
            ended.map_err(|problem| problem.failure())?;
            video.ended = true;
            progress.keep(&*steps).await?;
        }
        until_ready(|| self.ask(session, "videos", &urn)).await?;
        Ok(urn)
    }

    async fn ask(&self, session: &Session, kind: &str, urn: &str) -> Result<Ready, Failure> {
        let path = format!("rest/{kind}/{}", encoded(urn));
        let token = &session.tokens.access_token;
        let said: Value =
            self.read(token, &path, &[], session.now).await.map_err(|p| p.failure())?;
        match said["status"].as_str() {
            Some("AVAILABLE") => Ok(Ready::Now),
            Some("PROCESSING_FAILED") => {
                let reason = said["processingFailureReason"].as_str();
                let reason = reason.unwrap_or("the network cannot use the medium");
                Err(Failure::permanent("media_refused", reason))
            }
            _ => Ok(Ready::In(ASK_EVERY)),
        }
    }
}

impl Video {
    fn next(&self) -> Option<Instruction> {
        self.upload_instructions.get(self.parts.len()).cloned()
    }
}
