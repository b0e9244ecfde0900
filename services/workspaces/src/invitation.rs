//! Invitations: their tokens, their end, the form of an address.

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_proto::v1::InvitationStatus;

/// How long an invitation can be accepted.
pub(crate) const LIFE: TimeDelta = TimeDelta::days(7);
/// Characters of an address.
pub(crate) const EMAIL_CHARS: std::ops::RangeInclusive<usize> = 3..=254;

const PREFIX: &str = "pb_inv_";
/// Random bytes of a token.
pub(crate) const RANDOM_BYTES: usize = 32;
/// Characters of them.
const RANDOM_CHARS: usize = 43;

/// SHA-256 of a token.
pub(crate) type TokenHash = [u8; 32];

/// Where a stored invitation stands. That one has expired is not stored: it follows from the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Nothing has happened to it.
    Pending,
    /// It was accepted.
    Accepted,
    /// It was taken back or replaced, or its workspace deleted.
    Revoked,
}

impl Status {
    /// The status of its name in the database.
    #[must_use]
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "pending" => Self::Pending,
            "accepted" => Self::Accepted,
            "revoked" => Self::Revoked,
            _ => return None,
        })
    }

    /// Where the invitation stands at a time.
    #[must_use]
    pub(crate) fn at(self, now: DateTime<Utc>, expire_time: DateTime<Utc>) -> InvitationStatus {
        match self {
            Self::Pending if now >= expire_time => InvitationStatus::Expired,
            Self::Pending => InvitationStatus::Pending,
            Self::Accepted => InvitationStatus::Accepted,
            Self::Revoked => InvitationStatus::Revoked,
        }
    }
}

/// The token of random bytes.
#[must_use]
pub(crate) fn token(random: &[u8; RANDOM_BYTES]) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random))
}

/// The hash of a token; `None` when the text cannot be one.
#[must_use]
pub(crate) fn hash(token: &str) -> Option<TokenHash> {
    let random = token.strip_prefix(PREFIX)?;
    let sound = random.len() == RANDOM_CHARS
        && random.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    sound.then(|| {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        hash
    })
}

/// An address as it is compared: trimmed and lower-cased.
#[must_use]
pub(crate) fn normal_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Whether a normal text looks like an address: something, an `@`, something, and no space. Mail decides the rest.
#[must_use]
pub(crate) fn is_email(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !local.contains('@') && !domain.is_empty()
    }) && !text.chars().any(|char| char.is_whitespace() || char.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_a_hash_and_junk_has_none() {
        let token = token(&[7; RANDOM_BYTES]);
        assert!(hash(&token).is_some());
        assert_ne!(hash(&token), hash(&super::token(&[8; RANDOM_BYTES])));
        for junk in ["", "pb_inv_", &token[1..], &token[..token.len() - 1], "pb_inv_é", "pb_sess_x"]
        {
            assert_eq!(hash(junk), None, "{junk}");
        }
        assert_eq!(hash(&format!("{token}A")), None);
    }

    #[test]
    fn only_a_pending_invitation_expires() {
        let end = DateTime::UNIX_EPOCH + LIFE;
        let just_before = end - TimeDelta::microseconds(1);
        assert_eq!(Status::Pending.at(just_before, end), InvitationStatus::Pending);
        assert_eq!(Status::Pending.at(end, end), InvitationStatus::Expired);
        assert_eq!(Status::Accepted.at(end, end), InvitationStatus::Accepted);
        assert_eq!(Status::Revoked.at(end, end), InvitationStatus::Revoked);
    }

    #[test]
    fn addresses_have_one_at_sign_and_no_space() {
        assert_eq!(normal_email("  Ann@Example.COM "), "ann@example.com");
        for email in ["a@b", "ann+x@example.com", "ünï@exämple.de"] {
            assert!(is_email(email), "{email}");
        }
        for other in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n"] {
            assert!(!is_email(other), "{other}");
        }
    }
}
