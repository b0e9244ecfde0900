//! YouTube, after the "YouTube Data API": a video is sent to a session of its own, which can be asked what it has, so that no
//! video is made twice.

#[cfg(test)]
mod tests;
mod upload;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::{Method, StatusCode};
use postbreeze_proto::{
    internal::v1::{FetchedComment, PublishCommentRequest, PublishRequest},
    time::to_proto,
};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tonic::async_trait;

use super::{
    Begun, Capabilities, ConnectError, Failure, Found, Given, Grant, Network, Outcome, Progress,
    RefreshError, Sent, Session, TokenTrouble, Tokens,
    app::{Addresses, App, code, not_connected, refresh_token},
    http::{Answer, Http, Problem, Refusal, Request},
    oauth::OauthClient,
    steps::{Listed, found, same_text, since},
};

pub(crate) const ADDRESSES: Addresses = Addresses {
    name: "YOUTUBE",
    authorize_url: "https://accounts.google.com/o/oauth2/v2/auth",
    token_url: "https://oauth2.googleapis.com/token",
    api_url: "https://www.googleapis.com",
};
const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/youtube.upload",
    // Comments need this one.
    "https://www.googleapis.com/auth/youtube.force-ssl",
];
const COMMENTS: usize = 500;

pub(crate) struct Youtube {
    oauth: OauthClient,
    http: Http,
    url: String,
}

impl Youtube {
    pub(crate) fn new(app: &App, http: Http) -> Self {
        Self { oauth: app.oauth(&SCOPES, false), http, url: app.api_url.clone() }
    }

    fn request(&self, token: &SecretString, method: Method, path: &str) -> Request {
        self.http.open(method, &format!("{}/{path}", self.url)).bearer(token)
    }

    async fn read<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        path: &str,
        query: &[(&str, &str)],
        now: DateTime<Utc>,
    ) -> Result<T, Problem> {
        let request = self.request(token, Method::GET, path).query(query);
        request.send().await?.json(now, refusal(now))
    }

    /// Comments under a video, or answers to one, the newest first.
    async fn comments(
        &self,
        session: &Session,
        path: &str,
        of: (&str, &str),
    ) -> Result<Listed<Value>, Problem> {
        let mut all = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut query = vec![("part", "snippet"), ("maxResults", "100"), of];
            if of.0 == "videoId" {
                query.push(("order", "time"));
            }
            query.extend(next.as_deref().map(|next| ("pageToken", next)));
            let token = &session.tokens.access_token;
            let mut page: Value = self.read(token, path, &query, session.now).await?;
            let items = page["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
            // A thread has its comment inside.
            all.extend(items.into_iter().map(|mut item| {
                match item["snippet"]["topLevelComment"].take() {
                    Value::Null => item,
                    comment => comment,
                }
            }));
            next = page["nextPageToken"].as_str().map(str::to_owned);
            if next.is_none() || all.len() >= COMMENTS {
                all.truncate(COMMENTS);
                return Ok(Listed { items: all, is_all: next.is_none() });
            }
        }
    }
}

