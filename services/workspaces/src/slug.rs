//! The unique name of a workspace: 1 to 63 lower-case letters, digits and dashes.

const MOST_CHARS: usize = 63;
/// The slug of a name without a usable letter.
const NAMELESS: &str = "workspace";

/// Whether a text is a slug.
#[must_use]
pub(crate) fn is_slug(text: &str) -> bool {
    (1..=MOST_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The slugs to try for a name, one after the other: the plain one, two that people like, then with more and more of
/// `unique`, which nothing else shares.
#[must_use]
pub(crate) fn candidates(name: &str, unique: &str) -> Vec<String> {
    let plain = plain(name);
    let mut all = vec![plain.clone()];
    all.extend(["2", "3"].map(|suffix| suffixed(&plain, suffix)));
    all.extend(
        [6, 12].map(|chars| suffixed(&plain, &unique[unique.len().saturating_sub(chars)..])),
    );
    all
}

fn plain(name: &str) -> String {
    let mut slug = String::new();
    for char in name.chars().flat_map(char::to_lowercase) {
        match folded(char) {
            Some(letters) => slug.push_str(letters),
            None if char.is_ascii_alphanumeric() => slug.push(char),
            // An apostrophe belongs to its word: "Joe's" is "joes".
            None if matches!(char, '\'' | '’') => {}
            None if slug.ends_with('-') || slug.is_empty() => {}
            None => slug.push('-'),
        }
    }
    let slug = cut(&slug, MOST_CHARS);
    if slug.is_empty() { NAMELESS.to_owned() } else { slug.to_owned() }
}

fn suffixed(plain: &str, suffix: &str) -> String {
    let room = MOST_CHARS.saturating_sub(suffix.len() + 1);
    format!("{}-{suffix}", cut(plain, room))
}

/// At most so many characters, without dashes at the end. Slugs are ASCII.
fn cut(slug: &str, most: usize) -> &str {
    slug[..slug.len().min(most)].trim_end_matches('-')
}

/// Letters of the larger European languages without their marks.
fn folded(char: char) -> Option<&'static str> {
    Some(match char {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' | 'ģ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => "i",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ő' => "o",
        'ö' | 'œ' => "oe",
        'ŕ' | 'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ß' => "ss",
        'ť' | 'ţ' | 'ț' => "t",
        'ù' | 'ú' | 'û' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'ü' => "ue",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "wsp_01h455vb4pex5vsknk084sn02q";

    #[test]
    fn a_name_becomes_its_plain_slug() {
        for (name, slug) in [
            ("Acme", "acme"),
            ("  Acme & Sons, Inc. ", "acme-sons-inc"),
            ("Joe's Café", "joes-cafe"),
            ("ÄRZTE Straße", "aerzte-strasse"),
            ("2024!!", "2024"),
            ("東京", "workspace"),
            ("---", "workspace"),
        ] {
            assert_eq!(candidates(name, ID)[0], slug, "{name}");
        }
    }

    #[test]
    fn every_candidate_is_a_slug_of_its_own() {
        for name in ["Acme", "東京", &"ß".repeat(80), &"a-".repeat(40), "-a-"] {
            let all = candidates(name, ID);
            for (at, slug) in all.iter().enumerate() {
                assert!(is_slug(slug), "{slug}");
                assert!(!all[..at].contains(slug), "{slug}");
            }
        }
    }

    #[test]
    fn slugs_are_lower_case_letters_digits_and_dashes() {
        for slug in ["a", "-", "a-1", &"z".repeat(63)] {
            assert!(is_slug(slug), "{slug}");
        }
        for other in ["", "A", "a_b", "a b", "é", &"z".repeat(64)] {
            assert!(!is_slug(other), "{other}");
        }
    }
}
