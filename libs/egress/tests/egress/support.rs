//! Servers that answer what a test says, listeners that nobody may connect to, names that resolve as a test says.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read as _, Write as _},
    iter,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::HeaderMap;
use postbreeze_egress::{Download, Egress, Error, Limits, Policy, Post, Resolve};
use tokio::net::TcpSocket;

/// More than any test takes: what waits for one of these has failed, and is ended from outside.
pub const LIMITS: Limits = Limits {
    max_bytes: 1_000_000,
    total: Duration::from_hours(1),
    idle: Duration::from_hours(1),
    connect: Duration::from_hours(1),
};
/// What a test waits for that awaits its end.
pub const SHORT: Duration = Duration::from_millis(200);

/// A server that hands each request's head and body to `answer`, and tells what it was asked.
pub struct Server {
    pub address: SocketAddr,
    requests: mpsc::Receiver<String>,
}

impl Server {
    /// On any port of an address.
    pub fn start(ip: &str, answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind((ip, 0)).unwrap(), answer)
    }

    /// On a listener.
    pub fn on(
        listener: TcpListener,
        answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let (asked, requests) = mpsc::channel();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, answer, asked) =
                    (stream.unwrap(), Arc::clone(&answer), asked.clone());
                thread::spawn(move || {
                    let request = read_request(&mut stream);
                    drop(asked.send(request.clone()));
                    answer(&request, &mut stream);
                });
            }
        });
        Self { address, requests }
    }

    /// That always answers these bytes.
    pub fn answering(ip: &str, answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(ip, move |_, stream| write(stream, &answer))
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A URL of it under a name.
    pub fn url_as(&self, name: &str, path: &str) -> String {
        format!("http://{name}:{}{path}", self.address.port())
    }

    /// The requests so far, each of which was answered.
    pub fn requests(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }
}

/// A listener that answers nobody, because nobody may connect to it.
pub struct Trap(TcpListener);

impl Trap {
    pub fn set(ip: &str, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((ip, port))?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// The system completes connections before they are accepted, so that none that was begun is missed here.
    pub fn assert_untouched(&self) {
        let accepted = self.0.accept();
        assert_eq!(accepted.expect_err("somebody connected").kind(), ErrorKind::WouldBlock);
    }
}

/// An address that answers nobody: its queue of connections is full, so that the system drops what asks for another.
pub struct Silence {
    pub address: SocketAddr,
    _queue: (tokio::net::TcpListener, Vec<TcpStream>),
}

impl Silence {
    pub fn set(ip: &str, port: u16) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(ip.parse().unwrap(), port))?;
        let listener = socket.listen(1)?;
        let address = listener.local_addr()?;
        let connect = || TcpStream::connect_timeout(&address, SHORT).ok();
        let queued = iter::from_fn(connect).collect();
        Ok(Self { address, _queue: (listener, queued) })
    }
}

/// A listener on the first address, and something on the second, on a port that is free on both.
pub fn same_port<T>(
    served: &str,
    other: &str,
    set: impl Fn(&str, u16) -> io::Result<T>,
) -> (TcpListener, T) {
    (0..50)
        .find_map(|_| {
            let listener = TcpListener::bind((served, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            Some((listener, set(other, port).ok()?))
        })
        .expect("some port is free on both")
}

/// Names with the answers of their first, second, … lookup; the last one stays.
#[derive(Clone, Default)]
pub struct Names {
    answers: Arc<Mutex<HashMap<String, Vec<Vec<IpAddr>>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Names {
    pub fn with(self, name: &str, answers: &[&[&str]]) -> Self {
        let parsed = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        let answers = answers.iter().map(parsed).collect();
        self.answers.lock().unwrap().insert(name.to_owned(), answers);
        self
    }

    /// The lookups so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = match answers.get_mut(name) {
            None => Err(io::Error::other("no such name")),
            Some(left) if left.len() > 1 => Ok(left.remove(0)),
            Some(left) => Ok(left[0].clone()),
        };
        Box::pin(async { answer })
    }
}

/// An egress that may also reach these networks.
pub fn allowing(networks: &[&str]) -> Egress {
    Egress::new(Policy::allowing(networks.iter().map(|text| text.parse().unwrap())))
}

/// An egress that may also reach 127.0.0.1.
pub fn local() -> Egress {
    allowing(&["127.0.0.1/32"])
}

/// A POST of these bytes that may take long.
pub fn post(body: &'static str) -> Post {
    Post {
        headers: HeaderMap::new(),
        body: body.into(),
        timeout: Duration::from_hours(1),
        answer_bytes: 4_096,
    }
}

/// The rest of a download.
pub async fn rest(download: &mut Download) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    while let Some(chunk) = download.chunk().await? {
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

/// What a GET of a URL fails with, be it only in the body.
pub async fn failure(egress: &Egress, url: &str, limits: Limits) -> Error {
    match egress.get(url, limits).await {
        Ok(mut download) => rest(&mut download).await.unwrap_err(),
        Err(error) => error,
    }
}

/// An answer with a body of known length.
pub fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A redirect.
pub fn redirect(location: &str) -> String {
    answer("302 Found", &format!("Location: {location}\r\n"), "")
}

/// Writes as much as the client takes.
pub fn write(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    drop(stream.write_all(bytes.as_ref()));
}

/// Keeps a connection open, in silence, until the client closes it.
pub fn hold(stream: &mut TcpStream) {
    drop(io::copy(stream, &mut io::sink()));
}

/// Writes the same again and again until the client closes the connection.
pub fn repeat(stream: &mut TcpStream, bytes: &str) {
    while stream.write_all(bytes.as_bytes()).is_ok() {}
}

/// The same with a pause before each.
pub fn drip(stream: &mut TcpStream, bytes: &str, pause: Duration) {
    loop {
        thread::sleep(pause);
        if stream.write_all(bytes.as_bytes()).is_err() {
            break;
        }
    }
}

/// A request's head and the body that its head announces.
fn read_request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => read.extend_from_slice(&buffer[..count]),
            _ => return text,
        }
    }
}
