//! Secrets of webhooks at rest: AES-256-GCM, bound to the webhook and the number of the secret, so that a ciphertext moved
//! to another row does not open.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    error::Unspecified,
};
use postbreeze_ids::WebhookId;
use secrecy::{ExposeSecret as _, SecretString};

const NONCE_BYTES: usize = 12;

/// Encrypts and decrypts secrets.
pub(crate) struct Vault(RandomizedNonceKey);

impl Vault {
    /// A vault with a key.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(RandomizedNonceKey::new(&AES_256_GCM, key).expect("the key has the cipher's length"))
    }

    /// The nonce, then the ciphertext with its tag.
    pub(crate) fn seal(
        &self,
        webhook_id: WebhookId,
        number: i32,
        secret: &SecretString,
    ) -> Result<Vec<u8>, Unspecified> {
        let mut sealed = secret.expose_secret().as_bytes().to_vec();
        let nonce = self.0.seal_in_place_append_tag(row(webhook_id, number), &mut sealed)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        Ok(whole)
    }

    /// The secret of a ciphertext; `None` when it was altered, or is of another row.
    pub(crate) fn open(
        &self,
        webhook_id: WebhookId,
        number: i32,
        whole: &[u8],
    ) -> Option<SecretString> {
        let (nonce, sealed) = whole.split_first_chunk::<NONCE_BYTES>()?;
        let mut sealed = sealed.to_vec();
        let opened =
            self.0.open_in_place(nonce.into(), row(webhook_id, number), &mut sealed).ok()?;
        String::from_utf8(opened.to_vec()).ok().map(SecretString::from)
    }
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
        let vault = Vault::new(&[7; 32]);
        let [own, other] = [1, 2].map(|n| Id::from_uuid(Uuid::from_u128(n)));
        let sealed = vault.seal(own, 1, &"whsec_x".to_owned().into()).unwrap();
        assert_eq!(vault.open(own, 1, &sealed).unwrap().expose_secret(), "whsec_x");
        assert!(vault.open(own, 2, &sealed).is_none());
        assert!(vault.open(other, 1, &sealed).is_none());
        assert!(Vault::new(&[8; 32]).open(own, 1, &sealed).is_none());
        let mut altered = sealed.clone();
        altered[NONCE_BYTES] ^= 1;
        assert!(vault.open(own, 1, &altered).is_none());
        assert!(vault.open(own, 1, &[]).is_none());
        assert!(!sealed.windows(7).any(|bytes| bytes == b"whsec_x"));
    }
}
