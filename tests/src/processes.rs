//! The six services as processes of their own, as production runs them, on one Postgres server.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use postbreeze_context::token::{EDGE, Issuer};
use postbreeze_runtime::{BoxService, clock::Clock, peer::Peer};
use postbreeze_standalone::{Keys, secrets};
use postbreeze_testkit::Front;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::process::{Child, Command};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// Every service, in the order they are started.
pub const SERVICES: [&str; 6] =
    ["identity", "workspaces", "accounts", "media", "posts", "aggregator"];
/// How long a service may take to become ready, or to end. Far more than it does.
const PATIENCE: Duration = Duration::from_secs(40);
const ASK_EVERY: Duration = Duration::from_millis(50);

/// The folder of the binaries that were built beside this program.
///
/// # Panics
/// When this program is not where cargo puts it.
#[must_use]
pub fn binaries() -> PathBuf {
    let own = std::env::current_exe().expect("a program knows where it is");
    let target = own.ancestors().find(|folder| folder.join("postbreeze-posts").exists());
    target.expect("the services are built: run this with `make`").to_owned()
}

/// Where the processes of a service are.
#[derive(Debug, Clone, Copy)]
pub struct Host {
    /// The address they listen at.
    pub address: IpAddr,
    /// A process in whose network namespace they run; none: this one's.
    pub namespace_of: Option<u32>,
}

impl Host {
    /// The loopback of this machine.
    pub const LOCAL: Self = Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST), namespace_of: None };
}

/// The services, their secrets and their ports.
pub struct Processes {
    directory: PathBuf,
    database_url: SecretString,
    keys: Keys,
    secrets: Vec<(String, SecretString)>,
    more: Vec<(String, String)>,
    /// What one service alone is told: its name, a setting's, and the value.
    own: Vec<(&'static str, String, String)>,
    ports: BTreeMap<&'static str, u16>,
    /// Those of services that are not on [`Host::LOCAL`].
    hosts: BTreeMap<&'static str, Host>,
    /// Further processes of a service, by their own names.
    replicas: BTreeMap<&'static str, &'static str>,
    /// Where the bytes of media are served.
    bytes_port: u16,
    children: BTreeMap<&'static str, Child>,
}

impl Processes {
    /// Migrates every database, starts every service, and waits until all are ready. Logs are kept in the directory;
    /// `more` are further settings of every service.
    ///
    /// # Panics
    /// When a service cannot be started.
    pub async fn start(
        database_url: SecretString,
        directory: &Path,
        more: &[(&str, &str)],
    ) -> Self {
        Self::start_on(&[], database_url, directory, more).await
    }

    /// [`Processes::start`], with services that are elsewhere than on [`Host::LOCAL`].
    ///
    /// # Panics
    /// When a service cannot be started.
    pub async fn start_on(
        hosts: &[(&'static str, Host)],
        database_url: SecretString,
        directory: &Path,
        more: &[(&str, &str)],
    ) -> Self {
        fs::create_dir_all(directory).expect("the directory can be made");
        let mut ports = free_ports(SERVICES.len() + 1);
        let bytes_port = ports.pop().expect("one more than there are services");
        let mut processes = Self {
            directory: directory.to_owned(),
            database_url,
            keys: Keys::generate().expect("randomness"),
            secrets: secrets::ephemeral().expect("randomness"),
            more: more.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            own: Vec::new(),
            ports: SERVICES.into_iter().zip(ports).collect(),
            hosts: hosts.iter().copied().collect(),
            replicas: BTreeMap::new(),
            bytes_port,
            children: BTreeMap::new(),
        };
        for service in SERVICES {
            let migrated = processes.command(service).arg("migrate").status().await;
            assert!(migrated.expect("a migration can be started").success(), "{service}");
        }
        for service in SERVICES {
            processes.launch(service);
        }
        for service in SERVICES {
            processes.until_ready(service).await;
        }
        processes
    }

    /// Tells a service something else from its next start on.
    pub fn tell(&mut self, service: &'static str, name: &str, value: &str) {
        self.own.push((service, name.to_owned(), value.to_owned()));
    }

    /// Starts a service that is not running; does not wait for it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn launch(&mut self, service: &'static str) {
        let child = self.command(service).spawn().expect("a service can be started");
        self.children.insert(service, child);
    }

    /// Starts one more process of a service, under a name of its own: nobody is told of it. Does not wait for it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn launch_replica(&mut self, name: &'static str, of: &'static str) {
        self.ports.insert(name, free_ports(1)[0]);
        self.replicas.insert(name, of);
        self.launch(name);
    }

