//! The running server.

use std::{
    fs::{self, File, OpenOptions},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use secrecy::SecretString;
use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::{
    Error,
    account::Account,
    binaries::{self, tail},
    cluster::{self, Cluster},
};

const START_WITHIN: Duration = Duration::from_mins(1);
const STOP_WITHIN: Duration = Duration::from_secs(20);
const ASK_EVERY: Duration = Duration::from_millis(30);
const PORT_TRIES: usize = 5;

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where everything is kept; made when missing. Under root it may be kept elsewhere, see
    /// [`EmbeddedPostgres::directory`].
    pub directory: PathBuf,
    /// Whether what was committed must survive the machine's crash; tests do not need that, and are faster.
    pub durable: bool,
    /// Connections at the most.
    pub max_connections: u16,
    /// The folder of `initdb` and `postgres`; none: the newest that is found.
    pub binaries: Option<PathBuf>,
    /// Whether to install Postgres where it is missing and can be installed.
    pub install: bool,
}

/// A running server, a child of this process. It ends with it, however that dies.
pub struct EmbeddedPostgres {
    child: Child,
    cluster: Cluster,
    port: u16,
    stop: Command,
    /// Held while the server runs: tells a living launcher from one that was killed.
    _lock: File,
}

impl EmbeddedPostgres {
    /// Starts a server and waits until it accepts connections. One that a killed process left behind is stopped first;
    /// after a crash it recovers by itself.
    ///
    /// # Errors
    /// When there is no Postgres, another process uses the data, or the server does not start.
    pub async fn start(options: &Options) -> Result<Self, Error> {
        let binaries = binaries::find(options.binaries.as_deref(), options.install)?;
        let account = Account::choose().ok_or_else(|| {
            Error::NotStarted("root needs a user `postgres` or `nobody` to run it as".to_owned())
        })?;
        let wanted = std::path::absolute(&options.directory)
            .map_err(Error::io("resolving the data directory"))?;
        let directory = account.reachable(&wanted);
        if directory != wanted {
            tracing::info!(
                directory = %directory.display(),
                "the data is kept here, since the user that Postgres runs as cannot reach where it was wanted",
            );
        }
        fs::create_dir_all(&directory).map_err(Error::io("making the data directory"))?;
        account.own(&directory).map_err(Error::io("handing the data directory over"))?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))
            .map_err(Error::io("restricting the data directory"))?;
        let lock = lock(&directory)?;
        let cluster = cluster::open(&directory, &binaries, &account).await?;
        stop_orphan(&cluster, &binaries, &account).await?;
        let mut failure = Error::NotStarted("no port was free".to_owned());
        for _ in 0..PORT_TRIES {
            let port = free_port()?;
            let child = spawn(options, &cluster, &binaries, &account, port)?;
            let stop = pg_ctl_stop(&cluster, &binaries, &account, "fast");
            match wait(child, &cluster, port).await {
                Ok(child) => return Ok(Self { child, cluster, port, stop, _lock: lock }),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The server's URL, `postgres://postgres:…@127.0.0.1:<port>`, without a database.
    #[must_use]
    pub fn url(&self) -> SecretString {
        // The password is alphanumeric: nothing in it needs escaping.
        format!("postgres://postgres:{}@127.0.0.1:{}", self.cluster.password, self.port).into()
    }

    /// Where everything is kept.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.cluster.directory
    }

    /// The server's process; `None` once it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Stops the server and waits until it has ended.
    ///
    /// # Errors
    /// When it cannot be stopped.
    pub async fn stop(mut self) -> Result<(), Error> {
        let output = self.stop.output().await.map_err(Error::io("running pg_ctl"))?;
        let ended = tokio::time::timeout(STOP_WITHIN, self.child.wait()).await;
        if ended.is_ok() {
            Ok(())
        } else {
            let output = String::from_utf8_lossy(&output.stderr);
            Err(Error::Program { program: "pg_ctl stop", output: tail(&output) })
        }
    }
}

fn lock(directory: &Path) -> Result<File, Error> {
    let path = directory.join("launcher.lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(Error::io("opening the lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(Error::InUse(directory.to_owned())),
    }
}

/// With the lock in our hands, a server that still runs has lost its launcher.
async fn stop_orphan(cluster: &Cluster, binaries: &Path, account: &Account) -> Result<(), Error> {
    if !cluster.data().join("postmaster.pid").exists() {
        return Ok(());
    }
    for mode in ["fast", "immediate"] {
        let output = pg_ctl_stop(cluster, binaries, account, mode).output().await;
        let output = output.map_err(Error::io("running pg_ctl"))?;
        if output.status.success() {
            break;
        }
    }
    Ok(())
}

fn pg_ctl_stop(cluster: &Cluster, binaries: &Path, account: &Account, mode: &str) -> Command {
    let mut command = account.command(&binaries.join("pg_ctl"));
    command
        .arg("--pgdata")
        .arg(cluster.data())
        .args(["--mode", mode, "--wait", "--timeout", "15", "stop"])
        .stdin(Stdio::null());
    command
}

fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(Error::io("finding a free port"))?;
    Ok(listener.local_addr().map_err(Error::io("finding a free port"))?.port())
}

fn spawn(
    options: &Options,
    cluster: &Cluster,
    binaries: &Path,
    account: &Account,
    port: u16,
) -> Result<Child, Error> {
    let log = File::create(cluster.log()).map_err(Error::io("opening the log"))?;
    let errors = log.try_clone().map_err(Error::io("opening the log"))?;
    let mut settings = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        format!("max_connections={}", options.max_connections),
        "shared_buffers=256MB".to_owned(),
        "log_min_messages=warning".to_owned(),
    ];
    if !options.durable {
        let fast =
            ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=4GB"];
        settings.extend(fast.map(str::to_owned));
    }
    let mut command = account.command(&binaries.join("postgres"));
    command.arg("-D").arg(cluster.data());
    for setting in settings {
        command.arg("-c").arg(setting);
    }
    command
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(Error::io("starting postgres (setpriv of util-linux is needed for it)"))
}

async fn wait(mut child: Child, cluster: &Cluster, port: u16) -> Result<Child, Error> {
    let options = PgConnectOptions::new()
        .host("127.0.0.1")
        .port(port)
        .username("postgres")
        .password(&cluster.password)
        .database("postgres");
    let until = Instant::now() + START_WITHIN;
    loop {
        if let Ok(connection) = options.connect().await {
            drop(connection.close().await);
            return Ok(child);
        }
        let ended = child.try_wait().map_err(Error::io("watching postgres"))?.is_some();
        if ended || Instant::now() > until {
            let log = fs::read_to_string(cluster.log()).unwrap_or_default();
            return Err(Error::NotStarted(tail(&log)));
        }
        sleep(ASK_EVERY).await;
    }
}
