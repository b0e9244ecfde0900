//! The states of connections. Only the hash of one is kept. One that must be told again, to a request that is repeated,
//! is made anew from what the request says: nothing at rest gives it away. The same holds for the verifier of PKCE, which
//! is made anew from the state when the person comes back with it.

use aws_lc_rs::{
    digest,
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Salt},
    hmac::{self, HMAC_SHA256},
    rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use postbreeze_ids::UserId;
use secrecy::SecretString;

use crate::vault::{KEY_BYTES, KeyId, key_id};

/// Tells these uses of a configured key from every other.
const USE: &[u8] = b"postbreeze.accounts.connect_states";
const USE_FOR_PKCE: &[u8] = b"postbreeze.accounts.pkce";
/// Characters of a state.
pub(crate) const CHARS: usize = 43;

/// Makes states.
pub(crate) struct States {
    current: Key,
    old: Vec<Key>,
}

struct Key {
    id: KeyId,
    states: hmac::Key,
    pkce: hmac::Key,
}

impl Key {
    /// The keys that are derived from a configured one.
    fn derived(key: &[u8]) -> Result<Self, Unspecified> {
        let salted = Salt::new(HKDF_SHA256, &[]).extract(key);
        let derive = |for_use: &[u8]| {
            let mut own = [0; KEY_BYTES];
            salted.expand(&[for_use], Bytes)?.fill(&mut own)?;
            Ok::<_, Unspecified>(hmac::Key::new(HMAC_SHA256, &own))
        };
        Ok(Self { id: key_id(key), states: derive(USE)?, pkce: derive(USE_FOR_PKCE)? })
    }
}

impl States {
    /// States under keys that are derived from the configured ones.
    pub(crate) fn new(current: &[u8], old: &[Vec<u8>]) -> Result<Self, Unspecified> {
        let old = old.iter().map(|key| Key::derived(key)).collect::<Result<_, _>>()?;
        Ok(Self { current: Key::derived(current)?, old })
    }

    /// The id of the configured key that new states are made with.
    pub(crate) fn key_id(&self) -> KeyId {
        self.current.id
    }

    /// The id in a text of [`key_id_text`]; the current one in a text of before there were any.
    pub(crate) fn parse_key_id(&self, text: &str) -> Vec<u8> {
        let decoded = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        if decoded.is_empty() { self.key_id().to_vec() } else { decoded }
    }

    /// The key of an id; the current one where it is not known any more.
    fn key(&self, id: &[u8]) -> &Key {
        self.old.iter().find(|key| key.id == id).unwrap_or(&self.current)
    }

    /// The state of a request that can be repeated: the same for the same key, user, `request_id` and end.
    pub(crate) fn of_request(
        &self,
        key_id: &[u8],
        user_id: UserId,
        request_id: &str,
        expires: DateTime<Utc>,
    ) -> String {
        let mut context = hmac::Context::with_key(&self.key(key_id).states);
        // All but the last part are of fixed length: no two inputs collide.
        context.update(user_id.uuid().as_bytes());
        context.update(&expires.timestamp_micros().to_be_bytes());
        context.update(request_id.as_bytes());
        URL_SAFE_NO_PAD.encode(context.sign())
    }

    /// The verifier of PKCE that goes with a state: whoever sees the state alone cannot make it.
    pub(crate) fn verifier(&self, key_id: &[u8], state: &str) -> SecretString {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key(key_id).pkce, state.as_bytes())).into()
    }
}

/// The state of a request that cannot be repeated.
pub(crate) fn random() -> Result<String, Unspecified> {
    let mut bytes = [0; KEY_BYTES];
    rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The id of a key as text.
pub(crate) fn key_id_text(key_id: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(key_id)
}

/// The hash of a state.
pub(crate) fn hash(state: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, state.as_bytes()).as_ref().to_vec()
}

/// The length of a derived key.
struct Bytes;

impl KeyType for Bytes {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use postbreeze_ids::Id;
    use secrecy::ExposeSecret as _;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_state_is_made_anew_from_user_request_and_end_under_the_same_key_alone() {
        let [ann, bob] = [1, 2].map(|n| Id::from_uuid(Uuid::from_u128(n)));
        let end = DateTime::UNIX_EPOCH;
        let states = States::new(&[7; 32], &[]).unwrap();
        let id = states.key_id();
        let state = states.of_request(&id, ann, "once", end);
        assert_eq!(state.len(), CHARS);
        let rotated = States::new(&[8; 32], &[vec![7; 32]]).unwrap();
        assert_eq!(state, rotated.of_request(&id, ann, "once", end));
        for other in [
            states.of_request(&id, bob, "once", end),
            states.of_request(&id, ann, "twice", end),
            states.of_request(&id, ann, "once", end + TimeDelta::microseconds(1)),
            rotated.of_request(&rotated.key_id(), ann, "once", end),
            random().unwrap(),
        ] {
            assert_ne!(other, state);
            assert_eq!(other.len(), CHARS);
        }
    }

    #[test]
    fn a_verifier_belongs_to_its_state_and_key() {
        let states = States::new(&[7; 32], &[]).unwrap();
        let rotated = States::new(&[8; 32], &[vec![7; 32]]).unwrap();
        let id = states.key_id();
        let of = |states: &States, id: &[u8], state: &str| {
            states.verifier(id, state).expose_secret().to_owned()
        };
        let verifier = of(&states, &id, "state");
        assert_eq!(verifier.len(), 43);
        assert_eq!(verifier, of(&rotated, &id, "state"));
        assert_ne!(verifier, of(&states, &id, "other"));
        assert_ne!(verifier, of(&rotated, &rotated.key_id(), "state"));
    }
}
