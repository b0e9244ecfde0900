//! The name of a record, made of the key of its sending: a TID by its syntax, as the collection wants it, but not a time.
//! Pure.

use aws_lc_rs::digest;

const ALPHABET: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";
const CHARS: usize = 13;
/// Tells this use of a hash from every other.
const USE: &[u8] = b"postbreeze.bluesky.rkey:";

/// The name: 63 bits of the key's hash. The first bit of a TID is 0.
pub(super) fn of(key: &str) -> String {
    let hash = digest::digest(&digest::SHA256, &[USE, key.as_bytes()].concat());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_ref()[..8]);
    let number = u64::from_be_bytes(bytes) >> 1;
    let digit = |at: usize| {
        let shift = 5 * (CHARS - 1 - at);
        char::from(ALPHABET[((number >> shift) & 31) as usize])
    };
    (0..CHARS).map(digit).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_key_has_one_name_that_is_a_tid_and_no_other_keys() {
        let names: HashSet<_> = (0..1_000).map(|n| of(&format!("key-{n}"))).collect();
        assert_eq!(names.len(), 1_000);
        for name in &names {
            assert_eq!(name.len(), 13);
            assert!(b"234567abcdefghij".contains(&name.as_bytes()[0]), "{name}");
            assert!(name.bytes().all(|byte| ALPHABET.contains(&byte)), "{name}");
        }
        assert_eq!(of("key-1"), of("key-1"));
    }
}
