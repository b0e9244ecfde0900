//! 128 bits as 26 characters of Crockford base32, lower case, as TypeIDs are written.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CHARS: usize = 26;

/// The characters of a number.
pub(crate) struct Text([u8; CHARS]);

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }
}

pub(crate) fn encode(mut number: u128) -> Text {
    let mut chars = [b'0'; CHARS];
    for place in chars.iter_mut().rev() {
        *place = ALPHABET[(number & 31) as usize];
        number >>= 5;
    }
    Text(chars)
}

/// The number of exactly 26 characters of the alphabet; `None` for anything else, also for more than 128 bits.
pub(crate) fn decode(text: &str) -> Option<u128> {
    let chars: &[u8; CHARS] = text.as_bytes().try_into().ok()?;
    if chars[0] > b'7' {
        return None;
    }
    chars.iter().try_fold(0_u128, |number, char| Some(number << 5 | u128::from(value(*char)?)))
}

fn value(char: u8) -> Option<u8> {
    Some(match char {
        b'0'..=b'9' => char - b'0',
        b'a'..=b'h' => char - b'a' + 10,
        b'j' | b'k' => char - b'j' + 18,
        b'm' | b'n' => char - b'm' + 20,
        b'p'..=b't' => char - b'p' + 22,
        b'v'..=b'z' => char - b'v' + 27,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_and_its_values_agree() {
        for (at, char) in ALPHABET.iter().enumerate() {
            assert_eq!(value(*char).map(usize::from), Some(at));
        }
        assert_eq!((0..=u8::MAX).filter(|char| value(*char).is_some()).count(), 32);
    }

    #[test]
    fn the_vectors_of_the_typeid_specification_hold() {
        for (number, text) in [
            (0, "00000000000000000000000000"),
            (1, "00000000000000000000000001"),
            (10, "0000000000000000000000000a"),
            (16, "0000000000000000000000000g"),
            (32, "00000000000000000000000010"),
            (u128::MAX, "7zzzzzzzzzzzzzzzzzzzzzzzzz"),
            (0x0110_c853_1d09_52d8_d73e_1194_e95b_5f19, "0123456789abcdefghjkmnpqrs"),
            (0x0189_0a5d_ac96_774b_bcce_b302_099a_8057, "01h455vb4pex5vsknk084sn02q"),
        ] {
            assert_eq!(encode(number).as_str(), text);
            assert_eq!(decode(text), Some(number));
        }
        assert_eq!(decode("8zzzzzzzzzzzzzzzzzzzzzzzzz"), None);
    }
}
