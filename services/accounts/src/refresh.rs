//! Tokens that are refreshed: ahead of their expiry in the background, and on demand before a call. Of all replicas one
//! refreshes at a time: it takes a lease on the row by a write that is fenced by the row's version, and holds no lock while
//! it speaks with the network; the others wait for the row to change.
//!
//! New tokens are committed before they are used. What cannot be helped: when the process dies between the network's answer
//! and the commit, a refresh token that the network has replaced is lost; the next refresh then meets `invalid_grant`, and
//! the account is TOKEN_EXPIRED until it is connected again.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures_util::{StreamExt as _, stream};
use opentelemetry::{KeyValue, metrics::Counter};
use postbreeze_ids::AccountId;
use postbreeze_runtime::{Environment, postgres::bounded};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

use crate::{
    networks::{Failure, Network, Networks, RefreshError, Session, Tokens, name_of, redacted},
    store::{
        Store,
        sessions::{Loaded, TokenRow},
        tokens::NewTokens,
    },
    token,
    vault::{Opened, Vault},
};

/// Longer than any call for a refresh takes. Who dies with a lease blocks the account for so long.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How often who waits for another looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How soon what could not be written down is written again.
const KEEP_EVERY: Duration = Duration::from_millis(250);
/// How long a caller waits for a refresh, its own or another's.
const PATIENCE: Duration = Duration::from_secs(12);
/// How often the background looks for tokens that are due.
const DUE_EVERY: Duration = Duration::from_secs(1);
const DUE_AT_ONCE: i64 = 50;
const REFRESHES_AT_ONCE: usize = 8;

/// Refreshes tokens.
pub(crate) struct Refresher {
    store: Store,
    vault: Arc<Vault>,
    networks: Networks,
    environment: Environment,
    failures: Counter<u64>,
}

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum NoSession {
    /// As the network is to be understood.
    Failed(Failure),
    /// The database failed.
    Database(sqlx::Error),
}

impl From<Failure> for NoSession {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<sqlx::Error> for NoSession {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// What one attempt came to.
enum Tried {
    /// There are new tokens, or the account is marked: load it again.
    Changed,
    /// Somebody else holds the lease.
    Taken,
    /// The network could not be asked; how long to wait.
    Postponed(Failure),
}

impl Refresher {
    pub(crate) fn new(
        store: Store,
        vault: Arc<Vault>,
        networks: Networks,
        environment: Environment,
    ) -> Self {
        let failures = opentelemetry::global::meter("postbreeze")
            .u64_counter("accounts.token_refresh.failures")
            .with_description("refreshes of tokens that failed, by network and kind")
            .build();
        Self { store, vault, networks, environment, failures }
    }

    /// The session of an account, with a token that has not run out.
    pub(crate) async fn session(&self, loaded: Loaded) -> Result<(Session, i64), NoSession> {
        let now = self.environment.clock.now();
        match &loaded.token {
            Some(token) if token::runs_out(now, token.expire_time) && can_refresh(token) => {
                self.renewed(loaded, false).await
            }
            _ => self.open(loaded),
        }
    }

    /// The session of an account with another token than the one of this version, which the network does not take.
    /// `None` where there is nothing to get another one with.
    pub(crate) async fn another(
        &self,
        account_id: AccountId,
        version: i64,
    ) -> Result<Option<(Session, i64)>, NoSession> {
        let Some(loaded) = self.store.load_session(account_id).await? else { return Ok(None) };
        match &loaded.token {
            Some(token) if token.version != version && is_settled(token) => {
                self.open(loaded).map(Some)
            }
            Some(token) if can_refresh(token) => self.renewed(loaded, true).await.map(Some),
            _ => Ok(None),
        }
    }

