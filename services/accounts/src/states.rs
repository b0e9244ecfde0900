//! The states of connections. Only the hash of one is kept. One that must be told again, to a request that is repeated,
//! is made anew from what the request says: nothing at rest gives it away.

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

const KEY_BYTES: usize = 32;
/// Tells this use of the configured key from every other.
const USE: &[u8] = b"postbreeze.accounts.connect_states";
/// Characters of a state.
pub(crate) const CHARS: usize = 43;

/// Makes states.
pub(crate) struct States(hmac::Key);

impl States {
    /// States under a key that is derived from the configured one.
    pub(crate) fn new(key: &[u8]) -> Result<Self, Unspecified> {
        let mut own = [0; KEY_BYTES];
        Salt::new(HKDF_SHA256, &[]).extract(key).expand(&[USE], Bytes)?.fill(&mut own)?;
        Ok(Self(hmac::Key::new(HMAC_SHA256, &own)))
    }

    /// The state of a request that can be repeated: the same for the same user, `request_id` and end.
    pub(crate) fn of_request(
        &self,
        user_id: UserId,
        request_id: &str,
        expires: DateTime<Utc>,
    ) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        // All but the last part are of fixed length: no two inputs collide.
        context.update(user_id.uuid().as_bytes());
        context.update(&expires.timestamp_micros().to_be_bytes());
        context.update(request_id.as_bytes());
        URL_SAFE_NO_PAD.encode(context.sign())
    }
}

/// The state of a request that cannot be repeated.
pub(crate) fn random() -> Result<String, Unspecified> {
    let mut bytes = [0; KEY_BYTES];
    rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
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
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_state_is_made_anew_from_user_request_and_end_under_the_same_key_alone() {
        let [ann, bob] = [1, 2].map(|n| Id::from_uuid(Uuid::from_u128(n)));
        let end = DateTime::UNIX_EPOCH;
        let states = States::new(&[7; 32]).unwrap();
        let state = states.of_request(ann, "once", end);
        assert_eq!(state.len(), CHARS);
        assert_eq!(state, States::new(&[7; 32]).unwrap().of_request(ann, "once", end));
        for other in [
            states.of_request(bob, "once", end),
            states.of_request(ann, "twice", end),
            states.of_request(ann, "once", end + TimeDelta::microseconds(1)),
            States::new(&[8; 32]).unwrap().of_request(ann, "once", end),
            random().unwrap(),
        ] {
            assert_ne!(other, state);
            assert_eq!(other.len(), CHARS);
        }
    }
}
