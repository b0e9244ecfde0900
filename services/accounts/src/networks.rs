//! The networks, and which of them can be connected: the one place that decides it.
//!
//! To add a network: write `networks/<network>.rs` with a type that implements [`Network`], make it in [`Networks::new`]
//! where its settings are there ([`settings`] reads them), and name the settings in the README. Then:
//!
//! - All HTTP goes through [`http`]. To addresses of the configuration with [`http::Http::open`], to addresses that a user
//!   named with [`http::Http::guarded`]. What comes back is an answer or a [`http::Problem`], which knows what it means: for
//!   a step before anything is public [`http::Problem::failure`], for the one that makes it public
//!   [`http::Problem::outcome`], for a search [`http::Problem::undecided`]. A network maps its own error codes where it
//!   reads a refusal.
//! - OAuth 2 with PKCE is [`oauth`]: where to send the person, exchange, refresh.
//! - Where the operator registers an application, its settings are an [`app::App`], and the network is listed in [`apps`].
//! - A publication of several steps keeps where it stands in its [`Progress`], which the next try under the same key finds
//!   again, also after a crash: nothing is uploaded or created twice. What makes it public is preceded by
//!   [`Progress::goes_public`]: from then on it may arrive. A call has the time of [`time_left`]; what a network is
//!   still processing by then is a transient failure with the code `in_progress` and a `retry_after`.
//! - An answer that says that the token is not valid sets [`Failure::token`]: the caller refreshes once and calls again, or
//!   marks the account.

mod app;
mod apps;
mod bluesky;
mod containers;
#[cfg(test)]
mod exchange;
mod facebook_page;
pub(crate) mod http;
mod instagram;
mod linkedin;
mod mastodon;
mod meta;
pub(crate) mod oauth;
mod outcome;
mod pinterest;
mod sandbox;
mod settings;
mod steps;
mod threads;
mod tiktok;
mod x;
mod youtube;

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::AccountId;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{FetchedComment, PublishCommentRequest, PublishRequest},
    status::Reason,
    v1::{ConnectCredentials, Platform},
};
use postbreeze_runtime::{Environment, call::Call, clock::Clock};
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use tonic::async_trait;

use self::http::Http;
pub(crate) use self::{
    outcome::{DUPLICATE, Failure, Found, Outcome, Sent, TokenTrouble, clean, redacted},
    sandbox::{is_accepted, sent as sandbox_sent},
    settings::NetworkSettings,
};
use crate::{
    store::{Store, accounts::AccountRow, sendings::SendingRow},
    vault::Vault,
};

/// What a network can do, beyond publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of its own")]
pub(crate) struct Capabilities {
    /// It takes a key with a sending, and has the same one once however often it is sent.
    pub(crate) accepts_key: bool,
    /// It can be asked whether it has what was sent.
    pub(crate) can_find: bool,
    /// It takes comments and answers, and tells what others wrote.
    pub(crate) can_comment: bool,
    /// It fetches media from their URLs itself; otherwise their bytes are sent to it.
    pub(crate) pulls_urls: bool,
    /// It has many servers, and which one must be known before a person can be sent there.
    pub(crate) needs_server: bool,
    /// Its sendings keep their progress.
    pub(crate) keeps_progress: bool,
}

/// A network.
#[async_trait]
pub(crate) trait Network: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Begins a connection: where the person grants access; empty when the network wants credentials instead.
    async fn start_connect(&self, begun: &Begun<'_>) -> Result<String, ConnectError>;

    /// Finishes a connection with what the person brought back.
    async fn connect(&self, begun: &Begun<'_>, given: Given<'_>) -> Result<Grant, ConnectError>;

    /// How many characters a post may have, where the server of a connection says so.
    async fn max_characters(&self, _begun: &Begun<'_>) -> Option<i32> {
        None
    }

    /// New tokens for the refresh token of a session. An answer without a new refresh token keeps the old one.
    async fn refresh(&self, _session: &Session) -> Result<Tokens, RefreshError> {
        Err(RefreshError::Refused { revoked: false, message: "nothing to refresh with".to_owned() })
    }

    /// Publishes a post.
    async fn publish(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &mut Progress,
    ) -> Outcome;

    /// Looks for a post under its key.
    async fn find(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &Progress,
    ) -> Result<Found, Failure>;

    /// Publishes a comment, or an answer to one.
    async fn publish_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        progress: &mut Progress,
    ) -> Outcome;

    /// Looks for a comment under its key.
    async fn find_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        progress: &Progress,
    ) -> Result<Found, Failure>;

    /// What others wrote under a post, the newest 500 at the most.
    async fn fetch_comments(
        &self,
        session: &Session,
        external_post_id: &str,
    ) -> Result<Vec<FetchedComment>, Failure>;
}

