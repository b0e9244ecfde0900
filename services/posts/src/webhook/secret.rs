//! The secrets that sign deliveries: `whsec_` and 32 random base62 characters.

use aws_lc_rs::{error::Unspecified, rand::SecureRandom};
use secrecy::SecretString;

const PREFIX: &str = "whsec_";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// More than 190 bits.
const CHARS: usize = 32;
const SHOWN_CHARS: usize = 8;

/// A new secret.
pub struct NewSecret {
    /// The whole of it, to be shown once and to be kept sealed.
    pub secret: SecretString,
    /// The first characters after the prefix, to tell secrets apart.
    pub shown: String,
}

/// Makes a secret.
///
/// # Errors
/// When the source of randomness fails.
pub fn generate(random: &dyn SecureRandom) -> Result<NewSecret, Unspecified> {
    let mut body = String::with_capacity(CHARS);
    while body.len() < CHARS {
        let mut bytes = [0; 48];
        random.fill(&mut bytes)?;
        // What is left of a byte beyond four times 62 is thrown away, so that no character is likelier.
        let unbiased = bytes.iter().filter(|byte| **byte < 248);
        body.extend(unbiased.map(|byte| char::from(BASE62[usize::from(byte % 62)])));
    }
    body.truncate(CHARS);
    let shown = body[..SHOWN_CHARS].to_owned();
    Ok(NewSecret { secret: SecretString::from(format!("{PREFIX}{body}")), shown })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn secrets_have_their_form_and_differ() {
        let [one, other] = [(); 2].map(|()| generate(&SystemRandom::new()).unwrap());
        for new in [&one, &other] {
            let text = new.secret.expose_secret();
            assert_eq!(text.len(), PREFIX.len() + CHARS);
            assert!(text[PREFIX.len()..].bytes().all(|byte| BASE62.contains(&byte)));
            assert_eq!(text[PREFIX.len()..][..8], new.shown);
        }
        assert_ne!(one.secret.expose_secret(), other.secret.expose_secret());
    }
}
