//! Tokens at rest: envelope encryption with AES-256-GCM. The tokens of a row are sealed with a data key of that row, which is
//! wrapped by a configured key. Each ciphertext is bound to its column, its row and the id of the key it was made with: moved
//! elsewhere, it does not open.
//!
//! Rotation: the new key becomes the current one and the old one stays known. What is written is wrapped by the current key,
//! what is read by the key whose id the row names, and housekeeping wraps the rest anew.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    digest,
    error::Unspecified,
    rand,
};
use postbreeze_ids::AccountId;
use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroizing};

pub(crate) const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 12;

/// Names a key without telling it: the first bytes of its SHA-256.
pub(crate) type KeyId = [u8; KEY_ID_BYTES];

/// The name of a key.
pub(crate) fn key_id(key: &[u8]) -> KeyId {
    let hash = digest::digest(&digest::SHA256, key);
    let mut id = [0; KEY_ID_BYTES];
    id.copy_from_slice(&hash.as_ref()[..KEY_ID_BYTES]);
    id
}

/// Encrypts and decrypts tokens.
pub(crate) struct Vault {
    current: Key,
    old: Vec<Key>,
}

/// What is kept of an account's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// The access token: nonce, then ciphertext and tag, as all of these.
    pub(crate) access_token: Vec<u8>,
    /// The refresh token.
    pub(crate) refresh_token: Option<Vec<u8>>,
    /// The data key, wrapped; none where the configured key itself sealed the access token.
    pub(crate) data_key: Option<Vec<u8>>,
    /// The id of the configured key; none where there is no data key.
    pub(crate) key_id: Option<Vec<u8>>,
}

/// An account's tokens in plain text.
pub(crate) struct Opened {
    /// The access token.
    pub(crate) access_token: SecretString,
    /// The refresh token.
    pub(crate) refresh_token: Option<SecretString>,
}

impl Vault {
    /// A vault with keys of 32 bytes: the one that wraps, and those that still open.
    pub(crate) fn new(current: &[u8], old: &[Vec<u8>]) -> Option<Self> {
        let old = old.iter().map(|key| Key::new(key)).collect::<Option<_>>()?;
        Some(Self { current: Key::new(current)?, old })
    }

    /// Seals an account's tokens with a new data key.
    pub(crate) fn seal(
        &self,
        account_id: AccountId,
        access_token: &SecretString,
        refresh_token: Option<&SecretString>,
    ) -> Result<Sealed, Unspecified> {
        let mut plain = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(plain.as_mut())?;
        let data_key = Key::new(plain.as_ref()).ok_or(Unspecified)?;
        let token = |column, token: &SecretString| {
            data_key.seal(&place(column, account_id), token.expose_secret().as_bytes())
        };
        Ok(Sealed {
            access_token: token("access_token", access_token)?,
            refresh_token: refresh_token.map(|given| token("refresh_token", given)).transpose()?,
            data_key: Some(self.current.seal(&place("data_key", account_id), plain.as_ref())?),
            key_id: Some(self.current.id.to_vec()),
        })
    }

    /// The tokens of an account; `None` when they were altered, are another account's, or their key is not known here.
    pub(crate) fn open(&self, account_id: AccountId, sealed: &Sealed) -> Option<Opened> {
        // A process of before data keys may have written its token beside a data key that stayed.
        self.open_enveloped(account_id, sealed).or_else(|| {
            let place = before_data_keys(account_id);
            let opened = self.keys().find_map(|key| key.open_bound(&place, &sealed.access_token));
            Some(Opened { access_token: text(&opened?)?, refresh_token: None })
        })
    }

    fn open_enveloped(&self, account_id: AccountId, sealed: &Sealed) -> Option<Opened> {
        let data_key = Key::new(&self.unwrap(account_id, sealed)?)?;
        let token = |column, bytes: &[u8]| text(&data_key.open(&place(column, account_id), bytes)?);
        Some(Opened {
            access_token: token("access_token", &sealed.access_token)?,
            refresh_token: match &sealed.refresh_token {
                Some(bytes) => Some(token("refresh_token", bytes)?),
                None => None,
            },
        })
    }

    fn unwrap(&self, account_id: AccountId, sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.key(sealed.key_id.as_deref()?)?;
        key.open(&place("data_key", account_id), sealed.data_key.as_deref()?)
    }

