//! The states of connections: random, of which only the hash is kept.

use aws_lc_rs::{digest, rand};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::error::Error;

const RANDOM_BYTES: usize = 32;
/// Characters of a state.
pub(super) const CHARS: usize = 43;

/// A new state, and its hash.
pub(super) fn mint() -> Result<(String, Vec<u8>), Error> {
    let mut bytes = [0; RANDOM_BYTES];
    rand::fill(&mut bytes)?;
    let state = URL_SAFE_NO_PAD.encode(bytes);
    let hash = hash(&state);
    Ok((state, hash))
}

/// The hash of a state.
pub(super) fn hash(state: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, state.as_bytes()).as_ref().to_vec()
}
