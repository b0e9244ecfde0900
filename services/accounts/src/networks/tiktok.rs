//! TikTok, after its "Content Posting API": a video is uploaded, photos are fetched by TikTok; either way a publication has an
//! id that can be asked for. The API has no comments.

mod publish;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use postbreeze_proto::internal::v1::{FetchedComment, PublishCommentRequest, PublishRequest};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tonic::async_trait;

use self::publish::parts;
use super::{
    Begun, Capabilities, ConnectError, Failure, Found, Given, Grant, Network, Outcome, Progress,
    RefreshError, Sent, Session, TokenTrouble, Tokens,
    app::{Addresses, App, code, is_invalid_grant, not_connected, not_refreshed, refresh_token},
    http::{Answer, Http, Problem, Refusal, Request},
    steps::{cannot_tell, is_video, size},
};

pub(crate) const ADDRESSES: Addresses = Addresses {
    name: "TIKTOK",
    authorize_url: "https://www.tiktok.com/v2/auth/authorize/",
    token_url: "https://open.tiktokapis.com/v2/oauth/token/",
    api_url: "https://open.tiktokapis.com/v2",
};
const SCOPES: [&str; 3] = ["user.info.basic", "user.info.profile", "video.publish"];
/// The caps are of the last 24 hours, and free up bit by bit.
const DAILY_CAP_WAIT: Duration = Duration::from_hours(4);
const ASK_EVERY: Duration = Duration::from_secs(5);

/// How far a publication has come.
#[derive(Default, Serialize, Deserialize)]
struct Steps {
    /// The publication; empty: it is not begun, or its id was lost.
    #[serde(default)]
    publish_id: String,
    /// Where the video is uploaded.
    #[serde(default)]
    upload_url: String,
    /// Parts of it that are there.
    #[serde(default)]
    parts: u64,
    /// Whether photos may be on their way without an id.
    #[serde(default)]
    asked: bool,
}

pub(crate) struct Tiktok {
    app: App,
    http: Http,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Publication {
    publish_id: String,
    #[serde(default)]
    upload_url: String,
}

#[derive(Deserialize)]
struct Status {
    #[serde(rename = "status")]
    stage: String,
    #[serde(default)]
    fail_reason: String,
    /// Spelt as the API does.
    #[serde(default, rename = "publicaly_available_post_id")]
    posts: Vec<Value>,
}

impl Tiktok {
    pub(crate) fn new(app: App, http: Http) -> Self {
        Self { app, http }
    }

    fn request(&self, token: &SecretString, method: Method, path: &str) -> Request {
        self.http.open(method, &format!("{}/{path}/", self.app.api_url)).bearer(token)
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        session: &Session,
        path: &str,
        body: &Value,
    ) -> Result<T, Problem> {
        let request = self.request(&session.tokens.access_token, Method::POST, path).json(body);
        let answered: Data<T> = answered(request, session.now).await?;
        Ok(answered.data)
    }

    async fn status(&self, session: &Session, publish_id: &str) -> Result<Status, Problem> {
        let body = json!({ "publish_id": publish_id });
        self.ask(session, "post/publish/status/fetch", &body).await
    }
}

#[async_trait]
impl Network for Tiktok {
    fn capabilities(&self) -> Capabilities {
        Capabilities { can_find: true, keeps_progress: true, ..Default::default() }
    }

    async fn start_connect(&self, begun: &Begun<'_>) -> Result<String, ConnectError> {
        self.app.authorize(begun, "client_key", &SCOPES.join(","), &[])
    }

    async fn connect(&self, begun: &Begun<'_>, given: Given<'_>) -> Result<Grant, ConnectError> {
        let form = self.app.code_form("client_key", code(given)?);
        let granted = self.app.token(&self.http, &form, false, begun.now).await;
        let granted = granted.map_err(|problem| not_connected(&problem))?;
        let fields = "open_id,avatar_url,display_name,username";
        let request = self.request(&granted.access_token, Method::GET, "user/info");
        let request = request.query(&[("fields", fields)]);
        let me: Data<Value> =
            answered(request, begun.now).await.map_err(|problem| not_connected(&problem))?;
        let text = |name: &str| me.data["user"][name].as_str().unwrap_or_default().to_owned();
        let handle = Some(text("username")).filter(|name| !name.is_empty());
        Ok(Grant {
            external_id: text("open_id"),
            handle: handle.unwrap_or_else(|| text("display_name")),
            display_name: text("display_name"),
            avatar_url: text("avatar_url"),
            scopes: granted.scopes(&SCOPES),
            server_url: String::new(),
            tokens: granted.tokens(begun.now),
        })
    }

