//! Secrets that must survive a restart: what seals page tokens, what encrypts the tokens of social accounts
//! and the secrets of webhooks. Made at the first start, kept beside the data for the owner of the process alone.

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
const KEPT: [&str; 3] =
    ["POSTBREEZE_PAGE_TOKEN_KEY", "POSTBREEZE_TOKEN_KEY", "POSTBREEZE_WEBHOOK_KEY"];

/// The kept secrets as settings; makes those that there are none of.
///
/// # Errors
/// When the file cannot be read or written.
pub fn load_or_make(directory: &Path) -> io::Result<Vec<(String, SecretString)>> {
    let file = directory.join("secrets.env");
    let mut text = match fs::read_to_string(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    let kept = parse(&text);
    let is_kept = |variable: &&str| kept.iter().any(|(name, _)| name == variable);
    let missing: Vec<&str> = KEPT.into_iter().filter(|variable| !is_kept(variable)).collect();
    if missing.is_empty() {
        return Ok(kept);
    }
    text.push_str(&make(&missing)?);
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
    Ok(parse(&make(&KEPT)?))
}

fn make(variables: &[&str]) -> io::Result<String> {
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