/// A connection that is being made.
pub(crate) struct Begun<'a> {
    /// What the network gives back with the code.
    pub(crate) state: &'a str,
    /// The account's server; empty where the network has but one, or tells it with the credentials.
    pub(crate) server_url: &'a str,
    /// The network's id of the account to connect, where a person may have several; empty: the only one.
    pub(crate) external_id: &'a str,
    /// The verifier of PKCE.
    pub(crate) verifier: SecretString,
    /// The time.
    pub(crate) now: DateTime<Utc>,
}

/// What a person brought back.
#[derive(Clone, Copy)]
pub(crate) enum Given<'a> {
    /// The code of OAuth 2.
    Code(&'a str),
    /// Name and secret.
    Credentials(&'a ConnectCredentials),
}

/// What a network tells of an account that was granted to us.
pub(crate) struct Grant {
    /// The network's own id.
    pub(crate) external_id: String,
    /// The name it is addressed by.
    pub(crate) handle: String,
    /// The name it shows.
    pub(crate) display_name: String,
    /// The picture it shows.
    pub(crate) avatar_url: String,
    /// What was granted.
    pub(crate) scopes: Vec<String>,
    /// Its server; empty where the network has but one.
    pub(crate) server_url: String,
    /// What we publish with.
    pub(crate) tokens: Tokens,
}

/// What an account is used with.
#[derive(Clone)]
pub(crate) struct Tokens {
    /// What calls carry.
    pub(crate) access_token: SecretString,
    /// What buys a new one.
    pub(crate) refresh_token: Option<SecretString>,
    /// When the access token runs out; `None`: never, or not known.
    pub(crate) expire_time: Option<DateTime<Utc>>,
}

impl Tokens {
    /// When the account stops working unless it is connected again; `None`: never, or not known.
    pub(crate) fn lasts_until(&self) -> Option<DateTime<Utc>> {
        self.expire_time.filter(|_| self.refresh_token.is_none())
    }
}

/// An account, ready to be used.
pub(crate) struct Session {
    /// The account.
    pub(crate) account: AccountRow,
    /// What it is used with.
    pub(crate) tokens: Tokens,
    /// The time.
    pub(crate) now: DateTime<Utc>,
}

/// Why a connection cannot be begun or finished.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// A field of the request is at fault: what the person brought is no grant, or the server is none.
    Invalid {
        /// The field.
        field: &'static str,
        /// `FIELD_INVALID`, or `URL_FORBIDDEN`.
        reason: Reason,
        /// What is wrong, for people.
        problem: String,
    },
    /// The network cannot be reached, or is not well.
    Unreachable(String),
    /// A failure of ours.
    Ours(crate::error::Error),
}

impl ConnectError {
    /// A field that is `FIELD_INVALID`.
    pub(crate) fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, reason: Reason::FieldInvalid, problem: problem.into() }
    }
}

/// Why a token was not refreshed.
#[derive(Debug, Clone)]
pub(crate) enum RefreshError {
    /// Trying again later can help.
    Transient {
        /// What happened.
        message: String,
        /// How long the network asks to wait.
        retry_after: Option<Duration>,
    },
    /// The network does not take the refresh token (`invalid_grant`).
    Refused {
        /// Whether the network says that the grant was taken back.
        revoked: bool,
        /// What it said.
        message: String,
    },
}

/// How far a sending of several steps has come.
pub(crate) struct Progress {
    store: Store,
    account_id: AccountId,
    key: String,
    value: String,
    clock: Clock,
    /// When this try began.
    begun: DateTime<Utc>,
    /// When it was tried before; `None`: never.
    pub(crate) last_attempt_time: Option<DateTime<Utc>>,
}

impl Progress {
    /// The progress of a sending.
    pub(crate) fn new(
        store: Store,
        account_id: AccountId,
        key: String,
        row: Option<SendingRow>,
        clock: Clock,
    ) -> Self {
        let (value, last_attempt_time) =
            row.map_or_else(Default::default, |row| (row.progress, Some(row.last_attempt_time)));
        let begun = clock.now();
        Self { store, account_id, key, value, clock, begun, last_attempt_time }
    }

