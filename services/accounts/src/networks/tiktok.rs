//! TikTok, after its "Content Posting API": a video is uploaded, photos are fetched by TikTok; either way a publication has an
//! id that can be asked for. The API has no comments.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use postbreeze_proto::{
    internal::v1::{FetchedComment, PublishCommentRequest, PublishRequest},
    v1::{TiktokOptions, TiktokPrivacyLevel, platform_options::Network as Options},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tonic::async_trait;

use super::{
    Begun, Capabilities, ConnectError, Failure, Found, Given, Grant, Network, Outcome, Progress,
    RefreshError, Sent, Session, TokenTrouble, Tokens,
    app::{Addresses, App, code, is_invalid_grant, not_connected, not_refreshed},
    http::{Answer, Http, Problem, Refusal, Request},
    steps::{PART_BYTES, cannot_tell, has_time, in_progress, is_video, part, size},
    time_left,
};

pub(crate) const ADDRESSES: Addresses = Addresses {
    name: "TIKTOK",
    authorize_url: "https://www.tiktok.com/v2/auth/authorize/",
    token_url: "https://open.tiktokapis.com/v2/oauth/token/",
    api_url: "https://open.tiktokapis.com/v2",
};
const SCOPES: [&str; 3] = ["user.info.basic", "user.info.profile", "video.publish"];
const ASK_EVERY: Duration = Duration::from_secs(5);
const PART_WITHIN: Duration = Duration::from_secs(45);

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
    status: String,
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

    /// The video's parts are a whole number of equal ones; the last has what is left over.
    async fn send_video(
        &self,
        session: &Session,
        post: &PublishRequest,
        steps: &mut Steps,
        progress: &mut Progress,
    ) -> Result<(), Outcome> {
        let Some(video) = post.media.first() else { return Ok(()) };
        let size = size(video);
        let (part_bytes, parts) = parts(size);
        if steps.publish_id.is_empty() {
            let source = json!({
                "source": "FILE_UPLOAD",
                "video_size": size,
                "chunk_size": part_bytes,
                "total_chunk_count": parts,
            });
            let info = post_info(post, "title");
            let body = json!({ "post_info": info, "source_info": source });
            let begun: Result<Publication, Problem> =
                self.ask(session, "post/publish/video/init", &body).await;
            let begun = begun.map_err(|problem| problem.failure())?;
            (steps.publish_id, steps.upload_url) = (begun.publish_id, begun.upload_url);
            progress.keep(&*steps).await?;
        }
        while steps.parts < parts {
            if !has_time() {
                return Err(in_progress(ASK_EVERY).into());
            }
            let first = steps.parts * part_bytes;
            let is_last = steps.parts + 1 == parts;
            let last = if is_last { size } else { first + part_bytes } - 1;
            let bytes = part(&self.http, video, first, last).await?;
            let request = self.http.open(Method::PUT, &steps.upload_url).within(PART_WITHIN);
            let request = request
                .header("content-range", &format!("bytes {first}-{last}/{size}"))
                .body(&video.content_type, bytes);
            let sent = request.send().await;
            let sent = sent.and_then(|answer| answer.accepted(session.now, refusal));
            sent.map_err(|problem| if is_last { problem.outcome() } else { problem.failure().into() })?;
            steps.parts += 1;
            progress.keep(&*steps).await?;
        }
        Ok(())
    }

    /// TikTok fetches photos from where they are.
    async fn send_photos(
        &self,
        session: &Session,
        post: &PublishRequest,
        steps: &mut Steps,
        progress: &mut Progress,
    ) -> Result<(), Outcome> {
        if !steps.publish_id.is_empty() {
            return Ok(());
        }
        steps.asked = true;
        progress.keep(&*steps).await?;
        let photos: Vec<&str> = post.media.iter().map(|medium| medium.url.as_str()).collect();
        let body = json!({
            "media_type": "PHOTO",
            "post_mode": "DIRECT_POST",
            "post_info": post_info(post, "description"),
            "source_info": {
                "source": "PULL_FROM_URL",
                "photo_cover_index": 0,
                "photo_images": photos,
            },
        });
        let begun: Result<Publication, Problem> =
            self.ask(session, "post/publish/content/init", &body).await;
        match begun {
            Ok(begun) => steps.publish_id = begun.publish_id,
            Err(problem) => {
                let outcome = problem.outcome();
                if matches!(outcome, Outcome::Failed(_)) {
                    progress.keep(&Steps::default()).await?;
                }
                return Err(outcome);
            }
        }
        Ok(progress.keep(&*steps).await?)
    }

    async fn status(&self, session: &Session, publish_id: &str) -> Result<Status, Problem> {
        let body = json!({ "publish_id": publish_id });
        self.ask(session, "post/publish/status/fetch", &body).await
    }

    /// Waits until it is published. What is still processed by then is not known: it can be asked for by its id.
    async fn published(
        &self,
        session: &Session,
        publish_id: &str,
        progress: &mut Progress,
    ) -> Result<Outcome, Failure> {
        loop {
            let status = match self.status(session, publish_id).await {
                Ok(status) => status,
                Err(problem) => return Ok(unknown("status_lost", &problem.failure().message)),
            };
            match status.status.as_str() {
                "PUBLISH_COMPLETE" => return Ok(Outcome::Sent(sent(session, publish_id, &status))),
                "FAILED" => {
                    // The next try begins anew.
                    progress.keep(&Steps::default()).await?;
                    return Ok(Failure::permanent(&status.fail_reason, &failed(&status)).into());
                }
                _ if time_left() > ASK_EVERY => tokio::time::sleep(ASK_EVERY).await,
                _ => return Ok(unknown("in_progress", "the network is still publishing it")),
            }
        }
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
        let token = session.tokens.refresh_token.as_ref().ok_or_else(|| RefreshError::Refused {
            revoked: false,
            message: "nothing to refresh with".to_owned(),
        })?;
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
            Ok(status) => Ok(match status.status.as_str() {
                "PUBLISH_COMPLETE" => Found::There(sent(session, &steps.publish_id, &status)),
                "FAILED" => Found::NotThere,
                // The last part has not arrived: it is sent again to the same publication.
                "PROCESSING_UPLOAD" if steps.parts < parts(post.media.first().map_or(0, size)).1 => {
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

fn unknown(code: &str, message: &str) -> Outcome {
    Outcome::Unknown { code: code.to_owned(), message: message.to_owned() }
}

/// How large a part is, and how many there are.
fn parts(size: u64) -> (u64, u64) {
    if size < 2 * PART_BYTES { (size, 1) } else { (PART_BYTES, size / PART_BYTES) }
}

fn post_info(post: &PublishRequest, text: &str) -> Value {
    let options = match post.options.as_ref().and_then(|options| options.network.as_ref()) {
        Some(Options::Tiktok(options)) => *options,
        _ => TiktokOptions::default(),
    };
    let privacy = match options.privacy_level() {
        TiktokPrivacyLevel::Unspecified | TiktokPrivacyLevel::PublicToEveryone => {
            "PUBLIC_TO_EVERYONE"
        }
        TiktokPrivacyLevel::MutualFollowFriends => "MUTUAL_FOLLOW_FRIENDS",
        TiktokPrivacyLevel::FollowerOfCreator => "FOLLOWER_OF_CREATOR",
        TiktokPrivacyLevel::SelfOnly => "SELF_ONLY",
    };
    let mut info = json!({
        "privacy_level": privacy,
        "disable_comment": options.disable_comment,
    });
    info[text] = json!(post.text);
    // Photos have neither.
    if text == "title" {
        info["disable_duet"] = json!(options.disable_duet);
        info["disable_stitch"] = json!(options.disable_stitch);
    }
    info
}

fn sent(session: &Session, publish_id: &str, status: &Status) -> Sent {
    // Only what everyone may see has an id that everyone may know.
    let post = status.posts.first().map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let url = |id: &String| format!("https://www.tiktok.com/@{}/video/{id}", session.account.handle);
    Sent {
        external_url: post.as_ref().map(url).unwrap_or_default(),
        external_id: post.unwrap_or_else(|| publish_id.to_owned()),
    }
}

fn failed(status: &Status) -> String {
    format!("TikTok could not publish it: {}", status.fail_reason.replace('_', " "))
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
    Refusal { code, message, transient, token }
}
