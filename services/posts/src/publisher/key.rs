//! Names of sendings: the same target with the same content has the same name, on the network too.

use aws_lc_rs::digest::{Context, SHA256};
use postbreeze_ids::TargetId;

use crate::text::hex;

/// Bytes of a digest that a name carries: enough to tell the contents of one target apart.
const BYTES: usize = 8;

/// The name of a target with its content.
pub(super) fn of_post(target_id: TargetId, parts: &[&[u8]]) -> String {
    let mut digest = Context::new(&SHA256);
    for part in parts {
        // The length keeps neighbours from running into each other.
        digest.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    format!("{}-{}", name(target_id), hex(&digest.finish().as_ref()[..BYTES]))
}

/// The name of a target's first comment, which never changes once the target is out.
pub(super) fn of_comment(target_id: TargetId) -> String {
    format!("{}-first-comment", name(target_id))
}

fn name(target_id: TargetId) -> String {
    target_id.to_string().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::Id;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_name_says_the_target_and_the_content_and_stays_the_same() {
        let (one, two): (TargetId, TargetId) =
            (Id::from_uuid(Uuid::from_u128(1)), Id::from_uuid(Uuid::from_u128(2)));
        let key = of_post(one, &[b"text", b"options"]);
        assert_eq!(key, of_post(one, &[b"text", b"options"]));
        for other in [
            of_post(one, &[b"texto", b"ptions"]),
            of_post(one, &[b"text", b""]),
            of_post(two, &[b"text", b"options"]),
            of_comment(one),
        ] {
            assert_ne!(key, other);
        }
        for key in [key, of_comment(one)] {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
            assert!(key.len() <= 64 && key.chars().all(allowed), "{key}");
        }
    }
}
