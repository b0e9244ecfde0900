//! Tokens at rest: AES-256-GCM, bound to the account they are of, so that a ciphertext moved to another row does not
//! open.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    error::Unspecified,
};
use postbreeze_ids::AccountId;
use secrecy::{ExposeSecret as _, SecretString};

const NONCE_BYTES: usize = 12;

/// Encrypts and decrypts tokens.
pub(crate) struct Vault(RandomizedNonceKey);

impl Vault {
    /// A vault with a key of 32 bytes.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        RandomizedNonceKey::new(&AES_256_GCM, key).ok().map(Self)
    }

    /// The nonce, then the ciphertext with its tag.
    pub(crate) fn seal(
        &self,
        account_id: AccountId,
        token: &SecretString,
    ) -> Result<Vec<u8>, Unspecified> {
        let mut sealed = token.expose_secret().as_bytes().to_vec();
        let nonce = self.0.seal_in_place_append_tag(aad(account_id), &mut sealed)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        Ok(whole)
    }

    /// The token of a ciphertext; `None` when it was altered, or is another account's.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "publishing reads tokens, and is not served yet")
    )]
    pub(crate) fn open(&self, account_id: AccountId, whole: &[u8]) -> Option<SecretString> {
        let (nonce, sealed) = whole.split_first_chunk::<NONCE_BYTES>()?;
        let mut sealed = sealed.to_vec();
        let opened = self.0.open_in_place(nonce.into(), aad(account_id), &mut sealed).ok()?;
        String::from_utf8(opened.to_vec()).ok().map(SecretString::from)
    }
}

fn aad(account_id: AccountId) -> Aad<Vec<u8>> {
    let mut bound = b"account_tokens.access_token:".to_vec();
    bound.extend_from_slice(account_id.uuid().as_bytes());
    Aad::from(bound)
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::Id;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_token_opens_for_its_account_alone_and_unaltered() {
        let vault = Vault::new(&[7; 32]).unwrap();
        let [own, other] = [1, 2].map(|n| Id::from_uuid(Uuid::from_u128(n)));
        let sealed = vault.seal(own, &"secret".to_owned().into()).unwrap();
        assert_eq!(vault.open(own, &sealed).unwrap().expose_secret(), "secret");
        assert!(vault.open(other, &sealed).is_none());
        let mut altered = sealed.clone();
        altered[NONCE_BYTES] ^= 1;
        assert!(vault.open(own, &altered).is_none());
        assert!(vault.open(own, &[]).is_none());
        assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
        assert!(Vault::new(&[7; 31]).is_none());
    }
}