    async fn refresh(&self, session: &Session) -> Result<Tokens, RefreshError> {
        let token = refresh_token(session)?;
        let form = self.app.refresh_form("client_key", token);
        let granted = self.app.token(&self.http, &form, false, session.now).await;
        granted
            .map(|granted| granted.tokens(session.now))
            .map_err(|problem| not_refreshed(&problem, is_invalid_grant(&problem)))
    }

    async fn publish(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &mut Progress,
    ) -> Outcome {
        let mut steps: Steps = progress.get();
        let sent = if post.media.iter().any(is_video) {
            self.send_video(session, post, &mut steps, progress).await
        } else {
            self.send_photos(session, post, &mut steps, progress).await
        };
        if let Err(outcome) = sent {
            return outcome;
        }
        let published = self.published(session, &steps.publish_id, progress).await;
        published.unwrap_or_else(Outcome::Failed)
    }

    async fn find(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        let steps: Steps = progress.get();
        if steps.publish_id.is_empty() {
            let message = "the id of the publication was lost with the answer";
            return Ok(if steps.asked { cannot_tell(message) } else { Found::NotThere });
        }
        if post.media.iter().any(is_video) && steps.parts + 1 < parts(size(&post.media[0])).1 {
            return Ok(Found::NotThere);
        }
        match self.status(session, &steps.publish_id).await {
            Ok(status) => Ok(match status.stage.as_str() {
                "PUBLISH_COMPLETE" => Found::There(sent(session, &steps.publish_id, &status)),
                "FAILED" => Found::NotThere,
                // The last part has not arrived: it is sent again to the same publication.
                "PROCESSING_UPLOAD"
                    if steps.parts < parts(post.media.first().map_or(0, size)).1 =>
                {
                    Found::NotThere
                }
                _ => Found::not_yet("the network is still publishing it", Some(ASK_EVERY)),
            }),
            Err(problem) => problem.undecided(),
        }
    }

    async fn publish_comment(
        &self,
        _: &Session,
        _: &PublishCommentRequest,
        _: &mut Progress,
    ) -> Outcome {
        no_comments().into()
    }

    async fn find_comment(
        &self,
        _: &Session,
        _: &PublishCommentRequest,
        _: &Progress,
    ) -> Result<Found, Failure> {
        Ok(Found::NotThere)
    }

    async fn fetch_comments(&self, _: &Session, _: &str) -> Result<Vec<FetchedComment>, Failure> {
        Ok(Vec::new())
    }
}

fn no_comments() -> Failure {
    Failure::permanent("unsupported", "no application can comment on TikTok")
}

fn sent(session: &Session, publish_id: &str, status: &Status) -> Sent {
    // Only what everyone may see has an id that everyone may know.
    let post =
        status.posts.first().map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let url =
        |id: &String| format!("https://www.tiktok.com/@{}/video/{id}", session.account.handle);
    Sent {
        external_url: post.as_ref().map(url).unwrap_or_default(),
        external_id: post.unwrap_or_else(|| publish_id.to_owned()),
    }
}

async fn answered<T: serde::de::DeserializeOwned>(
    request: Request,
    now: DateTime<Utc>,
) -> Result<T, Problem> {
    request.send().await?.json(now, refusal)
}

fn refusal(answer: &Answer) -> Refusal {
    let said = answer.value();
    let text = |name: &str| said["error"][name].as_str().unwrap_or_default().to_owned();
    let (code, message) = (text("code"), text("message"));
    let token = match code.as_str() {
        "access_token_invalid" => Some(TokenTrouble::Expired),
        "scope_not_authorized" => Some(TokenTrouble::Revoked),
        _ if answer.status == StatusCode::UNAUTHORIZED => Some(TokenTrouble::Expired),
        _ => None,
    };
    let transient = matches!(
        code.as_str(),
        "rate_limit_exceeded"
            | "spam_risk_too_many_posts"
            | "spam_risk_too_many_pending_share"
            | "reached_active_user_cap"
            | "internal_error"
    );
    let message = if message.is_empty() { answer.text() } else { message };
    let lasts = code.starts_with("spam_risk_too_many").then_some(DAILY_CAP_WAIT);
    Refusal { code, message, lasts, transient, token, ..Refusal::default() }
}
