//! X, after its "X API v2".

mod posts;
#[cfg(test)]
mod tests;
mod upload;

use chrono::{DateTime, SecondsFormat, Utc};
use http::Method;
use postbreeze_proto::{
    internal::v1::{FetchedComment, PublishCommentRequest, PublishRequest},
    v1::{XReplySettings, platform_options::Network as Options},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tonic::async_trait;

use self::posts::{Post, Posts, User, fetched, says};
use super::{
    Begun, Capabilities, ConnectError, DUPLICATE, Failure, Found, Given, Grant, Network, Outcome,
    Progress, RefreshError, Sent, Session, TokenTrouble, Tokens,
    app::{Addresses, App, code, not_connected, refresh_token},
    http::{Answer, Http, Problem, Refusal, Request},
    oauth::OauthClient,
    steps::{cannot_tell, forget_refused, found, list_since, since},
};

pub(crate) const ADDRESSES: Addresses = Addresses {
    name: "X",
    authorize_url: "https://x.com/i/oauth2/authorize",
    token_url: "https://api.x.com/2/oauth2/token",
    api_url: "https://api.x.com/2",
};
const SCOPES: [&str; 5] =
    ["tweet.read", "tweet.write", "users.read", "media.write", "offline.access"];
/// How X says that a refresh token is not valid: as an `invalid_request`.
const DEAD_TOKEN: &str = "Value passed for the token was invalid";
/// Posts of a conversation that are told.
const COMMENTS: usize = 500;

pub(crate) struct X {
    oauth: OauthClient,
    http: Http,
    url: String,
}

/// What is about one thing.
#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

impl X {
    pub(crate) fn new(app: &App, http: Http) -> Self {
        Self { oauth: app.oauth(&SCOPES, true), http, url: app.api_url.clone() }
    }

    fn request(&self, session: &Session, method: Method, path: &str) -> Request {
        self.http.open(method, &format!("{}/{path}", self.url)).bearer(&session.tokens.access_token)
    }

    async fn tweet(&self, session: &Session, post: &Value) -> Outcome {
        #[derive(Deserialize)]
        struct Made {
            id: String,
        }
        let request = self.request(session, Method::POST, "tweets").json(post);
        match answered::<Data<Made>>(request, session.now).await {
            Ok(made) => Outcome::Sent(self.sent(session, made.data.id)),
            Err(problem) => problem.outcome(),
        }
    }

    #[expect(clippy::unused_self, reason = "the address of a post is of this network")]
    fn sent(&self, session: &Session, id: String) -> Sent {
        Sent {
            external_url: format!("https://x.com/{}/status/{id}", session.account.handle),
            external_id: id,
        }
    }

    /// A page of posts, and where the next one begins.
    async fn page(
        &self,
        session: &Session,
        path: &str,
        start_time: &str,
        next: Option<String>,
    ) -> Result<(Vec<Post>, Option<String>), Problem> {
        let mut query = vec![
            ("start_time", start_time),
            ("max_results", "100"),
            ("tweet.fields", "created_at,entities,referenced_tweets"),
        ];
        query.extend(next.as_deref().map(|next| ("pagination_token", next)));
        let request = self.request(session, Method::GET, path).query(&query);
        let posts: Posts = answered(request, session.now).await?;
        Ok((posts.data, posts.meta.next_token))
    }

    /// The account's own posts since this one was first tried: with the text, and an answer to what it answers.
    async fn look(
        &self,
        session: &Session,
        text: &str,
        answers: Option<&str>,
        since: DateTime<Utc>,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        if text.is_empty() {
            return Ok(cannot_tell("a post without a text cannot be told from others"));
        }
        // The API lists no earlier ones.
        let start = since.max(DateTime::UNIX_EPOCH + chrono::TimeDelta::days(15_000));
        let path = format!("users/{}/tweets", session.account.external_id);
        let start_time = start.to_rfc3339_opts(SecondsFormat::Secs, true);
        let page = |next| self.page(session, &path, &start_time, next);
        let listed = match list_since(since, |post: &Post| post.created_at, page).await {
            Ok(listed) => listed,
            Err(problem) => return problem.undecided(),
        };
        let is_it = |post: &&Post| {
            let answered = post.referenced_tweets.iter().find(|one| one.r#type == "replied_to");
            answered.map(|one| one.id.as_str()) == answers && says(post, text, answers.is_some())
        };
        let oldest = listed.items.iter().rfind(is_it);
        let sent = oldest.map(|post| self.sent(session, post.id.clone()));
        Ok(found(sent, listed.reaches(since, |post| post.created_at), session, progress))
    }
}

#[async_trait]
impl Network for X {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            can_find: true,
            can_comment: true,
            keeps_progress: true,
            ..Default::default()
        }
    }

    async fn start_connect(&self, begun: &Begun<'_>) -> Result<String, ConnectError> {
        self.oauth.authorize(begun, &[])
    }

    async fn connect(&self, begun: &Begun<'_>, given: Given<'_>) -> Result<Grant, ConnectError> {
        let exchanged = self.oauth.exchange(&self.http, begun, code(given)?).await?;
        let request = self.http.open(Method::GET, &format!("{}/users/me", self.url));
        let request = request.query(&[("user.fields", "profile_image_url")]);
        let request = request.bearer(&exchanged.tokens.access_token);
        let me: Data<User> =
            answered(request, begun.now).await.map_err(|problem| not_connected(&problem))?;
        Ok(Grant {
            external_id: me.data.id,
            handle: me.data.username,
            display_name: me.data.name,
            avatar_url: me.data.profile_image_url,
            scopes: exchanged.scopes,
            server_url: String::new(),
            tokens: exchanged.tokens,
        })
    }

    async fn refresh(&self, session: &Session) -> Result<Tokens, RefreshError> {
        let token = refresh_token(session)?;
        self.oauth.refresh(&self.http, token, Some(DEAD_TOKEN), session.now).await
    }

    async fn publish(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &mut Progress,
    ) -> Outcome {
        let media = match self.upload(session, &post.media, progress).await {
            Ok(media) => media,
            Err(failure) => return failure.into(),
        };
        let mut body = json!({ "text": post.text });
        if !media.is_empty() {
            body["media"] = json!({ "media_ids": media });
        }
        if let Some(settings) = reply_settings(post) {
            body["reply_settings"] = json!(settings);
        }
        if let Err(failure) = progress.goes_public().await {
            return failure.into();
        }
        forget_refused(self.tweet(session, &body).await, progress).await
    }

    async fn find(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        let since = since(post.first_attempt_time.as_ref());
        self.look(session, &post.text, None, since, progress).await
    }

    async fn publish_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        _: &mut Progress,
    ) -> Outcome {
        let reply = json!({ "in_reply_to_tweet_id": answers(comment) });
        self.tweet(session, &json!({ "text": comment.text, "reply": reply })).await
    }

    async fn find_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        let since = since(comment.first_attempt_time.as_ref());
        self.look(session, &comment.text, Some(answers(comment)), since, progress).await
    }

    async fn fetch_comments(
        &self,
        session: &Session,
        external_post_id: &str,
    ) -> Result<Vec<FetchedComment>, Failure> {
        let mut comments = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let words =
                format!("conversation_id:{external_post_id} -from:{}", session.account.handle);
            let mut query = vec![
                ("query", words.as_str()),
                ("max_results", "100"),
                ("tweet.fields", "created_at,author_id"),
                ("expansions", "author_id"),
                ("user.fields", "profile_image_url"),
            ];
            query.extend(next.as_deref().map(|next| ("next_token", next)));
            let request = self.request(session, Method::GET, "tweets/search/recent").query(&query);
            let page: Posts = answered(request, session.now).await.map_err(|p| p.failure())?;
            let users = page.includes.users;
            comments.extend(page.data.into_iter().map(|post| fetched(post, &users)));
            next = page.meta.next_token;
            if next.is_none() || comments.len() >= COMMENTS {
                comments.truncate(COMMENTS);
                return Ok(comments);
            }
        }
    }
}