    /// The tokens of an account in plain text.
    fn open(&self, loaded: Loaded) -> Result<(Session, i64), NoSession> {
        let Loaded { account, token } = loaded;
        if let Some(failure) = inactive(&account.status) {
            return Err(failure.into());
        }
        let gone = || Failure::permanent("account_not_active", "the account has no token");
        let token = token.ok_or_else(gone)?;
        let opened = self.vault.open(account.id, &token.sealed).ok_or_else(|| {
            tracing::error!(account.id = %account.id, "a token cannot be opened: its key is not configured");
            Failure::transient("token_unreadable", "the token cannot be read here")
        })?;
        let Opened { access_token, refresh_token } = opened;
        let tokens = Tokens { access_token, refresh_token, expire_time: token.expire_time };
        let now = self.environment.clock.now();
        Ok((Session { account, tokens, now }, token.version))
    }

    /// Refreshes, or waits for who does, until the row has changed. A token that could not be refreshed may still be good,
    /// unless the network has refused it already.
    async fn renewed(&self, loaded: Loaded, refused: bool) -> Result<(Session, i64), NoSession> {
        let until = Instant::now() + PATIENCE;
        let account_id = loaded.account.id;
        let first_version = loaded.token.as_ref().map_or(0, |token| token.version);
        let mut loaded = loaded;
        loop {
            if let Some(failure) = inactive(&loaded.account.status) {
                return Err(failure.into());
            }
            let Some(token) = &loaded.token else { return self.open(loaded) };
            let now = self.environment.clock.now();
            let leased = token.lease_until.is_some_and(|until| until > now);
            if token.version != first_version && is_settled(token) {
                return self.open(loaded);
            }
            // The last one failed a moment ago, here or elsewhere: asking again at once helps nobody.
            if token.refresh_failures > 0 && token.refresh_time.is_some_and(|time| time > now) {
                return self.usable_or(loaded, refused, refresh_failed());
            }
            if !leased {
                match self.detached(loaded.clone()).await? {
                    Tried::Changed | Tried::Taken => {}
                    Tried::Postponed(failure) => return self.usable_or(loaded, refused, failure),
                }
            }
            if Instant::now() >= until {
                return self.usable_or(loaded, refused, refresh_failed());
            }
            if leased {
                sleep(LOOK_EVERY).await;
            }
            let gone = || Failure::permanent("account_not_found", "there is no such account");
            loaded = self.store.load_session(account_id).await?.ok_or_else(gone)?;
        }
    }

    fn usable_or(
        &self,
        loaded: Loaded,
        refused: bool,
        failure: Failure,
    ) -> Result<(Session, i64), NoSession> {
        let now = self.environment.clock.now();
        let expire_time = loaded.token.as_ref().and_then(|token| token.expire_time);
        if refused || expire_time.is_some_and(|expires| expires <= now) {
            Err(failure.into())
        } else {
            self.open(loaded)
        }
    }

    /// Refreshes in a task of its own: a caller who stops waiting must not lose what the network has answered.
    async fn detached(&self, loaded: Loaded) -> Result<Tried, NoSession> {
        let (done, outcome) = oneshot::channel();
        let own = self.own();
        self.environment.background.spawn(async move {
            // Nobody may be waiting any more.
            let _ = done.send(own.try_once(loaded).await);
        });
        match timeout(PATIENCE, outcome).await {
            Ok(Ok(tried)) => tried,
            Ok(Err(_)) | Err(_) => Err(refresh_failed().into()),
        }
    }

    fn own(&self) -> Self {
        Self {
            store: self.store.clone(),
            vault: Arc::clone(&self.vault),
            networks: self.networks.clone(),
            environment: self.environment.clone(),
            failures: self.failures.clone(),
        }
    }

