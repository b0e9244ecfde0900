//! Connecting: any code is granted.

use crate::networks::{Grant, Tokens};

const CODE_CHARS: usize = 64;

pub(super) fn authorize_url(state: &str) -> String {
    // A name that no network can have: nobody is sent anywhere.
    format!("https://sandbox.postbreeze.invalid/authorize?state={state}")
}

/// The account of a code; what is wrong with it, for people.
pub(crate) fn exchange(code: &str) -> Result<Grant, &'static str> {
    // Addressed without "@", unless there is nothing else.
    let handle = match code.trim_start_matches('@') {
        "" => code,
        handle => handle,
    };
    if code.is_empty() || code.chars().count() > CODE_CHARS || code.contains('\0') {
        return Err("must be a handle of 1 to 64 characters, none of them NUL");
    }
    Ok(Grant {
        external_id: format!("sandbox:{}", handle.to_lowercase()),
        handle: handle.to_owned(),
        display_name: handle.to_owned(),
        avatar_url: String::new(),
        scopes: vec!["publish".to_owned(), "comment".to_owned()],
        server_url: String::new(),
        tokens: Tokens {
            access_token: format!("sandbox-token-{handle}").into(),
            refresh_token: None,
            expire_time: None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_code_is_granted_and_the_same_one_names_the_same_account() {
        for code in ["a", "@acme", "@", "@@", "a b@c ", "日本語 🦀", "\n", &"x".repeat(64)] {
            let grants = [exchange(code).unwrap(), exchange(code).unwrap()];
            assert!(!grants[0].handle.is_empty(), "{code}");
            assert_eq!(grants[0].external_id, grants[1].external_id, "{code}");
        }
        assert_eq!(exchange("@acme").unwrap().handle, "acme");
        for code in ["", "a\0", &"x".repeat(65)] {
            assert!(exchange(code).is_err(), "{code}");
        }
    }
}
