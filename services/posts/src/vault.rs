//! Secrets of webhooks at rest: AES-256-GCM, bound to the webhook and the number of the secret, so that a ciphertext moved
//! to another row does not open.
//!
//! Rotation: the new key becomes the current one and the old one stays known; housekeeping seals the rest anew.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    error::Unspecified,
};
use postbreeze_ids::WebhookId;
use secrecy::{ExposeSecret as _, SecretString};

const NONCE_BYTES: usize = 12;

/// Encrypts and decrypts secrets.
pub(crate) struct Vault {
    current: RandomizedNonceKey,
    /// Keys that still open.
    old: Vec<RandomizedNonceKey>,
}

impl Vault {
    /// A vault with keys: the one that seals, and those that still open.
    pub(crate) fn new(current: &[u8; 32], old: &[[u8; 32]]) -> Self {
        let key = |key: &[u8; 32]| {
            RandomizedNonceKey::new(&AES_256_GCM, key).expect("the key has the cipher's length")
        };
        Self { current: key(current), old: old.iter().map(key).collect() }
    }

    /// The nonce, then the ciphertext with its tag.
    pub(crate) fn seal(
        &self,
        webhook_id: WebhookId,
        number: i32,
        secret: &SecretString,
    ) -> Result<Vec<u8>, Unspecified> {
        let mut sealed = secret.expose_secret().as_bytes().to_vec();
        let nonce = self.current.seal_in_place_append_tag(row(webhook_id, number), &mut sealed)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        Ok(whole)
    }

    /// The secret of a ciphertext; `None` when it was altered, is of another row, or its key is not known here. There are so
    /// few keys that each is tried: a ciphertext does not name its own.
    pub(crate) fn open(
        &self,
        webhook_id: WebhookId,
        number: i32,
        whole: &[u8],
    ) -> Option<SecretString> {
        let mut keys = [&self.current].into_iter().chain(&self.old);
        keys.find_map(|key| open(key, webhook_id, number, whole))
    }

    /// Whether there are keys that open and seal no more.
    pub(crate) fn is_rotating(&self) -> bool {
        !self.old.is_empty()
    }

    /// The same secret under the current key; `None` where it is already, or cannot be opened.
    pub(crate) fn reseal(
        &self,
        webhook_id: WebhookId,
        number: i32,
        whole: &[u8],
    ) -> Result<Option<Vec<u8>>, Unspecified> {
        if open(&self.current, webhook_id, number, whole).is_some() {
            return Ok(None);
        }
        let secret = self.open(webhook_id, number, whole);
        secret.map(|secret| self.seal(webhook_id, number, &secret)).transpose()
    }
}

fn open(
    key: &RandomizedNonceKey,
    webhook_id: WebhookId,
    number: i32,
    whole: &[u8],
) -> Option<SecretString> {
    let (nonce, sealed) = whole.split_first_chunk::<NONCE_BYTES>()?;
    let mut sealed = sealed.to_vec();
    let opened = key.open_in_place(nonce.into(), row(webhook_id, number), &mut sealed).ok()?;
    String::from_utf8(opened.to_vec()).ok().map(SecretString::from)
}

fn row(webhook_id: WebhookId, number: i32) -> Aad<Vec<u8>> {
    let mut bound = b"webhook_secrets.sealed:".to_vec();
    bound.extend_from_slice(webhook_id.uuid().as_bytes());
    bound.extend_from_slice(&number.to_be_bytes());
    Aad::from(bound)
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::Id;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_secret_opens_in_its_row_alone_and_unaltered() {
        let vault = Vault::new(&[7; 32], &[]);
        let [own, other] = [1, 2].map(|n| Id::from_uuid(Uuid::from_u128(n)));
        let sealed = vault.seal(own, 1, &"whsec_x".to_owned().into()).unwrap();
        assert_eq!(vault.open(own, 1, &sealed).unwrap().expose_secret(), "whsec_x");
        assert!(vault.open(own, 2, &sealed).is_none());
        assert!(vault.open(other, 1, &sealed).is_none());
        assert!(Vault::new(&[8; 32], &[]).open(own, 1, &sealed).is_none());
        let mut altered = sealed.clone();
        altered[NONCE_BYTES] ^= 1;
        assert!(vault.open(own, 1, &altered).is_none());
        assert!(vault.open(own, 1, &[]).is_none());
        assert!(!sealed.windows(7).any(|bytes| bytes == b"whsec_x"));
    }

    #[test]
    fn an_old_key_opens_until_what_it_sealed_is_sealed_anew() {
        let id = Id::from_uuid(Uuid::from_u128(1));
        let [before, after] = [[7; 32], [8; 32]];
        let sealed = Vault::new(&before, &[]).seal(id, 1, &"whsec_x".to_owned().into()).unwrap();
        let rotating = Vault::new(&after, &[before]);
        assert_eq!(rotating.open(id, 1, &sealed).unwrap().expose_secret(), "whsec_x");
        let anew = rotating.reseal(id, 1, &sealed).unwrap().unwrap();
        let alone = Vault::new(&after, &[]);
        assert!(alone.open(id, 1, &sealed).is_none());
        assert_eq!(alone.open(id, 1, &anew).unwrap().expose_secret(), "whsec_x");
        assert_eq!(rotating.reseal(id, 1, &anew).unwrap(), None);
        assert_eq!(alone.reseal(id, 1, &sealed).unwrap(), None);
        assert!(rotating.is_rotating() && !alone.is_rotating());
    }
}
