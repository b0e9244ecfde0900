//! What the RPCs of `NetworkService` have in common: checking what is sent, opening the way to an account's network, and
//! what becomes of the account when its token is not taken any more.

use std::sync::Arc;

use postbreeze_ids::{Account, AccountId, Id};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{PublishCommentRequest, PublishRequest},
    time::from_proto,
};
use postbreeze_runtime::postgres::bounded;

use super::Rpc;
use crate::{
    error::Error,
    networks::{
        DUPLICATE, Failure, Found, Network, Outcome, Progress, Session, TokenTrouble, redacted,
    },
    refresh::{NoSession, inactive},
    store::sessions::Loaded,
};

const KEY_CHARS: usize = 64;
const TEXT_CHARS: usize = 10_000;
const MEDIA: usize = 100;
const URL_CHARS: usize = 8_192;
const EXTERNAL_ID_CHARS: usize = 1_024;

/// Checks a post; `path` leads to it.
pub(super) fn check_post(
    fields: &mut Fields,
    path: &str,
    post: &PublishRequest,
) -> Option<AccountId> {
    let account_id = fields.id::<Account>(format!("{path}account_id"), &post.account_id);
    check_key(fields, path, &post.key);
    fields.text(format!("{path}text"), &post.text, 0..=TEXT_CHARS);
    fields.count(&format!("{path}media"), post.media.len(), 0..=MEDIA);
    for (index, medium) in post.media.iter().take(MEDIA).enumerate() {
        let path = format!("{path}media[{index}].");
        fields.text(format!("{path}url"), &medium.url, 1..=URL_CHARS);
        fields.text(format!("{path}internal_url"), &medium.internal_url, 0..=URL_CHARS);
        fields.text(format!("{path}content_type"), &medium.content_type, 1..=255);
        fields.text(format!("{path}alt_text"), &medium.alt_text, 0..=TEXT_CHARS);
        if medium.size_bytes < 0 {
            fields.violate(format!("{path}size_bytes"), "must not be negative");
        }
    }
    check_time(fields, path, post.first_attempt_time.as_ref());
    account_id
}

/// Checks a comment; `path` leads to it.
pub(super) fn check_comment(
    fields: &mut Fields,
    path: &str,
    comment: &PublishCommentRequest,
) -> Option<AccountId> {
    let account_id = fields.id::<Account>(format!("{path}account_id"), &comment.account_id);
    check_key(fields, path, &comment.key);
    check_external_id(fields, &format!("{path}external_post_id"), &comment.external_post_id);
    let answered = &comment.external_comment_id;
    fields.text(format!("{path}external_comment_id"), answered, 0..=EXTERNAL_ID_CHARS);
    fields.text(format!("{path}text"), &comment.text, 1..=TEXT_CHARS);
    check_time(fields, path, comment.first_attempt_time.as_ref());
    account_id
}

/// Checks a network's id of a post.
pub(super) fn check_external_id(fields: &mut Fields, field: &str, value: &str) {
    fields.text(field, value, 1..=EXTERNAL_ID_CHARS);
}

fn check_key(fields: &mut Fields, path: &str, key: &str) {
    let sound = (1..=KEY_CHARS).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !sound {
        fields.violate(format!("{path}key"), "must be 1 to 64 letters, digits and dashes");
    }
}

fn check_time(fields: &mut Fields, path: &str, time: Option<&prost_types::Timestamp>) {
    if time.and_then(from_proto).is_none() {
        fields.violate(format!("{path}first_attempt_time"), "must be a time");
    }
}

/// The way to an account's network.
pub(super) struct Door {
    pub(super) network: Arc<dyn Network>,
    pub(super) session: Session,
    pub(super) progress: Progress,
    /// Of the tokens in the session.
    version: i64,
    /// Whether the tokens were refreshed because the network did not take them.
    renewed: bool,
}