    /// The same tokens under the current key; `None` when they cannot be opened.
    pub(crate) fn rewrap(
        &self,
        account_id: AccountId,
        sealed: &Sealed,
    ) -> Result<Option<Sealed>, Unspecified> {
        if self.open_enveloped(account_id, sealed).is_some()
            && let Some(plain) = self.unwrap(account_id, sealed)
        {
            let wrapped = self.current.seal(&place("data_key", account_id), &plain)?;
            let key_id = Some(self.current.id.to_vec());
            return Ok(Some(Sealed { data_key: Some(wrapped), key_id, ..sealed.clone() }));
        }
        let Some(opened) = self.open(account_id, sealed) else { return Ok(None) };
        self.seal(account_id, &opened.access_token, opened.refresh_token.as_ref()).map(Some)
    }

    /// Seals a secret of the configuration's own that belongs to no account: begins with the id of its key.
    pub(crate) fn seal_at(
        &self,
        place: &str,
        secret: &SecretString,
    ) -> Result<Vec<u8>, Unspecified> {
        let sealed = self.current.seal(place.as_bytes(), secret.expose_secret().as_bytes())?;
        Ok([self.current.id.as_slice(), &sealed].concat())
    }

    /// Opens what [`Vault::seal_at`] made for the same place.
    pub(crate) fn open_at(&self, place: &str, whole: &[u8]) -> Option<SecretString> {
        let (id, sealed) = whole.split_first_chunk::<KEY_ID_BYTES>()?;
        text(&self.key(id)?.open(place.as_bytes(), sealed)?)
    }

    /// The same secret under the current key; `None` where it is already, or cannot be opened.
    pub(crate) fn reseal_at(
        &self,
        place: &str,
        whole: &[u8],
    ) -> Result<Option<Vec<u8>>, Unspecified> {
        if whole.starts_with(&self.current.id) {
            return Ok(None);
        }
        self.open_at(place, whole).map(|secret| self.seal_at(place, &secret)).transpose()
    }

    /// The ids of the keys that wrap no more.
    pub(crate) fn old_ids(&self) -> Vec<Vec<u8>> {
        self.old.iter().map(|key| key.id.to_vec()).collect()
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        [&self.current].into_iter().chain(&self.old)
    }

    fn key(&self, id: &[u8]) -> Option<&Key> {
        self.keys().find(|key| key.id == id)
    }
}

struct Key {
    id: KeyId,
    key: RandomizedNonceKey,
}

impl Key {
    fn new(key: &[u8]) -> Option<Self> {
        let id = key_id(key);
        RandomizedNonceKey::new(&AES_256_GCM, key).ok().map(|key| Self { id, key })
    }

    /// The nonce, then the ciphertext with its tag.
    fn seal(&self, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut sealed = plain.to_vec();
        let nonce = self.key.seal_in_place_append_tag(self.bound(place), &mut sealed)?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        Ok(whole)
    }

    fn open(&self, place: &[u8], whole: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.open_bound(self.bound(place).as_ref(), whole)
    }

    fn open_bound(&self, bound: &[u8], whole: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = whole.split_first_chunk::<NONCE_BYTES>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let opened = self.key.open_in_place(nonce.into(), Aad::from(bound), &mut sealed).ok()?;
        Some(Zeroizing::new(opened.to_vec()))
    }

    /// What a ciphertext is bound to: its place, and this key.
    fn bound(&self, place: &[u8]) -> Aad<Vec<u8>> {
        Aad::from([place, b":", &self.id].concat())
    }
}

fn place(column: &str, account_id: AccountId) -> Vec<u8> {
    [b"account_tokens.", column.as_bytes(), b":", account_id.uuid().as_bytes()].concat()
}

/// What a token was bound to when the configured key itself sealed it.
fn before_data_keys(account_id: AccountId) -> Vec<u8> {
    place("access_token", account_id)
}