    /// Takes the lease, asks the network, writes what it says.
    async fn try_once(&self, loaded: Loaded) -> Result<Tried, NoSession> {
        let account = loaded.account.clone();
        let Some(token) = loaded.token.clone() else { return Ok(Tried::Changed) };
        let (now, leased_at) = (self.environment.clock.now(), Instant::now());
        let leased = self.store.lease_token(account.id, token.version, now, LEASE).await?;
        let Some(version) = leased else { return Ok(Tried::Taken) };
        let Some(network) = self.networks.of(account.platform.into()) else {
            // It makes room for the tokens of networks that are.
            self.postpone(&token, account.id, version, None).await?;
            let message = "the network is not configured here";
            return Err(Failure::transient("network_not_configured", message).into());
        };
        let (session, _) = match self.open(loaded) {
            Ok(session) => session,
            Err(error) => {
                self.postpone(&token, account.id, version, None).await?;
                return Err(error);
            }
        };
        match refreshed(network.as_ref(), &session).await {
            Ok(tokens) => {
                let new = self.sealed(account.id, &session, tokens)?;
                if !self.kept(account.id, version, &new, leased_at).await? {
                    tracing::warn!(account.id = %account.id, "a refresh came too late and was dropped");
                }
                Ok(Tried::Changed)
            }
            Err(RefreshError::Transient { message, retry_after }) => {
                let message = without_tokens(&message, &session.tokens);
                self.count(account.platform, "transient");
                tracing::info!(account.id = %account.id, network = name_of(account.platform.into()), message,
                    "a token could not be refreshed");
                let wait = self.postpone(&token, account.id, version, retry_after).await?;
                let message = format!("the token cannot be refreshed now: {message}");
                let failure = Failure::transient("token_refresh_failed", &message);
                Ok(Tried::Postponed(failure.after(wait.to_std().ok())))
            }
            Err(RefreshError::Refused { revoked, message }) => {
                let message = without_tokens(&message, &session.tokens);
                self.count(account.platform, if revoked { "revoked" } else { "invalid_grant" });
                tracing::info!(account.id = %account.id, network = name_of(account.platform.into()), message,
                    "the network does not take a refresh token");
                let now = self.environment.clock.now();
                self.store.expire_account(&account, version, revoked, now).await?;
                Ok(Tried::Changed)
            }
        }
    }

    /// Keeps new tokens, while the lease lasts however often that fails: the network may have made the old ones worthless, so
    /// that a database which is away for a moment would cost the account.
    async fn kept(
        &self,
        account_id: AccountId,
        version: i64,
        new: &NewTokens,
        leased_at: Instant,
    ) -> Result<bool, sqlx::Error> {
        let lasts = LEASE.to_std().unwrap_or_default();
        loop {
            let now = self.environment.clock.now();
            match self.store.keep_refreshed(account_id, version, new, now).await {
                Err(error) if leased_at.elapsed() + KEEP_EVERY < lasts => {
                    tracing::warn!(account.id = %account_id, %error, "refreshed tokens cannot be kept yet");
                    sleep(KEEP_EVERY).await;
                }
                kept => return kept,
            }
        }
    }

    async fn postpone(
        &self,
        token: &TokenRow,
        account_id: AccountId,
        version: i64,
        asked: Option<Duration>,
    ) -> Result<TimeDelta, sqlx::Error> {
        let wait = token::wait_after(token.refresh_failures, asked);
        let again = self.environment.clock.now() + wait;
        self.store.postpone_refresh(account_id, version, again).await?;
        Ok(wait)
    }

    /// New tokens as they are kept; an answer without a new refresh token keeps the old one.
    fn sealed(
        &self,
        account_id: AccountId,
        session: &Session,
        tokens: Tokens,
    ) -> Result<NewTokens, Failure> {
        let refresh_token = tokens.refresh_token.as_ref().or(session.tokens.refresh_token.as_ref());
        let kept = Tokens { refresh_token: refresh_token.cloned(), ..tokens };
        new_tokens(&self.vault, account_id, &kept, session.now)
            .map_err(|_| Failure::transient("token_unreadable", "the token cannot be sealed"))
    }

    fn count(&self, platform: i16, kind: &'static str) {
        let network = KeyValue::new("network", name_of(platform.into()));
        self.failures.add(1, &[network, KeyValue::new("kind", kind)]);
    }

