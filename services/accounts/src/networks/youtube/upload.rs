//! The session of an upload.

use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use http::{
    Method, StatusCode,
    header::{LOCATION, RANGE},
};
use postbreeze_networks::youtube_title;
use postbreeze_proto::{
    internal::v1::PublishRequest,
    v1::{YoutubeOptions, YoutubeVisibility, platform_options::Network as Options},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Youtube, refusal};
use crate::networks::{
    Failure, Found, Outcome, Progress, Sent, Session,
    http::{Answer, Problem},
    steps::{PART_BYTES, absent, cannot_tell, has_time, in_progress, part, size},
};

const PART_WITHIN: Duration = Duration::from_secs(45);
/// When to go on with an upload that the call had no time to end.
const GO_ON: Duration = Duration::from_secs(1);
/// So long a session that has ended still tells of its video; a week in truth.
const TOLD_FOR: TimeDelta = TimeDelta::days(1);
const LOOK_AFTER: Duration = Duration::from_secs(30);

const TAKING_IN: &str = "the network is still taking the video in";

/// How far a publication has come.
#[derive(Default, Serialize, Deserialize)]
struct Steps {
    /// The session's address; empty: there is none yet.
    #[serde(default)]
    session: String,
}

/// How far the network says that an upload has come.
enum State {
    /// So many bytes are there.
    Has(u64),
    /// It is a video.
    Done(Sent),
    /// The session is over, and it is none.
    Gone,
}

impl Youtube {
    pub(super) async fn upload(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &mut Progress,
    ) -> Outcome {
        let Some(video) = post.media.first().filter(|video| size(video) > 0) else {
            return Failure::permanent("media_required", "YouTube publishes videos alone").into();
        };
        let size = size(video);
        let mut steps: Steps = progress.get();
        let mut at = 0;
        if !steps.session.is_empty() {
            match self.state(session, &steps.session, size).await {
                Ok(State::Done(sent)) => return Outcome::Sent(sent),
                Ok(State::Has(bytes)) => at = bytes,
                Ok(State::Gone) => steps.session.clear(),
                Err(problem) => return problem.failure().into(),
            }
        }
        if steps.session.is_empty() {
            steps.session = match self.begin(session, post, &video.content_type, size).await {
                Ok(address) => address,
                Err(problem) => return problem.failure().into(),
            };
            if let Err(failure) = progress.keep(&steps).await {
                return failure.into();
            }
        }
        loop {
            if at >= size {
                return Outcome::Unknown {
                    code: "in_progress".to_owned(),
                    message: TAKING_IN.to_owned(),
                };
            }
            if !has_time() {
                return in_progress(GO_ON).into();
            }
            let last = (at + PART_BYTES).min(size) - 1;
            let bytes = match part(&self.http, video, at, last).await {
                Ok(bytes) => bytes,
                Err(failure) => return failure.into(),
            };
            let range = format!("bytes {at}-{last}/{size}");
            match self.put(session, &steps.session, &range, bytes).await {
                Ok(State::Done(sent)) => return Outcome::Sent(sent),
                Ok(State::Has(bytes)) => at = bytes,
                Ok(State::Gone) => {
                    return Failure::transient("session_gone", "the network ended the upload")
                        .into();
                }
                // The last part is what makes it a video.
                Err(problem) if last + 1 == size => return problem.outcome(),
                Err(problem) => return problem.failure().into(),
            }
        }
    }

    /// Begins a session; its address.
    async fn begin(
        &self,
        session: &Session,
        post: &PublishRequest,
        content_type: &str,
        size: u64,
    ) -> Result<String, Problem> {
        let options = options(post);
        let mut snippet = json!({
            "title": youtube_title(Some(&options), &post.text),
            "description": post.text,
        });
        if !options.tags.is_empty() {
            snippet["tags"] = json!(options.tags);
        }
        let privacy = match options.visibility() {
            YoutubeVisibility::Unspecified | YoutubeVisibility::Public => "public",
            YoutubeVisibility::Unlisted => "unlisted",
            YoutubeVisibility::Private => "private",
        };
        let status = json!({
            "privacyStatus": privacy,
            "selfDeclaredMadeForKids": options.made_for_kids,
        });
        let token = &session.tokens.access_token;
        let answer = self
            .request(token, Method::POST, "upload/youtube/v3/videos")
            .query(&[("uploadType", "resumable"), ("part", "snippet,status")])
            .header("x-upload-content-type", content_type)
            .header("x-upload-content-length", &size.to_string())
            .json(&json!({ "snippet": snippet, "status": status }))
            .send()
            .await?;
        answer.accepted(session.now, refusal(session.now))?;
        let address = answer.headers.get(LOCATION).and_then(|address| address.to_str().ok());
        let nowhere = || Problem::Unreadable("the session has no address".to_owned());
        address.map(str::to_owned).ok_or_else(nowhere)
    }

    async fn put(
        &self,
        session: &Session,
        address: &str,
        range: &str,
        bytes: Bytes,
    ) -> Result<State, Problem> {
        let request = self.http.open(Method::PUT, address).bearer(&session.tokens.access_token);
        let request = request.header("content-range", range).within(PART_WITHIN);
        let answer = request.raw(bytes.to_vec()).send().await?;
        state(&answer, session)
    }

    /// What the session has.
    async fn state(&self, session: &Session, address: &str, size: u64) -> Result<State, Problem> {
        self.put(session, address, &format!("bytes */{size}"), Bytes::new()).await
    }

    pub(super) async fn look(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        let steps: Steps = progress.get();
        let Some(video) = post.media.first().filter(|_| !steps.session.is_empty()) else {
            return Ok(absent(session, progress));
        };
        match self.state(session, &steps.session, size(video)).await {
            Ok(State::Done(sent)) => Ok(Found::There(sent)),
            // It may be sent again: it goes on where it stands, in the same session.
            Ok(State::Has(bytes)) if bytes < size(video) => Ok(Found::NotThere),
            Ok(State::Has(_)) => Ok(Found::not_yet(TAKING_IN, Some(LOOK_AFTER))),
            // It ends without a video, and long after it has ended with one.
            Ok(State::Gone) if is_recent(session, progress) => Ok(Found::NotThere),
            Ok(State::Gone) => Ok(cannot_tell("the upload was too long ago to be asked for")),
            Err(problem) => problem.undecided(),
        }
    }
}

fn is_recent(session: &Session, progress: &Progress) -> bool {
    progress.last_attempt_time.is_some_and(|tried| session.now - tried < TOLD_FOR)
}

fn state(answer: &Answer, session: &Session) -> Result<State, Problem> {
    match answer.status {
        // "Resume incomplete", which has the status of a redirect.
        StatusCode::PERMANENT_REDIRECT => {
            let range = answer.headers.get(RANGE).and_then(|range| range.to_str().ok());
            let last = range.and_then(|range| range.rsplit('-').next()?.parse::<u64>().ok());
            Ok(State::Has(last.map_or(0, |last| last + 1)))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Ok(State::Gone),
        _ => {
            let video: Value = answer.json(session.now, refusal(session.now))?;
            let id = video["id"].as_str().unwrap_or_default().to_owned();
            Ok(State::Done(Sent {
                external_url: format!("https://www.youtube.com/watch?v={id}"),
                external_id: id,
            }))
        }
    }
}

fn options(post: &PublishRequest) -> YoutubeOptions {
    match post.options.as_ref().and_then(|options| options.network.clone()) {
        Some(Options::Youtube(options)) => options,
        _ => YoutubeOptions::default(),
    }
}
