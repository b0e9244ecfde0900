//! The header by which receivers know that a delivery is ours: `t=<seconds>,v1=<hex>`, a `v1` for each live secret.

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use crate::text::hex;

/// The header's name.
pub const HEADER: &str = "postbreeze-signature";

/// The header's value: HMAC-SHA-256 of `<t>.<body>` under each secret. The time is signed too, so that what was recorded
/// cannot be sent again later.
#[must_use]
pub fn sign(secrets: &[SecretString], time: DateTime<Utc>, body: &str) -> String {
    let seconds = time.timestamp();
    let mut value = format!("t={seconds}");
    for secret in secrets {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
        value.push_str(",v1=");
        value.push_str(&hex(tag.as_ref()));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '1781524800.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_one`, and the same with `whsec_two`.
    #[test]
    fn a_signature_is_what_others_compute() {
        let time = DateTime::from_timestamp(1_781_524_800, 999_000_000).unwrap();
        let secrets = ["whsec_one", "whsec_two"].map(|text| SecretString::from(text.to_owned()));
        assert_eq!(
            sign(&secrets, time, r#"{"id":"evt_1"}"#),
            "t=1781524800,\
             v1=01edf466b122008d1d5132bc13eb9f0b84918754d2fd0afdb525d866f983161e,\
             v1=45b306ed87699d33ac4d8729f6ae8b0f321e3e5f091301472e1bc7a169dafb5a"
        );
    }
}