    /// Where it stands; the default where it was never kept, or is nothing this version knows.
    pub(crate) fn get<T: DeserializeOwned + Default>(&self) -> T {
        serde_json::from_str(&self.value).unwrap_or_default()
    }

    /// Keeps where it stands, before the next step is made.
    ///
    /// # Errors
    /// A failure that says that nothing was published yet.
    pub(crate) async fn keep<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        let ours = || Failure::transient("progress_not_kept", "the step could not be written down");
        self.value = serde_json::to_string(value).map_err(|_| ours())?;
        self.store.keep_progress(self.account_id, &self.key, &self.value).await.map_err(|error| {
            tracing::warn!(%error, "the progress of a sending cannot be kept");
            ours()
        })
    }

    /// Writes down that the step which makes it public is made now: what is lost of it may arrive for a while from here on,
    /// however long the steps before it took.
    ///
    /// # Errors
    /// A failure that says that nothing was published yet.
    pub(crate) async fn goes_public(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        // So soon after the beginning the time of the beginning does.
        if now - self.begun < AT_ONCE {
            return Ok(());
        }
        self.store.touch_sending(self.account_id, &self.key, now).await.map_err(|error| {
            tracing::warn!(%error, "the time of a sending cannot be kept");
            Failure::transient("progress_not_kept", "the step could not be written down")
        })
    }
}

/// Before the caller stops waiting, an answer must be on its way.
const MARGIN: Duration = Duration::from_secs(1);
/// Shorter than any network's time for what is on its way to arrive.
const AT_ONCE: TimeDelta = TimeDelta::seconds(5);
const WITHOUT_A_CALL: Duration = Duration::from_secs(15);

/// How long the steps of the current call may still take.
pub(crate) fn time_left() -> Duration {
    Call::current().map_or(WITHOUT_A_CALL, |call| call.remaining().saturating_sub(MARGIN))
}

/// The networks that can be connected here.
#[derive(Clone)]
pub(crate) struct Networks {
    by_platform: Arc<HashMap<i32, Arc<dyn Network>>>,
    http: Http,
}

impl Networks {
    /// The networks whose settings are there.
    pub(crate) fn new(
        settings: &NetworkSettings,
        store: &Store,
        vault: &Arc<Vault>,
        environment: &Environment,
    ) -> Self {
        let mut networks: HashMap<i32, Arc<dyn Network>> = HashMap::new();
        let mut add = |platform: Platform, network: Arc<dyn Network>| {
            networks.insert(platform.into(), network);
        };
        let sandbox = sandbox::Sandbox::new(store.clone(), environment.clone());
        add(Platform::Sandbox, Arc::new(sandbox));
        let bluesky = bluesky::Bluesky::new(
            settings.http.clone(),
            settings.bluesky_url.clone(),
            settings.bluesky_app_view_url.clone(),
        );
        add(Platform::Bluesky, Arc::new(bluesky));
        let mastodon = mastodon::Mastodon::new(
            settings.http.clone(),
            store.clone(),
            Arc::clone(vault),
            settings.redirect_url.clone(),
        );
        add(Platform::Mastodon, Arc::new(mastodon));
        for (platform, network) in settings.apps.networks(&settings.http) {
            add(platform, network);
        }
        Self { by_platform: Arc::new(networks), http: settings.http.clone() }
    }

    /// The network of a platform; `None` when it is not configured here.
    pub(crate) fn of(&self, platform: i32) -> Option<&Arc<dyn Network>> {
        self.by_platform.get(&platform)
    }

    /// The origin of a server that a field names; notes what is wrong with it.
    pub(crate) fn server(
        &self,
        field: &'static str,
        text: &str,
        fields: &mut Fields,
    ) -> Option<String> {
        match self.http.server(field, text) {
            Ok(origin) => Some(origin),
            Err(ConnectError::Invalid { field, reason, problem }) => {
                fields.violate_with(field, reason, problem);
                None
            }
            Err(other) => {
                fields.violate(field, format!("{other:?}"));
                None
            }
        }
    }
}

/// The name of a platform, for people, metrics and codes: `MASTODON`.
pub(crate) fn name_of(platform: i32) -> &'static str {
    let name = Platform::try_from(platform).unwrap_or_default().as_str_name();
    name.strip_prefix("PLATFORM_").unwrap_or(name)
}
