//! An HTTP server that webhooks point to: it keeps what arrives, and answers as it is told.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::{Notify, Semaphore},
};

use super::within_seeing;

/// Something that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// How a path answers.
enum Answer {
    Status(u16),
    /// Nothing, until the gate is opened; then a status.
    Wait(Arc<Semaphore>, u16),
    /// To somewhere else.
    Redirect(String),
}

#[derive(Default)]
struct State {
    arrivals: Mutex<Vec<Arrival>>,
    /// What a path answers next; when it is used up, 200.
    scripts: Mutex<HashMap<String, VecDeque<Answer>>>,
    arrived: Notify,
}

/// The server. It ends with the test.
#[derive(Clone)]
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::start_on("127.0.0.1").await
    }

    pub(crate) async fn start_on(ip: &str) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let served = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&served);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, state }
    }

    /// The URL of a path, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next answers of a path.
    pub(crate) fn answer(&self, path: &str, statuses: &[u16]) {
        for status in statuses {
            self.script(path, Answer::Status(*status));
        }
    }

    /// The next answer of a path is a redirect.
    pub(crate) fn redirect(&self, path: &str, to: &str) {
        self.script(path, Answer::Redirect(to.to_owned()));
    }

    /// The next answers of a path wait for permits of what this answers.
    pub(crate) fn hold(&self, path: &str, statuses: &[u16]) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        for status in statuses {
            self.script(path, Answer::Wait(Arc::clone(&gate), *status));
        }
        gate
    }

    fn script(&self, path: &str, answer: Answer) {
        let mut scripts = self.state.scripts.lock().unwrap();
        scripts.entry(path.to_owned()).or_default().push_back(answer);
    }

    /// What has arrived at a path.
    pub(crate) fn at(&self, path: &str) -> Vec<Arrival> {
        let arrivals = self.state.arrivals.lock().unwrap();
        arrivals.iter().filter(|arrival| arrival.path == path).cloned().collect()
    }

    /// Waits until this many have arrived at a path.
    pub(crate) async fn wait_for(&self, path: &str, count: usize) -> Vec<Arrival> {
        let waiting = async {
            loop {
                let arrived = self.state.arrived.notified();
                let arrivals = self.at(path);
                if arrivals.len() >= count {
                    return arrivals;
                }
                arrived.await;
            }
        };
        within_seeing(&format!("{count} arrive at {path}"), waiting, || {
            let all = self.state.arrivals.lock().unwrap();
            all.iter()
                .map(|arrival| (arrival.path.clone(), arrival.body.clone()))
                .collect::<Vec<_>>()
        })
        .await
    }
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let next = state.scripts.lock().unwrap().get_mut(&path).and_then(VecDeque::pop_front);
    state.arrivals.lock().unwrap().push(Arrival { path, headers, body });
    state.arrived.notify_waiters();
    let mut response = Response::new(Empty::new());
    match next {
        None => {}
        Some(Answer::Status(status)) => *response.status_mut() = status.try_into().unwrap(),
        Some(Answer::Wait(gate, status)) => {
            gate.acquire().await.unwrap().forget();
            *response.status_mut() = status.try_into().unwrap();
        }
        Some(Answer::Redirect(to)) => {
            *response.status_mut() = http::StatusCode::FOUND;
            response.headers_mut().insert(http::header::LOCATION, to.parse().unwrap());
        }
    }
    Ok(response)
}

impl Arrival {
    /// A field of the body.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> String {
        self.headers[name].to_str().unwrap().to_owned()
    }

    /// The time that was signed, and the signatures, as receivers read them.
    pub(crate) fn signature(&self) -> (i64, Vec<Vec<u8>>) {
        let header = self.header("postbreeze-signature");
        let mut parts = header.split(',').map(|part| part.split_once('=').unwrap());
        let (name, time) = parts.next().unwrap();
        assert_eq!(name, "t");
        let tags = parts.map(|(name, tag)| {
            assert_eq!(name, "v1");
            let pairs = tag.as_bytes().chunks(2);
            pairs.map(|hex| u8::from_str_radix(str::from_utf8(hex).unwrap(), 16).unwrap()).collect()
        });
        (time.parse().unwrap(), tags.collect())
    }

    /// Which of the signatures fit a secret.
    pub(crate) fn signed_by(&self, secret: &str) -> Vec<bool> {
        let (time, tags) = self.signature();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signed = format!("{time}.{}", self.body);
        tags.iter().map(|tag| hmac::verify(&key, signed.as_bytes(), tag).is_ok()).collect()
    }
}
