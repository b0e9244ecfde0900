//! Pinterest, after its "API v5". The API has no comments.

#[cfg(test)]
mod tests;
mod video;

use chrono::{DateTime, NaiveDateTime, Utc};
use http::{Method, StatusCode};
use postbreeze_proto::{
    internal::v1::{FetchedComment, MediaToPublish, PublishCommentRequest, PublishRequest},
    v1::{PinterestOptions, platform_options::Network as Options},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tonic::async_trait;

use super::{
    Begun, Capabilities, ConnectError, Failure, Found, Given, Grant, Network, Outcome, Progress,
    RefreshError, Sent, Session, TokenTrouble, Tokens,
    app::{
        Addresses, App, code, is_invalid_grant, not_connected, not_refreshed, refresh_token, says,
    },
    http::{Answer, Http, Problem, Refusal, Request},
    steps::{cannot_tell, forget_refused, found, is_video, list_since, same_text, since},
};

pub(crate) const ADDRESSES: Addresses = Addresses {
    name: "PINTEREST",
    authorize_url: "https://www.pinterest.com/oauth/",
    token_url: "https://api.pinterest.com/v5/oauth/token",
    api_url: "https://api.pinterest.com/v5",
};
const SCOPES: [&str; 4] = ["user_accounts:read", "boards:read", "pins:read", "pins:write"];

/// "The authorization grant is invalid", in the numbers of this API.
const DEAD_GRANT: &str = "283";

/// How far a publication has come.
#[derive(Default, Serialize, Deserialize)]
struct Steps {
    /// The video; empty: it is not uploaded yet.
    #[serde(default)]
    media_id: String,
}

pub(crate) struct Pinterest {
    app: App,
    http: Http,
}

#[derive(Deserialize)]
struct Pin {
    id: String,
}

impl Pinterest {
    pub(crate) fn new(app: App, http: Http) -> Self {
        Self { app, http }
    }

    fn request(&self, token: &SecretString, method: Method, path: &str) -> Request {
        self.http.open(method, &format!("{}/{path}", self.app.api_url)).bearer(token)
    }

    async fn read<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        path: &str,
        query: &[(&str, &str)],
        now: DateTime<Utc>,
    ) -> Result<T, Problem> {
        let request = self.request(token, Method::GET, path).query(query);
        request.send().await?.json(now, refusal)
    }

    /// A page of the account's pins, and where the next one begins.
    async fn page(
        &self,
        session: &Session,
        bookmark: Option<String>,
    ) -> Result<(Vec<Value>, Option<String>), Problem> {
        let mut query = vec![("page_size", "100")];
        query.extend(bookmark.as_deref().map(|bookmark| ("bookmark", bookmark)));
        let mut said: Value =
            self.read(&session.tokens.access_token, "pins", &query, session.now).await?;
        let pins = said["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let next = said["bookmark"].as_str().filter(|next| !next.is_empty());
        Ok((pins, next.map(str::to_owned)))
    }

    /// The account's first board.
    async fn board(&self, session: &Session) -> Result<String, Failure> {
        let token = &session.tokens.access_token;
        let boards: Result<Value, Problem> =
            self.read(token, "boards", &[("page_size", "1")], session.now).await;
        let boards = boards.map_err(|problem| problem.failure())?;
        let none = || Failure::permanent("board_required", "the account has no board");
        boards["items"][0]["id"].as_str().map(str::to_owned).ok_or_else(none)
    }

    async fn pin(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &mut Progress,
    ) -> Result<Value, Failure> {
        let options = options(post);
        let board_id = if options.board_id.is_empty() {
            self.board(session).await?
        } else {
            options.board_id.clone()
        };
        let mut pin = json!({ "board_id": board_id, "description": post.text });
        for (name, text) in [("title", &options.title), ("link", &options.link)] {
            if !text.is_empty() {
                pin[name] = json!(text);
            }
        }
        if let Some(medium) = post.media.first().filter(|medium| !medium.alt_text.is_empty()) {
            pin["alt_text"] = json!(medium.alt_text);
        }
        pin["media_source"] = match &post.media[..] {
            [video, rest @ ..] if is_video(video) => {
                let mut source = json!({
                    "source_type": "video_id",
                    "media_id": self.video(session, video, progress).await?,
                });
                match rest.first() {
                    Some(cover) => source["cover_image_url"] = json!(cover.url),
                    None => source["cover_image_key_frame_time"] = json!(0),
                }
                source
            }
            [image] => json!({ "source_type": "image_url", "url": image.url }),
            images => {
                let item = |image: &MediaToPublish| json!({ "url": image.url });
                let items: Vec<Value> = images.iter().map(item).collect();
                json!({ "source_type": "multiple_image_urls", "items": items })
            }
        };
        Ok(pin)
    }
}

#[async_trait]
impl Network for Pinterest {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            can_find: true,
            pulls_urls: true,
            keeps_progress: true,
            ..Default::default()
        }
    }

    async fn start_connect(&self, begun: &Begun<'_>) -> Result<String, ConnectError> {
        self.app.authorize(begun, "client_id", &SCOPES.join(","), &[])
    }

    async fn connect(&self, begun: &Begun<'_>, given: Given<'_>) -> Result<Grant, ConnectError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code(given)?),
            ("redirect_uri", &self.app.redirect_url),
            ("continuous_refresh", "true"),
        ];
        let granted = self.app.token(&self.http, &form, true, begun.now).await;
        let granted = granted.map_err(|problem| not_connected(&problem))?;
        let me: Result<Value, Problem> =
            self.read(&granted.access_token, "user_account", &[], begun.now).await;
        let me = me.map_err(|problem| not_connected(&problem))?;
        let text = |name: &str| me[name].as_str().unwrap_or_default().to_owned();
        let handle = text("username");
        let name = Some(text("business_name")).filter(|name| !name.is_empty());
        // Accounts of an older kind tell no id.
        let id = Some(text("id")).filter(|id| !id.is_empty());
        Ok(Grant {
            external_id: id.unwrap_or_else(|| handle.clone()),
            display_name: name.unwrap_or_else(|| handle.clone()),
            handle,
            avatar_url: text("profile_image"),
            scopes: granted.scopes(&SCOPES),
            server_url: String::new(),
            tokens: granted.tokens(begun.now),
        })
    }

    async fn refresh(&self, session: &Session) -> Result<Tokens, RefreshError> {
        use secrecy::ExposeSecret as _;
        let token = refresh_token(session)?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.expose_secret())];
        let granted = self.app.token(&self.http, &form, true, session.now).await;
        granted.map(|granted| granted.tokens(session.now)).map_err(|problem| {
            let is_dead = is_invalid_grant(&problem) || says(&problem, DEAD_GRANT);
            not_refreshed(&problem, is_dead)
        })
    }

    async fn publish(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &mut Progress,
    ) -> Outcome {
        let pin = match self.pin(session, post, progress).await {
            Ok(pin) => pin,
            Err(failure) => return failure.into(),
        };
        if let Err(failure) = progress.goes_public().await {
            return failure.into();
        }
        let request = self.request(&session.tokens.access_token, Method::POST, "pins").json(&pin);
        let made: Result<Pin, Problem> = match request.send().await {
            Ok(answer) => answer.json(session.now, refusal),
            Err(problem) => Err(problem),
        };
        match made {
            Ok(made) => Outcome::Sent(sent(&made.id)),
            Err(problem) => forget_refused(problem.outcome(), progress).await,
        }
    }

    async fn find(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        let options = options(post);
        if post.text.is_empty() && options.title.is_empty() {
            return Ok(cannot_tell("a pin without a text cannot be told from others"));
        }
        let since = since(post.first_attempt_time.as_ref());
        let text = |pin: &Value, name: &str| pin[name].as_str().unwrap_or_default().to_owned();
        let made = |pin: &Value| time(&text(pin, "created_at"));
        let listed = match list_since(since, made, |bookmark| self.page(session, bookmark)).await {
            Ok(listed) => listed,
            Err(problem) => return problem.undecided(),
        };
        let is_it = |pin: &&Value| {
            same_text(&text(pin, "description"), &post.text)
                && same_text(&text(pin, "title"), &options.title)
                && made(pin).is_some_and(|time| time >= since)
        };
        let oldest = listed.items.iter().rfind(is_it).map(|pin| sent(&text(pin, "id")));
        Ok(found(oldest, listed.reaches(since, made), session, progress))
    }

    async fn publish_comment(
        &self,
        _: &Session,
        _: &PublishCommentRequest,
        _: &mut Progress,
    ) -> Outcome {
        Failure::permanent("unsupported", "no application can comment on Pinterest").into()
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

fn options(post: &PublishRequest) -> PinterestOptions {
    match post.options.as_ref().and_then(|options| options.network.clone()) {
        Some(Options::Pinterest(options)) => options,
        _ => PinterestOptions::default(),
    }
}

fn sent(id: &str) -> Sent {
    Sent {
        external_id: id.to_owned(),
        external_url: format!("https://www.pinterest.com/pin/{id}/"),
    }
}

/// A time as the API writes it, with or without its zone, which is UTC.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    zoned.ok().or_else(|| text.parse::<NaiveDateTime>().ok().map(|time| time.and_utc()))
}

fn refusal(answer: &Answer) -> Refusal {
    let said = answer.value();
    let message = said["message"].as_str().map_or_else(|| answer.text(), str::to_owned);
    let code = said["code"].as_i64().map(|code| format!("pinterest_{code}")).unwrap_or_default();
    let token = (answer.status == StatusCode::UNAUTHORIZED).then_some(TokenTrouble::Expired);
    Refusal { code, message, token, ..Refusal::default() }
}
