//! A video goes to where Pinterest says, and is processed before a pin can show it.

use std::time::Duration;

use http::Method;
use postbreeze_proto::internal::v1::MediaToPublish;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::{Pinterest, Steps, refusal};
use crate::networks::{
    Failure, Progress, Session,
    http::Problem,
    steps::{Ready, until_ready},
    time_left,
};

const ASK_EVERY: Duration = Duration::from_secs(3);

impl Pinterest {
    /// The id of the video, once it can be shown.
    pub(super) async fn video(
        &self,
        session: &Session,
        video: &MediaToPublish,
        progress: &mut Progress,
    ) -> Result<String, Failure> {
        let mut steps: Steps = progress.get();
        if steps.media_id.is_empty() {
            steps.media_id = self.upload(session, video).await?;
            progress.keep(&steps).await?;
        }
        let waited = until_ready(|| self.ask(session, &steps.media_id)).await;
        if waited.as_ref().is_err_and(|failure| !failure.transient) {
            // The next try uploads it anew.
            progress.keep(&Steps::default()).await?;
        }
        waited.map(|()| steps.media_id)
    }

    async fn upload(&self, session: &Session, video: &MediaToPublish) -> Result<String, Failure> {
        let token = &session.tokens.access_token;
        let body = json!({ "media_type": "video" });
        let request = self.request(token, Method::POST, "media").json(&body);
        let begun: Result<Value, Problem> = match request.send().await {
            Ok(answer) => answer.json(session.now, refusal),
            Err(problem) => Err(problem),
        };
        let begun = begun.map_err(|problem| problem.failure())?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (stream, size) = self.http.stream(video).await?;
        let mut form = Form::new();
        for (name, value) in begun["upload_parameters"].as_object().into_iter().flatten() {
            form = form.text(name.clone(), text(value));
        }
        // The store takes what follows the file for nothing: it is the last.
        let form = form.part("file", Part::stream_with_length(stream, size).file_name("video"));
        let request = self.http.open(Method::POST, &text(&begun["upload_url"])).multipart(form);
        let sent = request.within(time_left()).send().await;
        let sent = sent.and_then(|answer| answer.accepted(session.now, refusal));
        sent.map_err(|problem| problem.failure())?;
        Ok(text(&begun["media_id"]))
    }

    async fn ask(&self, session: &Session, media_id: &str) -> Result<Ready, Failure> {
        let path = format!("media/{media_id}");
        let token = &session.tokens.access_token;
        let said: Result<Value, Problem> = self.read(token, &path, &[], session.now).await;
        let said = said.map_err(|problem| problem.failure())?;
        match said["status"].as_str() {
            Some("succeeded") => Ok(Ready::Now),
            Some("failed") => {
                Err(Failure::permanent("media_refused", "the network cannot use the video"))
            }
            _ => Ok(Ready::In(ASK_EVERY)),
        }
    }
}