    /// Refreshes ahead of expiry until the process stops.
    pub(crate) fn start(self: Arc<Self>) {
        let stopping = self.environment.background.stopping().clone();
        let background = self.environment.background.clone();
        background.spawn(async move {
            let mut failing = false;
            while stopping.run_until_cancelled(sleep(DUE_EVERY)).await.is_some() {
                let ahead = stopping.run_until_cancelled(self.refresh_due()).await;
                let Some(ahead) = ahead else { break };
                if let Err(NoSession::Database(error)) = &ahead
                    && !failing
                {
                    tracing::warn!(%error, "tokens that are due cannot be refreshed");
                }
                failing = ahead.is_err();
            }
        });
    }

    async fn refresh_due(&self) -> Result<(), NoSession> {
        let now = self.environment.clock.now();
        let due = bounded(self.store.tokens_due(now, DUE_AT_ONCE)).await?;
        stream::iter(due)
            .for_each_concurrent(REFRESHES_AT_ONCE, async |account_id| {
                // What goes wrong is counted, logged, and written into the row; the rest is due again.
                let _ = self.meet(account_id).await;
            })
            .await;
        Ok(())
    }

    /// Refreshes a token that is due. One that nothing buys anew has come to its end, and the account's with it.
    async fn meet(&self, account_id: AccountId) -> Result<(), NoSession> {
        let loaded = bounded(self.store.load_session(account_id)).await?;
        let Some(loaded) = loaded else { return Ok(()) };
        let Some(token) = loaded.token.as_ref() else { return Ok(()) };
        if inactive(&loaded.account.status).is_some() {
            return Ok(());
        }
        let now = self.environment.clock.now();
        if can_refresh(token) {
            self.detached(loaded).await?;
        } else if token.expire_time.is_some_and(|expires| expires <= now) {
            let expiring = self.store.expire_account(&loaded.account, token.version, false, now);
            bounded(expiring).await?;
        }
        Ok(())
    }
}

async fn refreshed(network: &dyn Network, session: &Session) -> Result<Tokens, RefreshError> {
    // Far below the lease, whatever the network's own code does.
    let late =
        RefreshError::Transient { message: "no answer in time".to_owned(), retry_after: None };
    timeout(Duration::from_secs(30), network.refresh(session)).await.unwrap_or(Err(late))
}

/// What a network says, without the tokens: some repeat what they were sent.
fn without_tokens(message: &str, tokens: &Tokens) -> String {
    let secrets = [Some(&tokens.access_token), tokens.refresh_token.as_ref()];
    redacted(message, &secrets.into_iter().flatten().collect::<Vec<_>>())
}

/// Tokens as they are kept.
pub(crate) fn new_tokens(
    vault: &Vault,
    account_id: AccountId,
    tokens: &Tokens,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<NewTokens, aws_lc_rs::error::Unspecified> {
    let refreshable = tokens.refresh_token.is_some();
    Ok(NewTokens {
        sealed: vault.seal(account_id, &tokens.access_token, tokens.refresh_token.as_ref())?,
        expire_time: tokens.expire_time,
        refresh_time: tokens
            .expire_time
            .map(|expires| if refreshable { token::refresh_time(now, expires) } else { expires }),
    })
}

/// Whether nobody is refreshing it, nor has failed to: what changed it last was a refresh, or a new connection.
fn is_settled(token: &TokenRow) -> bool {
    token.lease_until.is_none() && token.refresh_failures == 0
}

fn can_refresh(token: &TokenRow) -> bool {
    token.sealed.refresh_token.is_some()
}

fn refresh_failed() -> Failure {
    Failure::transient("token_refresh_failed", "the token cannot be refreshed now")
}

/// Why an account of a status cannot be used; `None` when it can.
pub(crate) fn inactive(status: &str) -> Option<Failure> {
    use crate::account::AccountStatus;
    let (code, message) = match AccountStatus::parse(status) {
        Some(AccountStatus::Active) => return None,
        Some(AccountStatus::TokenExpired) => ("token_expired", "the account's token has run out"),
        Some(AccountStatus::Revoked) => ("token_revoked", "the network took the grant back"),
        Some(AccountStatus::Disconnected) | None => {
            ("account_not_active", "the account is disconnected")
        }
    };
    Some(Failure::permanent(code, message))
}
