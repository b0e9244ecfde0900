//! The data directory. It is made beside its place and renamed into it, so that a start that is killed midway leaves
//! nothing that looks complete.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use rand::{RngExt as _, distr::Alphanumeric};

use crate::{Error, account::Account, binaries::tail};

const PASSWORD_CHARS: usize = 32;

/// A data directory that is ready to be served.
pub struct Cluster {
    /// The directory of everything: data, password, log.
    pub directory: PathBuf,
    /// The superuser's password.
    pub password: String,
}

impl Cluster {
    /// The data of the server.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// What the server says.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.directory.join("postgres.log")
    }
}

/// Opens a cluster; makes it when there is none.
///
/// # Errors
/// When it cannot be made.
pub async fn open(directory: &Path, binaries: &Path, account: &Account) -> Result<Cluster, Error> {
    let password_file = directory.join("password");
    let data = directory.join("data");
    if data.join("PG_VERSION").exists() {
        let password = fs::read_to_string(&password_file)
            .map_err(Error::io(format!("reading {}", password_file.display())))?;
        return Ok(Cluster {
            directory: directory.to_owned(),
            password: password.trim().to_owned(),
        });
    }
    let unfinished = directory.join("data.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::io("removing a half-made cluster"))?;
    }
    let password: String =
        rand::rng().sample_iter(Alphanumeric).take(PASSWORD_CHARS).map(char::from).collect();
    fs::write(&password_file, &password).map_err(Error::io("writing the password"))?;
    restrict(&password_file)?;
    account.own(&password_file).map_err(Error::io("handing the password over"))?;

    let output = account
        .command(&binaries.join("initdb"))
        .arg("--pgdata")
        .arg(&unfinished)
        .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
        .arg("--no-sync")
        .arg("--pwfile")
        .arg(&password_file)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(Error::io("running initdb"))?;
    if !output.status.success() {
        let output = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Program { program: "initdb", output: tail(&output) });
    }
    fs::rename(&unfinished, &data).map_err(Error::io("finishing the cluster"))?;
    Ok(Cluster { directory: directory.to_owned(), password })
}

fn restrict(file: &Path) -> Result<(), Error> {
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
        .map_err(Error::io(format!("restricting {}", file.display())))
}
