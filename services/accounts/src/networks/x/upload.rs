//! Media, part by part.

use std::time::Duration;

use http::Method;
use postbreeze_proto::internal::v1::MediaToPublish;
use reqwest::multipart::{Form, Part};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Data, X, answered};
use crate::networks::{
    Failure, Progress, Session,
    http::Problem,
    steps::{Ready, has_time, in_progress, is_video, part, size, until_ready},
};

/// A segment at the most is 5 MB.
const SEGMENT_BYTES: u64 = 4 * 1_024 * 1_024;
/// When the network does not say how long its work takes.
const ASK_EVERY: Duration = Duration::from_secs(2);
const PART_WITHIN: Duration = Duration::from_secs(30);

/// How far a publication has come.
#[derive(Default, Serialize, Deserialize)]
struct Steps {
    /// Media that are uploaded.
    #[serde(default)]
    done: Vec<String>,
    /// The one that is being uploaded; empty: none.
    #[serde(default)]
    current: String,
    /// Segments of it that are there.
    #[serde(default)]
    segments: u64,
}

#[derive(Deserialize)]
struct Medium {
    #[serde(default)]
    id: String,
    processing_info: Option<Processing>,
}

#[derive(Deserialize)]
struct Processing {
    #[serde(default)]
    state: String,
    check_after_secs: Option<u64>,
    #[serde(default)]
    error: Value,
}

impl X {
    /// Uploads what is not uploaded yet.
    pub(super) async fn upload(
        &self,
        session: &Session,
        media: &[MediaToPublish],
        progress: &mut Progress,
    ) -> Result<Vec<String>, Failure> {
        let mut steps: Steps = progress.get();
        for medium in media.iter().skip(steps.done.len()) {
            if let Err(failure) = self.one(session, medium, &mut steps, progress).await {
                if !failure.transient && failure.token.is_none() {
                    // The next try uploads it anew.
                    steps.current.clear();
                    progress.keep(&steps).await?;
                }
                return Err(failure);
            }
            steps.done.push(std::mem::take(&mut steps.current));
            progress.keep(&steps).await?;
        }
        Ok(steps.done)
    }

    /// Uploads one, from where it stands.
    async fn one(
        &self,
        session: &Session,
        medium: &MediaToPublish,
        steps: &mut Steps,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        if steps.current.is_empty() {
            steps.current = self.initialize(session, medium).await?;
            steps.segments = 0;
            progress.keep(&*steps).await?;
        }
        while steps.segments * SEGMENT_BYTES < size(medium) {
            if !has_time() {
                return Err(in_progress(ASK_EVERY));
            }
            self.append(session, medium, steps).await?;
            steps.segments += 1;
            progress.keep(&*steps).await?;
        }
        self.finalize(session, medium, &steps.current).await
    }

    async fn initialize(
        &self,
        session: &Session,
        medium: &MediaToPublish,
    ) -> Result<String, Failure> {
        let category = match medium.content_type.as_str() {
            "image/gif" => "tweet_gif",
            _ if is_video(medium) => "tweet_video",
            _ => "tweet_image",
        };
        let body = json!({
            "media_type": medium.content_type,
            "total_bytes": medium.size_bytes,
            "media_category": category,
        });
        let request = self.request(session, Method::POST, "media/upload/initialize").json(&body);
        let made: Data<Medium> = answered(request, session.now).await.map_err(|p| p.failure())?;
        Ok(made.data.id)
    }

    async fn append(
        &self,
        session: &Session,
        medium: &MediaToPublish,
        steps: &Steps,
    ) -> Result<(), Failure> {
        let first = steps.segments * SEGMENT_BYTES;
        let last = (first + SEGMENT_BYTES).min(size(medium)) - 1;
        let bytes = part(&self.http, medium, first, last).await?;
        let form = Form::new()
            .text("segment_index", steps.segments.to_string())
            .part("media", Part::stream(bytes).file_name("media"));
        let path = format!("media/upload/{}/append", steps.current);
        let request = self.request(session, Method::POST, &path).multipart(form);
        let sent = request.within(PART_WITHIN).send().await;
        let sent = sent.and_then(|answer| answer.accepted(session.now, super::refusal));
        sent.map_err(|problem| problem.failure())
    }

    /// Ends an upload, waits for the network's work on it, and describes it.
    async fn finalize(
        &self,
        session: &Session,
        medium: &MediaToPublish,
        id: &str,
    ) -> Result<(), Failure> {
        let path = format!("media/upload/{id}/finalize");
        let request = self.request(session, Method::POST, &path);
        let ended: Result<Data<Medium>, Problem> = answered(request, session.now).await;
        let ended = ended.map_err(|problem| problem.failure())?;
        if let Ready::In(wait) = ready(ended.data.processing_info)? {
            tokio::time::sleep(wait.min(crate::networks::time_left())).await;
            until_ready(|| self.ask(session, id)).await?;
        }
        if medium.alt_text.is_empty() || is_video(medium) {
            return Ok(());
        }
        let body = json!({ "id": id, "metadata": { "alt_text": { "text": medium.alt_text } } });
        let request = self.request(session, Method::POST, "media/metadata").json(&body);
        answered::<Value>(request, session.now).await.map_err(|problem| problem.failure())?;
        Ok(())
    }

    async fn ask(&self, session: &Session, id: &str) -> Result<Ready, Failure> {
        let request = self.request(session, Method::GET, "media/upload");
        let request = request.query(&[("command", "STATUS"), ("media_id", id)]);
        let status: Data<Medium> = answered(request, session.now).await.map_err(|p| p.failure())?;
        ready(status.data.processing_info)
    }
}

fn ready(processing: Option<Processing>) -> Result<Ready, Failure> {
    let Some(processing) = processing else { return Ok(Ready::Now) };
    match processing.state.as_str() {
        "succeeded" => Ok(Ready::Now),
        "failed" => {
            let said = processing.error["message"].as_str();
            let said = said.unwrap_or("the network cannot use the medium");
            Err(Failure::permanent("media_refused", said))
        }
        _ => Ok(Ready::In(processing.check_after_secs.map_or(ASK_EVERY, Duration::from_secs))),
    }
}
