//! Secrets that must survive a restart: what seals page tokens, what encrypts the tokens of social accounts and the secrets
//! of webhooks, what signs the URLs of media. Made at the first start that needs them, kept beside the data for the owner of the process alone.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use aws_lc_rs::rand;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;

/// The variables that are kept.
const KEPT: [&str; 4] = [
    "POSTBREEZE_PAGE_TOKEN_KEY",
    "POSTBREEZE_TOKEN_KEY",
    "POSTBREEZE_MEDIA_URL_KEY",
    "POSTBREEZE_WEBHOOK_KEY",
];

/// The kept secrets as settings; makes those that are missing.
///
/// # Errors
/// When the file cannot be read or written.
pub fn load_or_make(directory: &Path) -> io::Result<Vec<(String, SecretString)>> {
    let file = directory.join("secrets.env");
    let mut text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let kept = parse(&text);
    let missing = KEPT.into_iter().filter(|name| kept.iter().all(|(known, _)| known != name));
    let added = make(missing)?;
    if added.is_empty() {
        return Ok(kept);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&added);
    // Written beside and renamed: a start that is killed leaves no half of it.
    let unfinished = directory.join("secrets.env.new");
    let mut new =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    fs::rename(&unfinished, &file)?;
    Ok(parse(&text))
}

/// New secrets that live as long as the process.
///
/// # Errors
/// When the source of randomness fails.
pub fn ephemeral() -> io::Result<Vec<(String, SecretString)>> {
    Ok(parse(&make(KEPT)?))
}

fn make(variables: impl IntoIterator<Item = &'static str>) -> io::Result<String> {
    let mut text = String::new();
    for variable in variables {
        let mut key = [0; 32];
        rand::fill(&mut key).map_err(io::Error::other)?;
        text.extend([variable, "=", &STANDARD.encode(key), "\n"]);
    }
    Ok(text)
}

fn parse(text: &str) -> Vec<(String, SecretString)> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), SecretString::from(value.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn secrets_stay_and_what_an_earlier_release_did_not_know_is_added() {
        let name = format!("postbreeze-secrets-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("a directory can be made");
        let file = directory.join("secrets.env");
        fs::write(&file, "POSTBREEZE_TOKEN_KEY=known").expect("a file can be written");
        let first = load_or_make(&directory).expect("secrets can be made");
        let again = load_or_make(&directory).expect("secrets can be read");
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(&file).expect("the file is there").permissions(),
        );
        fs::remove_dir_all(&directory).expect("the directory can go");
        let shown = |kept: Vec<(String, SecretString)>| -> Vec<(String, String)> {
            kept.into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect()
        };
        let first = shown(first);
        assert_eq!(first, shown(again));
        assert_eq!(first.len(), KEPT.len());
        assert_eq!(first[0], ("POSTBREEZE_TOKEN_KEY".to_owned(), "known".to_owned()));
        assert!(first.iter().skip(1).all(|(_, value)| value.len() == 44));
        assert_eq!(mode & 0o777, 0o600);
    }
}
