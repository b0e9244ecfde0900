//! Names of objects.

use std::fmt;

use postbreeze_ids::{MediaId, WorkspaceId};

const THUMBNAIL: &str = ".thumbnail";

/// Names one object. Made of ids alone, so that it is safe in a path and in a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// The bytes of a medium.
    #[must_use]
    pub fn of_medium(workspace: WorkspaceId, medium: MediaId) -> Self {
        Self(format!("{workspace}/{medium}"))
    }

    /// The small picture of a medium.
    #[must_use]
    pub fn of_thumbnail(workspace: WorkspaceId, medium: MediaId) -> Self {
        Self(format!("{workspace}/{medium}{THUMBNAIL}"))
    }

    /// The key of this text, if it is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (workspace, medium) = text.split_once('/')?;
        let medium = medium.strip_suffix(THUMBNAIL).unwrap_or(medium);
        workspace.parse::<WorkspaceId>().ok()?;
        medium.parse::<MediaId>().ok()?;
        Some(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key for tests.
#[cfg(test)]
pub(super) fn test_key() -> Key {
    let text = "wsp_01h455vb4pex5vsknk084sn02q/med_01h455vb4pex5vsknk084sn02q";
    Key::parse(text).expect("it is one")
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::{Bucket, Minter};

    use super::*;

    #[test]
    fn a_key_is_two_ids_and_nothing_else() {
        let minter = Minter::new(std::sync::Arc::new(|| 1_700_000_000_000));
        let workspace: WorkspaceId = minter.mint(Bucket::new(7).unwrap());
        let medium: MediaId = minter.mint(workspace.bucket());
        for key in [Key::of_medium(workspace, medium), Key::of_thumbnail(workspace, medium)] {
            assert_eq!(Key::parse(key.as_str()), Some(key));
        }
        let other = Key::of_medium(workspace, medium);
        for text in [
            String::new(),
            "/".to_owned(),
            format!("{workspace}"),
            format!("{medium}/{workspace}"),
            format!("../{other}"),
            format!("{other}/.."),
            format!("{workspace}//{medium}"),
            format!("{other}.other"),
            format!("{workspace}/{}", medium.to_string().to_uppercase()),
        ] {
            assert_eq!(Key::parse(&text), None, "{text}");
        }
    }
}
