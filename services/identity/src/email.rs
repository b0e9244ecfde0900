//! The rule for email addresses. Pure.

const CHARS: std::ops::RangeInclusive<usize> = 3..=254;

/// The form in which addresses are compared and kept: trimmed and lower-cased. `None` for what cannot be one.
pub(crate) fn normalize(email: &str) -> Option<String> {
    if email.len() > 4 * CHARS.end() {
        return None;
    }
    let email = email.trim().to_lowercase();
    let (local, domain) = email.split_once('@')?;
    let sound = CHARS.contains(&email.chars().count())
        && !local.is_empty()
        && !domain.is_empty()
        && !domain.contains('@')
        && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    sound.then_some(email)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_trimmed_and_lower_cased() {
        assert_eq!(normalize(" Ann@Example.COM\n").as_deref(), Some("ann@example.com"));
    }

    #[test]
    fn what_cannot_be_an_address_is_none() {
        for bad in
            ["", "ann", "@x", "ann@", "a@b@c", "a b@c", "a\0@b", &format!("{}@b", "a".repeat(300))]
        {
            assert_eq!(normalize(bad), None, "{bad}");
        }
    }
}
