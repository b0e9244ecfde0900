//! The form of credentials: a prefix, 26 random base62 characters and 6 of a CRC-32, so that a made-up or mistyped
//! one is refused without a look-up. Only the SHA-256 of the whole is ever stored or sent.

use aws_lc_rs::{digest, rand::SecureRandom};
use secrecy::{ExposeSecret as _, SecretString};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_CHARS: usize = 26;
const CHECKSUM_CHARS: usize = 6;
/// Characters after the prefix that lists may show.
pub const SHOWN_CHARS: usize = 8;

/// What a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// `pb_live_…`
    ApiKey,
    /// `pb_sess_…`
    Session,
}

impl CredentialKind {
    /// The prefix.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::ApiKey => "pb_live_",
            Self::Session => "pb_sess_",
        }
    }
}

/// SHA-256 of a whole credential.
pub type SecretHash = [u8; 32];

/// A new credential.
pub struct NewSecret {
    /// The whole text, to be shown once.
    pub secret: SecretString,
    /// Its hash, to be stored.
    pub hash: SecretHash,
    /// The first characters after the prefix, for lists.
    pub shown: String,
}

/// Makes a credential of a kind.
///
/// # Errors
/// When the source of randomness fails.
pub fn mint(
    kind: CredentialKind,
    random: &dyn SecureRandom,
) -> Result<NewSecret, aws_lc_rs::error::Unspecified> {
    let mut body = String::with_capacity(RANDOM_CHARS + CHECKSUM_CHARS);
    while body.len() < RANDOM_CHARS {
        let mut bytes = [0; 32];
        random.fill(&mut bytes)?;
        // 248 is the largest multiple of 62 in a byte: the rest is thrown away, so that no character is likelier.
        let unbiased = bytes.iter().filter(|byte| **byte < 248);
        body.extend(unbiased.map(|byte| char::from(BASE62[usize::from(byte % 62)])));
        body.truncate(RANDOM_CHARS);
    }
    let shown = body[..SHOWN_CHARS].to_owned();
    let prefix = kind.prefix();
    let sum = checksum(prefix, &body);
    let secret = format!("{prefix}{body}{sum}");
    Ok(NewSecret { hash: hash(&secret), secret: SecretString::from(secret), shown })
}

/// The kind and hash of a credential; `None` when its form or checksum is wrong.
#[must_use]
pub fn parse(secret: &SecretString) -> Option<(CredentialKind, SecretHash)> {
    let text = secret.expose_secret();
    let kind = [CredentialKind::ApiKey, CredentialKind::Session]
        .into_iter()
        .find(|kind| text.starts_with(kind.prefix()))?;
    let body = &text[kind.prefix().len()..];
    if body.len() != RANDOM_CHARS + CHECKSUM_CHARS || !body.bytes().all(|b| BASE62.contains(&b)) {
        return None;
    }
    let (random, sum) = body.split_at(RANDOM_CHARS);
    (checksum(kind.prefix(), random) == sum).then(|| (kind, hash(text)))
}

fn hash(text: &str) -> SecretHash {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    bytes
}

fn checksum(prefix: &str, body: &str) -> String {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(prefix.as_bytes());
    hasher.update(body.as_bytes());
    let mut rest = hasher.finalize();
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;

    use super::*;

    #[test]
    fn a_minted_credential_parses_and_one_changed_character_does_not() {
        let new = mint(CredentialKind::ApiKey, &SystemRandom::new()).unwrap();
        let text = new.secret.expose_secret().to_owned();
        assert_eq!(text.len(), "pb_live_".len() + 32);
        assert_eq!(parse(&new.secret), Some((CredentialKind::ApiKey, new.hash)));
        assert_eq!(text[8..16], new.shown);
        for at in 8..text.len() {
            let other = if text.as_bytes()[at] == b'x' { "y" } else { "x" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(parse(&changed.into()), None, "{at}");
        }
    }

    #[test]
    fn junk_is_refused() {
        for junk in ["", "pb_live_", "pb_live_é", "Bearer x", &"pb_sess_0".repeat(9_000)] {
            assert_eq!(parse(&junk.to_owned().into()), None);
        }
    }
}
