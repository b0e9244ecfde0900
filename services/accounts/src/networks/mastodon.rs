//! Mastodon: any server that speaks its API. Each server is its own OAuth 2 provider, at which this system registers itself
//! once, when the first account there is connected.
//!
//! The key of a sending goes along as `Idempotency-Key`, which a server keeps for an hour and some servers ignore. Whether it
//! has what was sent is found by reading the account's newest statuses.

mod api;
mod find;
mod status;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use postbreeze_proto::{
    internal::v1::{FetchedComment, PublishCommentRequest, PublishRequest},
    status::Reason,
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use tonic::async_trait;

use self::{
    api::{Account, Api, Status},
    find::Wanted,
    status::NewStatus,
};
use super::{
    Begun, Capabilities, ConnectError, Failure, Found, Given, Grant, Network, Outcome, Progress,
    RefreshError, Sent, Session, Tokens, clean,
    http::{Http, Problem},
    oauth::OauthClient,
    steps::cannot_tell,
};
use crate::{
    error::Error,
    store::{
        Store,
        mastodon_apps::{AppRow, place_of},
    },
    vault::Vault,
};

const SCOPES: &[&str] = &["read", "write"];
/// As the person sees it while granting access.
const APP_NAME: &str = "Postbreeze";
/// Servers delete apps of this age that nobody uses.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(1);
/// After the last try so long ago nothing that was sent can still be on its way.
const ARRIVED: TimeDelta = TimeDelta::seconds(60);

/// The network.
pub(super) struct Mastodon {
    api: Api,
    store: Store,
    vault: Arc<Vault>,
    redirect_url: String,
}

impl Mastodon {
    /// People come back to `redirect_url`.
    pub(super) fn new(http: Http, store: Store, vault: Arc<Vault>, redirect_url: String) -> Self {
        Self { api: Api { http }, store, vault, redirect_url }
    }

    /// This system as an app of a server; registers it where it is not known yet. `asks`: whether the server is asked if it
    /// still knows an app that it had time to forget.
    async fn app(
        &self,
        server: &str,
        asks: bool,
        now: DateTime<Utc>,
    ) -> Result<OauthClient, ConnectError> {
        let ours = |error: Error| ConnectError::Ours(error);
        let kept = self.store.find_mastodon_app(server, &self.redirect_url).await;
        let kept = kept.map_err(|error| ours(error.into()))?;
        // One whose key is gone is registered anew.
        if let Some(app) = &kept
            && let Some(secret) = self.vault.open_at(&self.place(server), &app.client_secret)
        {
            let client = self.client(server, app.client_id.clone(), secret);
            let may_be_gone = asks && now - app.create_time >= FORGOTTEN_AFTER;
            if !may_be_gone || !client.is_unknown(&self.api.http, now).await {
                return Ok(client);
            }
        }
        let registered = self.register(server, now).await?;
        let secret = SecretString::from(registered.client_secret);
        let sealed = self.vault.seal_at(&self.place(server), &secret);
        let client_secret = sealed.map_err(|error| ours(error.into()))?;
        let app = AppRow { client_id: registered.client_id, client_secret, create_time: now };
        let instead_of = kept.map(|app| app.client_id).unwrap_or_default();
        let redirect_url = &self.redirect_url;
        let kept = self.store.keep_mastodon_app(server, redirect_url, &app, &instead_of).await;
        let kept = kept.map_err(|error| ours(error.into()))?;
        let secret = self.vault.open_at(&self.place(server), &kept.client_secret);
        let secret = secret.ok_or_else(|| ours(Error::Crypto))?;
        Ok(self.client(server, kept.client_id, secret))
    }