async fn answered<T: DeserializeOwned>(request: Request, now: DateTime<Utc>) -> Result<T, Problem> {
    request.send().await?.json(now, refusal)
}

/// An error, as problem details or as a list of errors.
fn refusal(answer: &Answer) -> Refusal {
    let said = answer.value();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let first = &said["errors"][0];
    let message = [&said["detail"], &first["message"], &said["title"], &said["error"]]
        .map(text)
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| answer.text());
    let kind = text(&said["type"]);
    let code = match kind.rsplit('/').next() {
        _ if message.contains("duplicate content") => DUPLICATE.to_owned(),
        Some(kind) if !kind.is_empty() && kind != "about:blank" => kind.to_owned(),
        _ => text(&said["title"]),
    };
    let token = (answer.status == http::StatusCode::UNAUTHORIZED).then_some(TokenTrouble::Expired);
    Refusal { code, message, token, ..Refusal::default() }
}

fn answers(comment: &PublishCommentRequest) -> &str {
    match comment.external_comment_id.as_str() {
        "" => &comment.external_post_id,
        id => id,
    }
}

fn reply_settings(post: &PublishRequest) -> Option<&'static str> {
    let Some(Options::X(options)) = post.options.as_ref()?.network.as_ref() else { return None };
    match options.reply_settings() {
        XReplySettings::Unspecified | XReplySettings::Everyone => None,
        XReplySettings::Following => Some("following"),
        XReplySettings::MentionedUsers => Some("mentionedUsers"),
        XReplySettings::Subscribers => Some("subscribers"),
        XReplySettings::Verified => Some("verified"),
    }
}
