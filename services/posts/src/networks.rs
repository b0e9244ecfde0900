//! Asking `accounts` about comments on the networks, as this service itself: whoever wished it, it is done to the end.

use std::time::Duration;

use postbreeze_context::token::Issuer;
use postbreeze_proto::internal::v1::network_service_client::NetworkServiceClient;
use postbreeze_runtime::peer::Peer;
use tonic::{Request, Status};

use crate::error::Error;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// The comments under a post may be long: twice of what `accounts` tells at the most.
const ANSWER_BYTES: usize = 16 * 1_024 * 1_024;
const AUDIENCE: &[&str] = &["accounts"];

/// Codes of failures that say that an account cannot be used.
const OF_ACCOUNT: [&str; 4] =
    ["account_not_active", "account_not_found", "token_expired", "token_revoked"];

/// Whether a failure says that the account cannot be used.
pub(crate) fn is_of_account(code: &str) -> bool {
    OF_ACCOUNT.contains(&code)
}

/// The way to the networks.
#[derive(Clone)]
pub(crate) struct Networks {
    pub(crate) issuer: Issuer,
    pub(crate) accounts: Peer,
}

impl Networks {
    /// A client.
    pub(crate) fn client(&self) -> NetworkServiceClient<Peer> {
        NetworkServiceClient::new(self.accounts.clone()).max_decoding_message_size(ANSWER_BYTES)
    }

    /// A request of this service's own.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub(crate) fn request<T>(&self, message: T) -> Result<Request<T>, Status> {
        Ok(self.issuer.request(message, AUDIENCE, PATIENCE).map_err(|_| Error::Crypto)?)
    }
}