/// What is sent or asked for at a door, and whether it begins a try.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// Sending what has this key.
    Send(&'a str),
    /// Looking for what has this key.
    Look(&'a str),
    /// Anything else.
    Ask,
}

/// Opens the way to an account's network.
pub(super) async fn open(
    rpc: &Rpc,
    loaded: Loaded,
    purpose: Purpose<'_>,
) -> Result<Door, NoSession> {
    if let Some(failure) = inactive(&loaded.account.status) {
        return Err(failure.into());
    }
    let Some(network) = rpc.networks.of(loaded.account.platform.into()) else {
        let message = "the network is not configured here";
        return Err(Failure::transient("network_not_configured", message).into());
    };
    let network = Arc::clone(network);
    let (session, version) = rpc.refresher.session(loaded).await?;
    let (store, account_id, now) = (&rpc.store, session.account.id, session.now);
    let (key, row) = match purpose {
        _ if !network.capabilities().keeps_progress => ("", None),
        Purpose::Send(key) => (key, bounded(store.begin_sending(account_id, key, now)).await?),
        Purpose::Look(key) => (key, bounded(store.find_sending(account_id, key)).await?),
        Purpose::Ask => ("", None),
    };
    let clock = rpc.environment.clock.clone();
    let progress = Progress::new(store.clone(), account_id, key.to_owned(), row, clock);
    Ok(Door { network, session, progress, version, renewed: false })
}

/// The account of a request, and the way to its network; a failure where there is none.
pub(super) async fn open_for(
    rpc: &Rpc,
    account_id: AccountId,
    purpose: Purpose<'_>,
) -> Result<Result<Door, Failure>, Error> {
    let Some(loaded) = bounded(rpc.store.load_session(account_id)).await? else {
        return Ok(Err(no_account()));
    };
    match open(rpc, loaded, purpose).await {
        Ok(door) => Ok(Ok(door)),
        Err(NoSession::Failed(failure)) => Ok(Err(failure)),
        Err(NoSession::Database(error)) => Err(error.into()),
    }
}

/// There is no account of an id: nothing was sent.
pub(super) fn no_account() -> Failure {
    Failure::permanent("account_not_found", "there is no such account")
}

impl Door {
    /// Deals with what a network says of the token. `None`: the tokens were refreshed, call again; otherwise what is to be
    /// answered.
    pub(super) async fn renew(
        &mut self,
        rpc: &Rpc,
        failure: Failure,
    ) -> Result<Option<Failure>, Error> {
        let Some(trouble) = failure.token else { return Ok(Some(self.told(failure))) };
        let account_id = self.session.account.id;
        if trouble == TokenTrouble::Expired && !self.renewed {
            match rpc.refresher.another(account_id, self.version).await {
                Ok(Some((session, version))) => {
                    self.session = session;
                    self.version = version;
                    self.renewed = true;
                    return Ok(None);
                }
                Ok(None) => {}
                Err(NoSession::Failed(failure)) => return Ok(Some(self.told(failure))),
                Err(NoSession::Database(error)) => return Err(error.into()),
            }
        }
        let now = rpc.environment.clock.now();
        let revoked = trouble == TokenTrouble::Revoked;
        let expiring = rpc.store.expire_account(&self.session.account, self.version, revoked, now);
        bounded(expiring).await?;
        Ok(Some(self.told(failure)))
    }

    /// A failure without the account's secrets.
    fn told(&self, failure: Failure) -> Failure {
        let tokens = &self.session.tokens;
        let secrets: Vec<_> = [Some(&tokens.access_token), tokens.refresh_token.as_ref()]
            .into_iter()
            .flatten()
            .collect();
        failure.without(&secrets)
    }

    /// An outcome without the account's secrets. Who tried before and now hears that the network has it already may have sent
    /// it then: that is to be looked for.
    pub(super) fn outcome_told(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Failed(failure)
                if failure.code == DUPLICATE && self.progress.last_attempt_time.is_some() =>
            {
                let Failure { code, message, .. } = self.told(failure);
                Outcome::Unknown { code, message }
            }
            Outcome::Failed(failure) => Outcome::Failed(self.told(failure)),
            Outcome::Unknown { code, message } => {
                let secret = &self.session.tokens.access_token;
                Outcome::Unknown { code, message: redacted(&message, &[secret]) }
            }
            sent @ Outcome::Sent(_) => sent,
        }
    }
}

/// What a failure to ask means for a search: who is to be asked cannot be, now or, disconnected, ever.
pub(super) fn undecided(failure: Failure) -> Found {
    Found::Undecided {
        look_again: !matches!(failure.code.as_str(), "account_not_active" | "account_not_found"),
        message: failure.message,
        retry_after: failure.retry_after,
    }
}

/// The id of a sending that the sandbox receives.
pub(super) fn sandbox_call(
    rpc: &Rpc,
    account_id: AccountId,
) -> Id<crate::store::sandbox::SandboxCall> {
    rpc.environment.minter.mint(account_id.bucket())
}
