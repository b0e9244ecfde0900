//! SANDBOX: a network that runs inside the system. Any code is granted: it is the handle of the account.

use super::Grant;

const HANDLE_CHARS: usize = 64;

pub(super) fn authorize_url(state: &str) -> String {
    // A name that no network can have: nobody is sent anywhere.
    format!("https://sandbox.postbreeze.invalid/authorize?state={state}")
}

pub(super) fn exchange(code: &str) -> Result<Grant, &'static str> {
    let handle = code.trim_start_matches('@');
    if handle.is_empty() || handle.chars().count() > HANDLE_CHARS {
        return Err("must be a handle of 1 to 64 characters");
    }
    if handle.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("must be a handle without spaces or control characters");
    }
    Ok(Grant {
        external_id: format!("sandbox:{}", handle.to_lowercase()),
        handle: handle.to_owned(),
        display_name: handle.to_owned(),
        avatar_url: String::new(),
        scopes: vec!["publish".to_owned(), "comment".to_owned()],
        access_token: format!("sandbox-token-{handle}").into(),
    })
}
