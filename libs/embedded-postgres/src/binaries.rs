//! Finds the programs of Postgres 15 or later, or installs them where that is possible.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Error, account::is_root};

/// The oldest version that will do.
const OLDEST: u32 = 15;
/// Where distributions put one folder for each version, and what leads from it to the programs.
const VERSIONED: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
];
/// Debian starts a server of its own at installation unless this says no.
const DEBIAN_CONFIG: &str = "/etc/postgresql-common/createcluster.conf";

/// The folder of `initdb` and `postgres`.
///
/// # Errors
/// [`Error::NotInstalled`] when there is none and none can be installed.
pub fn find(given: Option<&Path>, install: bool) -> Result<PathBuf, Error> {
    if let Some(folder) = given {
        return if is_usable(folder) { Ok(folder.to_owned()) } else { Err(Error::NotInstalled) };
    }
    if let Some(found) = newest() {
        return Ok(found);
    }
    if install && is_root() && Path::new("/usr/bin/apt-get").exists() {
        apt_install()?;
    }
    newest().ok_or(Error::NotInstalled)
}

fn newest() -> Option<PathBuf> {
    let versioned = VERSIONED.iter().flat_map(|(folder, programs)| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(move |entry| entry.path().join(programs))
    });
    let from_config = Command::new("pg_config").arg("--bindir").stderr(Stdio::null()).output();
    let on_path = from_config
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map(|folder| PathBuf::from(folder.trim()));
    versioned
        .chain(on_path)
        .filter_map(|folder| Some((version_of(&folder)?, folder)))
        .max_by_key(|(version, _)| *version)
        .map(|(_, folder)| folder)
}

fn is_usable(folder: &Path) -> bool {
    version_of(folder).is_some()
}

/// The major version of the programs in a folder; `None` when they are missing or too old.
fn version_of(folder: &Path) -> Option<u32> {
    if !folder.join("initdb").exists() || !folder.join("pg_ctl").exists() {
        return None;
    }
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number =
        text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|version| *version >= OLDEST)
}

fn apt_install() -> Result<(), Error> {
    tracing::info!("Postgres is not installed: installing it with apt-get");
    if !Path::new(DEBIAN_CONFIG).exists() {
        let folder = Path::new(DEBIAN_CONFIG).parent().unwrap_or(Path::new("/etc"));
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(DEBIAN_CONFIG, "create_main_cluster = false\n"))
            .map_err(Error::io(format!("writing {DEBIAN_CONFIG}")))?;
    }
    apt(&["update"])?;
    apt(&["install", "-y", "--no-install-recommends", "postgresql"])
}

fn apt(arguments: &[&str]) -> Result<(), Error> {
    let output = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(Error::io("running apt-get"))?;
    if output.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&output.stderr);
    Err(Error::Program { program: "apt-get", output: tail(&output) })
}

/// The last lines of a program's output.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
