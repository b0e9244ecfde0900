//! What becomes of a call to a network. Pure.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

/// Characters of what a network says that are told on.
const MESSAGE_CHARS: usize = 500;
/// A network that asks for more is asked again after this.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// What a network says that has the same already.
pub(crate) const DUPLICATE: &str = "duplicate";

/// The network has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sent {
    /// The network's id of it.
    pub(crate) external_id: String,
    /// Where it can be seen; empty: nowhere.
    pub(crate) external_url: String,
}

/// What became of a sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The network has it.
    Sent(Sent),
    /// The network does not have it.
    Failed(Failure),
    /// It is not known whether the network has it.
    Unknown {
        /// A short stable name.
        code: String,
        /// What happened.
        message: String,
    },
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenTrouble {
    /// It is not valid, or not any more: a refresh may help.
    Expired,
    /// The grant was taken back: only the person can help.
    Revoked,
}

/// The network does not have it, or could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Whether the same call can succeed later.
    pub(crate) transient: bool,
    /// A short stable name, as `rate_limited`.
    pub(crate) code: String,
    /// What happened, for people.
    pub(crate) message: String,
    /// How long the network asks to wait.
    pub(crate) retry_after: Option<Duration>,
    /// What it says of the token.
    pub(crate) token: Option<TokenTrouble>,
}

impl Failure {
    fn new(transient: bool, code: &str, message: &str) -> Self {
        let (code, message) = (code_name(code), clean(message));
        Self { transient, code, message, retry_after: None, token: None }
    }

    /// One that goes away.
    pub(crate) fn transient(code: &str, message: &str) -> Self {
        Self::new(true, code, message)
    }

    /// One that stays until something is changed.
    pub(crate) fn permanent(code: &str, message: &str) -> Self {
        Self::new(false, code, message)
    }

    /// The network refuses the token.
    pub(crate) fn of_token(trouble: TokenTrouble, message: &str) -> Self {
        let code = match trouble {
            TokenTrouble::Expired => "token_expired",
            TokenTrouble::Revoked => "token_revoked",
        };
        Self { token: Some(trouble), ..Self::permanent(code, message) }
    }

    /// The same, with how long the network asks to wait.
    pub(crate) fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait.map(|wait| wait.min(LONGEST_WAIT));
        self
    }

    /// The same without these secrets: some networks repeat what they were sent.
    pub(crate) fn without(mut self, secrets: &[&SecretString]) -> Self {
        self.message = redacted(&self.message, secrets);
        self
    }
}

/// A message without these secrets.
pub(crate) fn redacted(message: &str, secrets: &[&SecretString]) -> String {
    let secrets = secrets.iter().map(|secret| secret.expose_secret()).filter(|s| s.len() >= 8);
    secrets.fold(message.to_owned(), |message, secret| message.replace(secret, "[secret]"))
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// The network has it.
    There(Sent),
    /// It certainly does not, and what was sent before cannot arrive any more.
    NotThere,
    /// It cannot be told.
    Undecided {
        /// Whether looking again later can tell.
        look_again: bool,
        /// Why.
        message: String,
        /// How long to wait.
        retry_after: Option<Duration>,
    },
}

impl Found {
    /// It cannot be told yet.
    pub(crate) fn not_yet(message: &str, retry_after: Option<Duration>) -> Self {
        Self::Undecided { look_again: true, message: clean(message), retry_after }
    }
}

/// What a network says, fit to be told on: one line without control characters, of a bounded length.
pub(crate) fn clean(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let words: String = printable.take(MESSAGE_CHARS * 4).collect();
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(MESSAGE_CHARS).collect()
}

/// A code of ours for what a network calls an error: lower case with underscores, at most 64 characters.
pub(crate) fn code_name(text: &str) -> String {
    let mut code = String::new();
    let mut lower_before = false;
    for char in text.chars().take(64) {
        if char.is_ascii_uppercase() && lower_before {
            code.push('_');
        }
        lower_before = char.is_ascii_lowercase() || char.is_ascii_digit();
        let own = char.to_ascii_lowercase();
        if own.is_ascii_alphanumeric() {
            code.push(own);
        } else if !code.ends_with('_') && !code.is_empty() {
            code.push('_');
        }
    }
    code.truncate(64);
    match code.trim_end_matches('_') {
        "" => "refused".to_owned(),
        code => code.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_network_says_is_one_bounded_line_without_secrets() {
        assert_eq!(clean(" a\r\n\tb\u{0}c  d "), "a b c d");
        assert_eq!(clean(&"ü".repeat(9_000)).chars().count(), 500);
        let token = SecretString::from("EAAB-secret-token".to_owned());
        let failure = Failure::permanent("x", "Malformed access token EAAB-secret-token.");
        assert_eq!(failure.without(&[&token]).message, "Malformed access token [secret].");
    }

    #[test]
    fn codes_are_lower_case_with_underscores() {
        for (text, code) in [
            ("InvalidToken", "invalid_token"),
            ("RateLimitExceeded", "rate_limit_exceeded"),
            ("invalid_grant", "invalid_grant"),
            ("Validation failed: Text", "validation_failed_text"),
            ("HTTP 502", "http_502"),
            ("日本", "refused"),
            ("", "refused"),
        ] {
            assert_eq!(code_name(text), code);
        }
        assert!(code_name(&"aB".repeat(100)).len() <= 64);
    }
}
