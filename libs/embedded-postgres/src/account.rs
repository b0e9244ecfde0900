//! Whom the server runs as. Postgres refuses root, so root drops to an unprivileged user for it.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command as StdCommand,
};

use tokio::process::Command;

/// Users that root drops to: the first that exists.
const USERS: [&str; 2] = ["postgres", "nobody"];
/// Where root keeps data that the other user cannot reach where it was wanted.
const REACHABLE: &str = "/var/lib/postbreeze";

/// The account of the server's processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// The one this process runs as.
    Own,
    /// Another, since this process is root.
    Other {
        /// Its user id.
        uid: u32,
        /// Its group id.
        gid: u32,
    },
}

/// Whether this process is root.
#[must_use]
pub fn is_root() -> bool {
    fs::metadata("/proc/self").map_or_else(
        |_| {
            let id = StdCommand::new("id").arg("-u").output();
            id.is_ok_and(|output| output.stdout.starts_with(b"0\n"))
        },
        |own| own.uid() == 0,
    )
}

impl Account {
    /// The account to run as; `None` when root has nobody to drop to.
    #[must_use]
    pub fn choose() -> Option<Self> {
        if !is_root() {
            return Some(Self::Own);
        }
        let passwd = fs::read_to_string("/etc/passwd").ok()?;
        USERS.iter().find_map(|user| {
            let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
            let mut ids = line.split(':').skip(2).map(str::parse);
            Some(Self::Other { uid: ids.next()?.ok()?, gid: ids.next()?.ok()? })
        })
    }

    /// A command that runs as this account, in a process group of its own, with nothing of this process's privileges. It
    /// gets SIGINT (for Postgres a fast shutdown) when this process dies, however it dies.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT"]);
        if let Self::Other { uid, gid } = self {
            command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).args([
                "--clear-groups",
                "--no-new-privs",
                "--reset-env",
            ]);
        }
        command.arg("--").arg(program).current_dir("/").process_group(0);
        command
    }

    /// Hands a path to this account.
    ///
    /// # Errors
    /// When its owner cannot be changed.
    pub fn own(&self, path: &Path) -> std::io::Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => std::os::unix::fs::chown(path, Some(*uid), Some(*gid)),
        }
    }

    /// Where data wanted at a path is kept: there, or, when this account cannot reach it, under `/var/lib`.
    #[must_use]
    pub fn reachable(&self, wanted: &Path) -> PathBuf {
        if *self == Self::Own || wanted.ancestors().skip(1).all(is_open) {
            return wanted.to_owned();
        }
        let name: String = wanted
            .to_string_lossy()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        Path::new(REACHABLE).join(name.trim_matches('-'))
    }
}

/// Whether everyone may pass through a folder. One that does not exist yet will be made so.
fn is_open(folder: &Path) -> bool {
    fs::metadata(folder).map_or(true, |metadata| metadata.permissions().mode() & 0o001 != 0)
}