fn text(bytes: &Zeroizing<Vec<u8>>) -> Option<SecretString> {
    str::from_utf8(bytes).ok().map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::Id;
    use uuid::Uuid;

    use super::*;

    const KEYS: [[u8; KEY_BYTES]; 2] = [[7; KEY_BYTES], [8; KEY_BYTES]];

    fn accounts() -> [AccountId; 2] {
        [1, 2].map(|n| Id::from_uuid(Uuid::from_u128(n)))
    }

    fn vault(current: usize, old: &[usize]) -> Vault {
        let old: Vec<_> = old.iter().map(|at| KEYS[*at].to_vec()).collect();
        Vault::new(&KEYS[current], &old).unwrap()
    }

    fn seal(vault: &Vault, account_id: AccountId) -> Sealed {
        let [access, refresh] = ["access secret", "refresh secret"].map(|t| t.to_owned().into());
        vault.seal(account_id, &access, Some(&refresh)).unwrap()
    }

    fn opens(vault: &Vault, account_id: AccountId, sealed: &Sealed) -> bool {
        let Some(opened) = vault.open(account_id, sealed) else { return false };
        assert_eq!(opened.access_token.expose_secret(), "access secret");
        assert_eq!(opened.refresh_token.unwrap().expose_secret(), "refresh secret");
        true
    }

    #[test]
    fn tokens_open_for_their_account_and_column_alone_and_unaltered() {
        let ([own, other], vault) = (accounts(), vault(0, &[]));
        let sealed = seal(&vault, own);
        assert!(opens(&vault, own, &sealed) && !opens(&vault, other, &sealed));
        let swapped = Sealed {
            access_token: sealed.refresh_token.clone().unwrap(),
            refresh_token: Some(sealed.access_token.clone()),
            ..sealed.clone()
        };
        assert!(vault.open(own, &swapped).is_none());
        let another = seal(&vault, own);
        assert_ne!(another.data_key, sealed.data_key);
        let mixed = Sealed { data_key: another.data_key, ..sealed.clone() };
        assert!(vault.open(own, &mixed).is_none());
        for column in 0..3 {
            let mut altered = sealed.clone();
            let bytes = match column {
                0 => &mut altered.access_token,
                1 => altered.refresh_token.as_mut().unwrap(),
                _ => altered.data_key.as_mut().unwrap(),
            };
            bytes[NONCE_BYTES] ^= 1;
            assert!(vault.open(own, &altered).is_none(), "{column}");
        }
        let bytes = [sealed.access_token, sealed.refresh_token.unwrap()].concat();
        assert!(!bytes.windows(6).any(|bytes| bytes == b"secret"));
        assert!(Vault::new(&[7; 31], &[]).is_none());
        assert!(Vault::new(&KEYS[0], &[vec![7; 31]]).is_none());
    }

    #[test]
    fn an_old_key_opens_until_its_rows_are_wrapped_anew_and_never_wraps() {
        let [own, _] = accounts();
        let sealed = seal(&vault(0, &[]), own);
        let rotating = vault(1, &[0]);
        assert!(opens(&rotating, own, &sealed) && !opens(&vault(1, &[]), own, &sealed));
        let rewrapped = rotating.rewrap(own, &sealed).unwrap().unwrap();
        assert_eq!(rewrapped.access_token, sealed.access_token);
        assert!(opens(&vault(1, &[]), own, &rewrapped) && !opens(&vault(0, &[]), own, &rewrapped));
        assert!(opens(&vault(1, &[]), own, &seal(&rotating, own)));
        assert_eq!(vault(1, &[]).rewrap(own, &sealed).unwrap(), None);
        assert_eq!(rotating.old_ids(), [key_id(&KEYS[0]).to_vec()]);
    }

    #[test]
    fn what_the_configured_key_sealed_itself_still_opens_and_is_converted() {
        let [own, other] = accounts();
        let key = RandomizedNonceKey::new(&AES_256_GCM, &KEYS[0]).unwrap();
        let mut token = b"access secret".to_vec();
        let bound = Aad::from(before_data_keys(own));
        let nonce = key.seal_in_place_append_tag(bound, &mut token).unwrap();
        let access_token = [nonce.as_ref().as_slice(), &token].concat();
        let before = Sealed { access_token, refresh_token: None, data_key: None, key_id: None };
        for vault in [vault(0, &[]), vault(1, &[0])] {
            assert!(vault.open(own, &before).is_some() && vault.open(other, &before).is_none());
            let converted = vault.rewrap(own, &before).unwrap().unwrap();
            assert!(converted.data_key.is_some());
            let opened = vault.open(own, &converted).unwrap();
            assert_eq!(opened.access_token.expose_secret(), "access secret");
            // Written by a process that knows no data keys, over a row that had one.
            let stale = Sealed { access_token: before.access_token.clone(), ..converted };
            assert!(vault.open(own, &stale).is_some());
        }
        assert!(vault(1, &[]).open(own, &before).is_none());
    }

    #[test]
    fn a_secret_of_a_place_opens_there_alone() {
        let secret = SecretString::from("client secret".to_owned());
        let sealed = vault(0, &[]).seal_at("a", &secret).unwrap();
        assert!(vault(1, &[0]).open_at("a", &sealed).is_some());
        assert!(vault(0, &[]).open_at("b", &sealed).is_none());
        assert!(vault(1, &[]).open_at("a", &sealed).is_none());
        assert!(vault(0, &[]).open_at("a", &[1, 2]).is_none());
        let anew = vault(1, &[0]).reseal_at("a", &sealed).unwrap().unwrap();
        assert!(vault(1, &[]).open_at("a", &anew).is_some());
        assert_eq!(vault(1, &[0]).reseal_at("a", &anew).unwrap(), None);
        assert_eq!(vault(1, &[]).reseal_at("a", &sealed).unwrap(), None);
    }
}
