//! Passwords: Argon2id, a few at a time. Each costs 19 MiB and tens of milliseconds, so that without a bound signing in
//! would be the cheapest way to bring the service down. Few may wait for their turn: the rest of the service has a use for
//! the calls it can serve at once.

use std::sync::Arc;

use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher as _, PasswordVerifier as _},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::error::Error;

const AT_ONCE: usize = 2;
const WAITING: usize = 16;
/// Of no password at all: what an unknown email is compared with, so that it takes as long as a wrong password.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$cG9zdGJyZWV6ZS1ub2JvZHk$\
    ZNb1W4eqQMW9bFjQ7q0mVw1XKz0iYFJvbbXHQ1nV7dU";

/// Hashes and verifies passwords. The parameters are Argon2id with 19 MiB, two passes, one lane.
#[derive(Clone)]
pub(crate) struct Passwords {
    /// Of those who wait or work.
    places: Arc<Semaphore>,
    /// Of those who work.
    permits: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            permits: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// The PHC string of a password.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<String, Error> {
        self.work(move || {
            let hash = argon2().hash_password(password.expose_secret().as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|_| Error::Crypto)
        })
        .await
    }

    /// Whether a password is the one of a PHC string; without one it is not, and takes as long.
    pub(crate) async fn verify(
        &self,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<bool, Error> {
        self.work(move || {
            let known = hash.is_some();
            let hash = hash.as_deref().unwrap_or(NOBODYS);
            let same = argon2().verify_password(password.expose_secret().as_bytes(), hash).is_ok();
            Ok(same && known)
        })
        .await
    }

    /// Waits its turn until the call's deadline, or not at all when too many do.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Error::Overloaded)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Crypto)?;
        let done = spawn_blocking(move || {
            let result = work();
            drop((permit, place));
            result
        });
        done.await.map_err(|_| Error::Crypto)?
    }
}

fn argon2() -> Argon2<'static> {
    Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, Params::DEFAULT)
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
    use postbreeze_proto::status::{Reason, reason_of};
    use tonic::Status;

    use super::*;

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_alone() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse".to_owned().into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let verify = |text: &str, hash: Option<&str>| {
            passwords.verify(text.to_owned().into(), hash.map(str::to_owned))
        };
        assert!(verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!verify("wrong horse", Some(&hash)).await.unwrap());
        assert!(!verify("correct horse", None).await.unwrap());
    }

    #[tokio::test]
    async fn few_may_wait_and_one_more_is_refused_at_once() {
        let passwords = Passwords::new();
        let working = passwords.permits.clone().acquire_many_owned(2).await.unwrap();
        let hash = || passwords.hash("correct horse".to_owned().into());
        let mut waiting: FuturesUnordered<_> =
            (0..AT_ONCE + WAITING).map(|_| Box::pin(hash())).collect();
        assert!(waiting.next().now_or_never().is_none());
        let refusal = Status::from(hash().await.unwrap_err());
        assert_eq!(reason_of(&refusal), Some(Reason::Overloaded));
        drop(working);
        while let Some(done) = waiting.next().await {
            done.unwrap();
        }
        hash().await.unwrap();
    }

    #[test]
    fn nobodys_hash_is_well_formed_so_that_it_costs_what_a_real_one_does() {
        argon2::password_hash::phc::PasswordHash::new(NOBODYS).unwrap();
    }
}