    async fn register(&self, server: &str, now: DateTime<Utc>) -> Result<Registered, ConnectError> {
        let form = [
            ("client_name", APP_NAME),
            ("redirect_uris", &self.redirect_url),
            ("scopes", &SCOPES.join(" ")),
        ];
        let asked = match self.api.at(server, Method::POST, "/api/v1/apps") {
            Ok(request) => self.api.call::<Registered>(now, request.form(&form)).await,
            Err(problem) => Err(problem),
        };
        asked.map_err(|problem| match problem {
            Problem::Unreadable(_) | Problem::Refused { .. } if !is_unwell(&problem) => {
                ConnectError::invalid("server_url", "is no server of this network")
            }
            Problem::Forbidden(_) => ConnectError::Invalid {
                field: "server_url",
                reason: Reason::UrlForbidden,
                problem: "leads to an address that may not be called".to_owned(),
            },
            other => ConnectError::Unreachable(other.to_string()),
        })
    }

    fn place(&self, server: &str) -> String {
        place_of(server, &self.redirect_url)
    }

    fn client(&self, server: &str, id: String, secret: SecretString) -> OauthClient {
        OauthClient {
            id,
            secret,
            authorize_url: format!("{server}/oauth/authorize"),
            token_url: format!("{server}/oauth/token"),
            redirect_url: self.redirect_url.clone(),
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            basic_auth: false,
            guarded: true,
        }
    }

    /// Makes a status public.
    async fn create(&self, session: &Session, key: &str, status: &NewStatus<'_>) -> Outcome {
        let created = match self.api.to(session, Method::POST, "/api/v1/statuses") {
            Ok(request) => {
                let request = request.header("idempotency-key", key).json(status);
                self.api.call::<Status>(session.now, request).await
            }
            Err(problem) => Err(problem),
        };
        match created {
            Ok(status) => Outcome::Sent(sent(&status)),
            Err(problem) => problem.outcome(),
        }
    }

    async fn look(
        &self,
        session: &Session,
        wanted: &Wanted<'_>,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        let statuses = match self.api.own_statuses(session).await {
            Ok(statuses) => statuses,
            Err(problem) => return problem.undecided(),
        };
        if wanted.is_one_of_several(&statuses) {
            return Ok(cannot_tell("posts without a text cannot be told from each other"));
        }
        if let Some(status) = wanted.among(&statuses) {
            return Ok(Found::There(sent(status)));
        }
        // Of what was never tried nothing is on its way.
        let tried = progress.last_attempt_time.map(|last| session.now - last);
        if let Some(on_its_way) =
            tried.map(|ago| ARRIVED - ago).filter(|left| *left > TimeDelta::zero())
        {
            let message = "what was sent may still be on its way";
            return Ok(Found::not_yet(message, on_its_way.to_std().ok()));
        }
        if wanted.may_be_edited(&statuses) {
            return Ok(cannot_tell("a post of that time was edited on the network since"));
        }
        if wanted.is_beyond(&statuses) {
            return Ok(cannot_tell("the account has published too much since to look through"));
        }
        Ok(Found::NotThere)
    }
}

/// Whether a server says that it is not well, rather than that it is another kind of server.
fn is_unwell(problem: &Problem) -> bool {
    matches!(problem, Problem::Refused { .. }) && problem.is_transient()
}

fn sent(status: &Status) -> Sent {
    let url = status.url.as_deref().or(status.uri.as_deref()).unwrap_or_default();
    Sent { external_id: status.id.clone(), external_url: url.to_owned() }
}

#[derive(Deserialize)]
struct Registered {
    client_id: String,
    client_secret: String,
}