    /// The service that a process is one of.
    fn service_of<'a>(&self, name: &'a str) -> &'a str {
        self.replicas.get(name).copied().unwrap_or(name)
    }

    fn command(&self, service: &str) -> Command {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log(service))
            .expect("a log can be opened");
        let binary = binaries().join(format!("postbreeze-{}", self.service_of(service)));
        let mut command = match self.host(service).namespace_of {
            None => Command::new(binary),
            Some(pid) => {
                let mut command = Command::new("nsenter");
                command.arg(format!("--net=/proc/{pid}/ns/net")).arg("--").arg(binary);
                command
            }
        };
        command
            .env_clear()
            .envs(self.settings(service))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        command
    }

    /// What a service is told.
    ///
    /// # Panics
    /// When the service has no port.
    #[must_use]
    pub fn settings(&self, service: &str) -> Vec<(String, String)> {
        let mut settings = self.more.clone();
        let mut set = |name: &str, value: String| settings.push((name.to_owned(), value));
        set("POSTBREEZE_DATABASE_URL", self.database_url.expose_secret().to_owned());
        set("POSTBREEZE_CONTEXT_PUBLIC_KEYS", self.keys.public().to_owned());
        set("POSTBREEZE_SELF_SERVICE_PLANS", "true".to_owned());
        set("POSTBREEZE_SANDBOX_COMMANDS", "true".to_owned());
        set("POSTBREEZE_LISTEN", self.address(service).to_string());
        if service == "media" {
            set("POSTBREEZE_MEDIA_STORE", format!("file://{}", self.media_store().display()));
            set("POSTBREEZE_MEDIA_LISTEN", self.bytes_address().to_string());
        }
        if let Ok(key) = self.keys.signing(self.service_of(service)) {
            set("POSTBREEZE_CONTEXT_SIGNING_KEY", key.expose_secret().to_owned());
        }
        for peer in SERVICES {
            set(&format!("POSTBREEZE_{}_URL", peer.to_uppercase()), self.url(peer));
        }
        for (name, value) in &self.secrets {
            set(name, value.expose_secret().to_owned());
        }
        // Of one name the last counts.
        for (_, name, value) in
            self.own.iter().filter(|(told, ..)| *told == self.service_of(service))
        {
            set(name, value.clone());
        }
        settings
    }

    /// Where a service's log is.
    #[must_use]
    pub fn log(&self, service: &str) -> PathBuf {
        self.directory.join(format!("{service}.log"))
    }

    /// Where the bytes of media are.
    #[must_use]
    pub fn media_store(&self) -> PathBuf {
        self.directory.join("media")
    }

    /// The port of a service.
    ///
    /// # Panics
    /// When there is no such service.
    #[must_use]
    pub fn port(&self, service: &str) -> u16 {
        *self.ports.get(service).expect("every service has a port")
    }

    /// Where a service is.
    fn host(&self, service: &str) -> Host {
        self.hosts.get(self.service_of(service)).copied().unwrap_or(Host::LOCAL)
    }

    /// The address that a service listens at.
    fn address(&self, service: &str) -> SocketAddr {
        SocketAddr::new(self.host(service).address, self.port(service))
    }

    fn url(&self, service: &str) -> String {
        format!("http://{}", self.address(service))
    }

    /// The address at which the bytes of media are served.
    #[must_use]
    pub fn bytes_address(&self) -> SocketAddr {
        SocketAddr::new(self.host("media").address, self.bytes_port)
    }

    /// Whether the process of a service that was started still runs.
    ///
    /// # Panics
    /// When the service was not started.
    pub fn is_running(&mut self, service: &str) -> bool {
        let child = self.children.get_mut(service).expect("the service was started");
        child.try_wait().expect("a child can be asked for").is_none()
    }

    /// The process of a running service.
    ///
    /// # Panics
    /// When it is not running.
    #[must_use]
    pub fn pid(&self, service: &str) -> u32 {
        let child = self.children.get(service).expect("the service was started");
        child.id().expect("the service runs")
    }

    /// A plain connection to a service.
    ///
    /// # Panics
    /// Never: the address is one.
    #[must_use]
    pub fn channel(&self, service: &str) -> Channel {
        Endpoint::from_shared(self.url(service)).expect("the address is one").connect_lazy()
    }

    /// The system through its one door.
    ///
    /// # Panics
    /// Never: the address is one.
    #[must_use]
    pub fn front(&self) -> Front {
        let address = self.url("aggregator");
        let peer = Peer::at("aggregator", "address", &address).expect("the address is one");
        Front::new(BoxService::new(peer))
    }

    /// Signs context tokens as the aggregator does.
    ///
    /// # Panics
    /// Never: the key is one.
    #[must_use]
    pub fn issuer(&self, clock: Clock) -> Issuer {
        self.issuer_of(EDGE, clock)
    }

    /// Signs context tokens as a service does that has a key.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn issuer_of(&self, service: &'static str, clock: Clock) -> Issuer {
        let key = self.keys.signing(service).expect("the service signs");
        Issuer::new(service, key, clock).expect("the key is one")
    }

    /// The key that a service signs with, in the form of its setting.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn signing_key(&self, service: &str) -> &SecretString {
        self.keys.signing(service).expect("the service signs")
    }

    /// Every public key, in the form of the setting.
    #[must_use]
    pub fn public_keys(&self) -> &str {
        self.keys.public()
    }

    /// Whether a service says that it is ready.
    pub async fn is_ready(&self, service: &str) -> bool {
        let mut client = HealthClient::new(self.channel(service));
        let asked = client.check(HealthCheckRequest::default()).await;
        asked.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
    }

    /// Waits until a service is ready.
    ///
    /// # Panics
    /// When it takes too long.
    pub async fn until_ready(&self, service: &str) {
        self.until(service, true).await;
    }

    /// Waits until a service says that it is not ready, or nothing.
    ///
    /// # Panics
    /// When it takes too long.
    pub async fn until_not_ready(&self, service: &str) {
        self.until(service, false).await;
    }

    async fn until(&self, service: &str, ready: bool) {
        let until = Instant::now() + PATIENCE;
        while self.is_ready(service).await != ready {
            if Instant::now() > until {
                let log = fs::read_to_string(self.log(service)).unwrap_or_default();
                panic!(
                    "{service} has not become {} in time:\n{log}",
                    if ready { "ready" } else { "unready" }
                );
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Kills a service with SIGKILL, and waits until it is gone.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn kill(&mut self, service: &'static str) {
        let mut child = self.children.remove(service).expect("the service was started");
        child.kill().await.expect("a process can be killed");
    }

    /// Asks a service to end with a signal, and waits until it has.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn end(&mut self, service: &'static str, signal: &str) -> ExitStatus {
        send_signal(signal, self.pid(service)).await;
        let mut child = self.children.remove(service).expect("the service was started");
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        ended.expect("the service ends in time").expect("its end can be waited for")
    }

    /// Resident memory of a service, in bytes.
    ///
    /// # Panics
    /// When it is not running.
    #[must_use]
    pub fn resident_bytes(&self, service: &str) -> u64 {
        self.status_bytes(service, "VmRSS:")
    }

    /// The most resident memory that a service has had, in bytes.
    ///
    /// # Panics
    /// When it is not running.
    #[must_use]
    pub fn peak_resident_bytes(&self, service: &str) -> u64 {
        self.status_bytes(service, "VmHWM:")
    }

    fn status_bytes(&self, service: &str, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid(service)));
        let status = status.expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        kilobytes.and_then(|number| number.parse::<u64>().ok()).expect("a number") * 1_024
    }
}

/// Sends a signal, `TERM` or `KILL`, to a process.
///
/// # Panics
/// When there is no such process.
pub async fn send_signal(signal: &str, pid: u32) {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status().await;
    assert!(sent.expect("kill can be run").success(), "{pid} cannot be sent {signal}");
}

/// Ports that were free a moment ago, no two the same.
///
/// # Panics
/// When none is.
#[must_use]
pub fn free_ports(count: usize) -> Vec<u16> {
    let bound: Vec<_> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port is free")).collect();
    bound.iter().map(|listener| listener.local_addr().expect("it is bound").port()).collect()
}