#[async_trait]
impl Network for Youtube {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            can_find: true,
            can_comment: true,
            keeps_progress: true,
            ..Default::default()
        }
    }

    async fn start_connect(&self, begun: &Begun<'_>) -> Result<String, ConnectError> {
        // Only so a refresh token is granted, also to who granted before.
        self.oauth.authorize(begun, &[("access_type", "offline"), ("prompt", "consent")])
    }

    async fn connect(&self, begun: &Begun<'_>, given: Given<'_>) -> Result<Grant, ConnectError> {
        let exchanged = self.oauth.exchange(&self.http, begun, code(given)?).await?;
        let query = [("part", "snippet"), ("mine", "true")];
        let token = &exchanged.tokens.access_token;
        let channels: Result<Value, Problem> =
            self.read(token, "youtube/v3/channels", &query, begun.now).await;
        let channels = channels.map_err(|problem| not_connected(&problem))?;
        let channel = &channels["items"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let id = text(&channel["id"]);
        if id.is_empty() {
            return Err(ConnectError::invalid("code", "the person has no channel"));
        }
        let snippet = &channel["snippet"];
        let name = text(&snippet["title"]);
        let handle = text(&snippet["customUrl"]).trim_start_matches('@').to_owned();
        Ok(Grant {
            external_id: id,
            handle: if handle.is_empty() { name.clone() } else { handle },
            display_name: name,
            avatar_url: text(&snippet["thumbnails"]["default"]["url"]),
            scopes: exchanged.scopes,
            server_url: String::new(),
            tokens: exchanged.tokens,
        })
    }

    async fn refresh(&self, session: &Session) -> Result<Tokens, RefreshError> {
        let token = refresh_token(session)?;
        self.oauth.refresh(&self.http, token, None, session.now).await
    }

    async fn publish(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &mut Progress,
    ) -> Outcome {
        self.upload(session, post, progress).await
    }

    async fn find(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        self.look(session, post, progress).await
    }

    async fn publish_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        _: &mut Progress,
    ) -> Outcome {
        let (path, snippet) = if comment.external_comment_id.is_empty() {
            let own = json!({ "snippet": { "textOriginal": comment.text } });
            let snippet = json!({ "videoId": comment.external_post_id, "topLevelComment": own });
            ("commentThreads", snippet)
        } else {
            let parent = &comment.external_comment_id;
            ("comments", json!({ "parentId": parent, "textOriginal": comment.text }))
        };
        let path = format!("youtube/v3/{path}");
        let request = self.request(&session.tokens.access_token, Method::POST, &path);
        let request = request.query(&[("part", "snippet")]).json(&json!({ "snippet": snippet }));
        let made: Result<Value, Problem> = match request.send().await {
            Ok(answer) => answer.json(session.now, refusal(session.now)),
            Err(problem) => Err(problem),
        };
        match made {
            Ok(made) => {
                let external_id = made["id"].as_str().unwrap_or_default().to_owned();
                Outcome::Sent(Sent { external_id, ..Sent::default() })
            }
            Err(problem) => problem.outcome(),
        }
    }

    async fn find_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        let (path, of) = if comment.external_comment_id.is_empty() {
            ("youtube/v3/commentThreads", ("videoId", comment.external_post_id.as_str()))
        } else {
            ("youtube/v3/comments", ("parentId", comment.external_comment_id.as_str()))
        };
        let listed = match self.comments(session, path, of).await {
            Ok(listed) => listed,
            Err(problem) => return problem.undecided(),
        };
        let since = since(comment.first_attempt_time.as_ref());
        let is_it = |listed: &&Value| {
            is_own(listed, session)
                && same_text(&original(listed), &comment.text)
                && time(listed).is_some_and(|time| time >= since)
        };
        let sent = listed.items.iter().find(is_it).map(|listed| Sent {
            external_id: listed["id"].as_str().unwrap_or_default().to_owned(),
            ..Sent::default()
        });
        // Answers come in an order that is not said.
        let is_whole = listed.is_all || of.0 == "videoId" && listed.reaches(since, time);
        Ok(found(sent, is_whole, session, progress))
    }

    async fn fetch_comments(
        &self,
        session: &Session,
        external_post_id: &str,
    ) -> Result<Vec<FetchedComment>, Failure> {
        let of = ("videoId", external_post_id);
        let listed = self.comments(session, "youtube/v3/commentThreads", of).await;
        let listed = listed.map_err(|problem| problem.failure())?;
        Ok(listed.items.iter().filter(|comment| !is_own(comment, session)).map(fetched).collect())
    }
}

fn is_own(comment: &Value, session: &Session) -> bool {
    let author = comment["snippet"]["authorChannelId"]["value"].as_str();
    author == Some(&session.account.external_id)
}

/// The text as it was written; others see it as it is shown.
fn original(comment: &Value) -> String {
    let snippet = &comment["snippet"];
    let text = snippet["textOriginal"].as_str().or_else(|| snippet["textDisplay"].as_str());
    text.unwrap_or_default().to_owned()
}

fn time(comment: &Value) -> Option<DateTime<Utc>> {
    let text = comment["snippet"]["publishedAt"].as_str()?;
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

fn fetched(comment: &Value) -> FetchedComment {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&comment["snippet"]["authorDisplayName"]);
    FetchedComment {
        external_id: text(&comment["id"]),
        author_handle: name.trim_start_matches('@').to_owned(),
        author_display_name: name,
        author_avatar_url: text(&comment["snippet"]["authorProfileImageUrl"]),
        body: original(comment),
        network_time: time(comment).map(to_proto),
    }
}

/// An error of a Google API.
fn refusal(now: DateTime<Utc>) -> impl Fn(&Answer) -> Refusal {
    move |answer| {
        let said = answer.value();
        let error = &said["error"];
        let code = error["errors"][0]["reason"].as_str().unwrap_or_default().to_owned();
        let message = error["message"].as_str().map_or_else(|| answer.text(), str::to_owned);
        let is_channel = code == "youtubeSignupRequired";
        let is_token = answer.status == StatusCode::UNAUTHORIZED && !is_channel;
        let is_of_the_day =
            matches!(code.as_str(), "quotaExceeded" | "dailyLimitExceeded" | "uploadLimitExceeded");
        let is_rate = matches!(code.as_str(), "rateLimitExceeded" | "userRateLimitExceeded");
        Refusal {
            code,
            message,
            lasts: is_of_the_day.then(|| until_next_day(now)),
            transient: is_of_the_day || is_rate,
            token: is_token.then_some(TokenTrouble::Expired),
            ..Refusal::default()
        }
    }
}

/// How long a day's quota lasts: until midnight in California, which is seven or eight o'clock of UTC.
fn until_next_day(now: DateTime<Utc>) -> Duration {
    let today = now.date_naive().and_hms_opt(8, 0, 0).map_or(now, |time| time.and_utc());
    let next = if today > now { today } else { today + TimeDelta::days(1) };
    (next - now).to_std().unwrap_or_default()
}