#[async_trait]
impl Network for Mastodon {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            accepts_key: true,
            can_find: true,
            can_comment: true,
            needs_server: true,
            keeps_progress: true,
            ..Default::default()
        }
    }

    async fn start_connect(&self, begun: &Begun<'_>) -> Result<String, ConnectError> {
        self.app(begun.server_url, true, begun.now).await?.authorize(begun, &[])
    }

    async fn connect(&self, begun: &Begun<'_>, given: Given<'_>) -> Result<Grant, ConnectError> {
        let Given::Code(code) = given else {
            return Err(ConnectError::invalid("credentials", "this network wants a code"));
        };
        let app = self.app(begun.server_url, false, begun.now).await?;
        let exchanged = app.exchange(&self.api.http, begun, code).await?;
        let token = &exchanged.tokens.access_token;
        let path = "/api/v1/accounts/verify_credentials";
        let asked = match self.api.at(begun.server_url, Method::GET, path) {
            Ok(request) => self.api.call::<Account>(begun.now, request.bearer(token)).await,
            Err(problem) => Err(problem),
        };
        let account = asked.map_err(|problem| {
            let told = clean(&problem.to_string());
            if problem.is_transient() {
                ConnectError::Unreachable(told)
            } else {
                ConnectError::invalid("code", told)
            }
        })?;
        let host = begun.server_url.split_once("://").map_or("", |(_, host)| host);
        Ok(Grant {
            // Ids are a server's own.
            external_id: format!("{}@{host}", account.id),
            handle: format!("{}@{host}", account.username),
            display_name: clean(&account.display_name),
            avatar_url: account.avatar.unwrap_or_default(),
            scopes: exchanged.scopes,
            server_url: begun.server_url.to_owned(),
            tokens: exchanged.tokens,
        })
    }

    /// What is not told, or makes no sense, is the usual limit.
    async fn max_characters(&self, begun: &Begun<'_>) -> Option<i32> {
        let request = self.api.at(begun.server_url, Method::GET, "/api/v2/instance").ok()?;
        let said: Value = self.api.call(begun.now, request).await.ok()?;
        let most = said["configuration"]["statuses"]["max_characters"].as_i64()?;
        i32::try_from(most).ok().filter(|most| *most > 0)
    }

    /// Few servers of this network let tokens run out, but some do.
    async fn refresh(&self, session: &Session) -> Result<Tokens, RefreshError> {
        let Some(refresh_token) = &session.tokens.refresh_token else {
            let message = "nothing to refresh with".to_owned();
            return Err(RefreshError::Refused { revoked: false, message });
        };
        let app = self.app(&session.account.server_url, false, session.now).await;
        let app = app.map_err(|error| RefreshError::Transient {
            message: format!("the app of the server cannot be had: {error:?}"),
            retry_after: None,
        })?;
        app.refresh(&self.api.http, refresh_token, None, session.now).await
    }

    async fn publish(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &mut Progress,
    ) -> Outcome {
        let media = match status::upload(&self.api, session, &post.media, progress).await {
            Ok(media) => media,
            Err(failure) => return failure.into(),
        };
        if let Err(failure) = progress.goes_public().await {
            return failure.into();
        }
        let outcome = self.create(session, &post.key, &NewStatus::of_post(post, media)).await;
        if let Outcome::Failed(failure) = &outcome
            && !failure.transient
            && let Err(unkept) = status::forget(progress).await
        {
            tracing::debug!(?unkept, "uploads are kept though the status was refused");
        }
        outcome
    }

    async fn find(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        self.look(session, &Wanted::post(post), progress).await
    }

    async fn publish_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        _: &mut Progress,
    ) -> Outcome {
        let mention = match self.mention(session, comment).await {
            Ok(mention) => mention,
            Err(failure) => return failure.into(),
        };
        let status = NewStatus::of_comment(comment, mention.as_deref());
        self.create(session, &comment.key, &status).await
    }

    async fn find_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        self.look(session, &Wanted::comment(comment), progress).await
    }

    async fn fetch_comments(
        &self,
        session: &Session,
        external_post_id: &str,
    ) -> Result<Vec<FetchedComment>, Failure> {
        let replies = self.api.replies(session, external_post_id).await;
        Ok(replies.map_err(|problem| problem.failure())?)
    }
}

impl Mastodon {
    /// Whom an answer must name so that they are told of it; none where the answered are oneself.
    async fn mention(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
    ) -> Result<Option<String>, Failure> {
        if comment.external_comment_id.is_empty() {
            return Ok(None);
        }
        let answered = self.api.status(session, &comment.external_comment_id).await;
        let answered = answered.map_err(|problem| problem.failure())?;
        Ok(answered.account.filter(|author| !session.is_own(&author.id)).map(|author| author.acct))
    }
}
