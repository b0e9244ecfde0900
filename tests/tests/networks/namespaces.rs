//! Network namespaces: each has a loopback of its own, and one wire to all others. They are held by processes that end with
//! this one, however that ends, and go with them.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader},
    net::Ipv4Addr,
    os::fd::AsFd as _,
    process::{Child, Command, Stdio},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where the namespace of a [`Lan`] is that its maker is in. The network is one that is reserved for measurements.
pub(crate) const OWN: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);

/// Namespaces on one wire.
pub(crate) struct Lan {
    /// The first is this thread's.
    namespaces: Vec<Namespace>,
}

impl Lan {
    /// So many namespaces beside a new one that this thread is moved into, and what it starts from here on. `None`, said aloud,
    /// where the machine does not let us make any.
    #[expect(
        clippy::print_stderr,
        reason = "a test that tests nothing must not look like one that passed"
    )]
    pub(crate) fn enter(others: u8) -> Option<Self> {
        Self::try_enter(others)
            .inspect_err(|error| {
                eprintln!("SKIPPED: network namespaces cannot be made here, root can: {error}");
            })
            .ok()
    }

    fn try_enter(others: u8) -> io::Result<Self> {
        let own = Namespace::new()?;
        own.ip("link set lo up")?;
        own.ip("link add wire type bridge")?;
        own.ip(&format!("address add {OWN}/24 dev wire"))?;
        own.ip("link set wire up")?;
        let mut lan = Self { namespaces: vec![own] };
        for number in 1..=others {
            let (own, other) = (&lan.namespaces[0], Namespace::new()?);
            let (port, pid) = (format!("port{number}"), other.pid());
            own.ip(&format!("link add {port} type veth peer name eth0 netns {pid}"))?;
            own.ip(&format!("link set {port} master wire up"))?;
            other.ip("link set lo up")?;
            other.ip(&format!("address add {}/24 dev eth0", Self::address(number)))?;
            other.ip("link set eth0 up")?;
            lan.namespaces.push(other);
        }
        let link = File::open(lan.namespaces[0].link())?;
        move_into_link_name_space(link.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(lan)
    }

    /// The address of one of the others, counted from 1.
    pub(crate) fn address(number: u8) -> Ipv4Addr {
        let [first, second, third, own] = OWN.octets();
        Ipv4Addr::new(first, second, third, own + number)
    }

    /// A process that is in one of the others.
    pub(crate) fn pid(&self, number: u8) -> u32 {
        self.namespaces[usize::from(number)].pid()
    }
}

/// A namespace, for as long as somebody is in it.
struct Namespace {
    /// Ends when the pipe to it closes.
    holder: Child,
}

impl Namespace {
    fn new() -> io::Result<Self> {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut said = String::new();
        let stdout = holder.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        BufReader::new(stdout).read_line(&mut said)?;
        let namespace = Self { holder };
        // Whoever may not make a namespace never gets so far as to say anything.
        if said.is_empty() { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(namespace) }
    }

    fn pid(&self) -> u32 {
        self.holder.id()
    }

    fn link(&self) -> String {
        format!("/proc/{}/ns/net", self.pid())
    }

    /// Runs `ip` in it.
    fn ip(&self, arguments: &str) -> io::Result<()> {
        let output = Command::new("nsenter")
            .arg(format!("--net={}", self.link()))
            .args(["--", "ip"])
            .args(arguments.split(' '))
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(io::Error::other(format!("ip {arguments}: {said}")))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}
