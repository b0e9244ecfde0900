//! For tests: a network that expects one exact conversation and answers as its documentation shows, and an account on it.
//! `{here}` in what is expected or answered is the network's own address.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use postbreeze_egress::{Policy, TrustedRoots};
use postbreeze_ids::Id;
use postbreeze_proto::{internal::v1::MediaToPublish, time::to_proto, v1::Platform};
use postbreeze_runtime::{call::Call, clock::Clock, postgres::Database};
use postbreeze_testkit::postgres::{TestDatabase, database};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::{net::TcpListener, time::Instant};
use url::form_urlencoded;
use uuid::Uuid;

use super::{Begun, ConnectError, Grant, Progress, Session, Tokens, app::App, http::Http};
use crate::store::{Store, accounts::AccountRow};

/// What a request must be, and what it is answered.
pub(super) struct Expected {
    method: Method,
    path: String,
    query: Option<Vec<(String, String)>>,
    headers: Vec<(&'static str, String)>,
    body: Body,
    status: u16,
    answer: Vec<u8>,
    answer_headers: Vec<(&'static str, String)>,
    is_lost: bool,
}

enum Body {
    Empty,
    Json(Value),
    Form(Vec<(String, String)>),
    Bytes(Vec<u8>),
    Parts(Vec<(String, Vec<u8>)>),
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut all: Vec<_> = pairs.iter().map(own).collect();
    all.sort();
    all
}

pub(super) fn expect(method: Method, path: &str) -> Expected {
    Expected {
        method,
        path: path.to_owned(),
        query: None,
        headers: Vec::new(),
        body: Body::Empty,
        status: 200,
        answer: Vec::new(),
        answer_headers: Vec::new(),
        is_lost: false,
    }
}

pub(super) fn get(path: &str, query: &[(&str, &str)]) -> Expected {
    Expected { query: Some(pairs(query)), ..expect(Method::GET, path) }
}

pub(super) fn post(path: &str) -> Expected {
    expect(Method::POST, path)
}

pub(super) fn put(path: &str) -> Expected {
    expect(Method::PUT, path)
}

/// A medium is read from our own store.
pub(super) fn medium(path: &str, bytes: &[u8]) -> Expected {
    get(path, &[]).bytes_back(200, bytes)
}

/// A part of a medium is read from our own store.
pub(super) fn medium_part(path: &str, first: usize, bytes: &[u8]) -> Expected {
    let last = first + bytes.len() - 1;
    get(path, &[]).header("range", &format!("bytes={first}-{last}")).bytes_back(206, bytes)
}

impl Expected {
    pub(super) fn query(mut self, query: &[(&str, &str)]) -> Self {
        self.query = Some(pairs(query));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn bearer(self) -> Self {
        self.header("authorization", &format!("Bearer {TOKEN}"))
    }

    pub(super) fn json(mut self, json: Value) -> Self {
        self.body = Body::Json(json);
        self
    }

    pub(super) fn form(mut self, form: &[(&str, &str)]) -> Self {
        self.body = Body::Form(pairs(form));
        self
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.body = Body::Bytes(bytes.to_vec());
        self
    }

    pub(super) fn parts(mut self, parts: &[(&str, &[u8])]) -> Self {
        let own = |(name, bytes): &(&str, &[u8])| ((*name).to_owned(), bytes.to_vec());
        self.body = Body::Parts(parts.iter().map(own).collect());
        self
    }

    pub(super) fn answers(mut self, status: u16, json: Value) -> Self {
        self.status = status;
        self.answer = json.to_string().into_bytes();
        self.answer_headers.push(("content-type", "application/json".to_owned()));
        self
    }

    pub(super) fn bytes_back(mut self, status: u16, bytes: &[u8]) -> Self {
        self.status = status;
        self.answer = bytes.to_vec();
        self
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.answer_headers.push((name, value.to_owned()));
        self
    }

    /// The connection breaks once the request has been read.
    pub(super) fn lost(mut self) -> Self {
        self.is_lost = true;
        self
    }

    /// What is wrong with a request; `None`: nothing.
    fn complaint(&self, request: &http::request::Parts, body: &[u8], url: &str) -> Option<String> {
        if (&request.method, request.uri.path()) != (&self.method, self.path.as_str()) {
            return Some(format!("is not {} {}", self.method, self.path));
        }
        let query = request.uri.query().unwrap_or_default();
        let decoded = |text: &[u8]| {
            let mut all: Vec<_> = form_urlencoded::parse(text).into_owned().collect();
            all.sort();
            all
        };
        let here = |pairs: &[(String, String)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| (name.clone(), value.replace("{here}", url))).collect()
        };
        if let Some(expected) = &self.query
            && here(expected) != decoded(query.as_bytes())
        {
            return Some(format!("has the query {query:?}, not {expected:?}"));
        }
        for (name, value) in &self.headers {
            if request.headers.get(*name).map(HeaderValue::as_bytes) != Some(value.as_bytes()) {
                let given = request.headers.get(*name);
                return Some(format!("has {name}: {given:?}, not {value}"));
            }
        }
        let text = String::from_utf8_lossy(body);
        let is_right = match &self.body {
            Body::Empty => body.is_empty(),
            Body::Json(json) => {
                let expected = json.to_string().replace("{here}", url);
                serde_json::from_slice::<Value>(body).ok() == serde_json::from_str(&expected).ok()
            }
            Body::Form(form) => decoded(body) == here(form),
            Body::Bytes(bytes) => body == bytes,
            Body::Parts(parts) => multipart(request, body) == *parts,
        };
        (!is_right).then(|| format!("has the body {text}"))
    }
}

/// The parts of a form, by name.
fn multipart(request: &http::request::Parts, body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let content_type = request.headers["content-type"].to_str().unwrap();
    let boundary = format!("--{}", content_type.split("boundary=").nth(1).unwrap());
    // What the tests send is ASCII, or is compared as its replacement.
    let text: String = body.iter().map(|byte| char::from(*byte)).collect();
    let parts = text.split(&boundary).filter_map(|part| part.split_once("\r\n\r\n"));
    let read = |(head, content): (&str, &str)| {
        let name = head.split("name=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let content = content.strip_suffix("\r\n").unwrap_or(content);
        (name, content.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect())
    };
    parts.map(read).collect()
}

#[derive(Default)]
struct State {
    expected: VecDeque<Expected>,
    complaints: Vec<String>,
}

/// The network.
pub(super) struct Exchange {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
}

impl Exchange {
    /// A network that expects these requests, in this order.
    pub(super) async fn of(expected: impl IntoIterator<Item = Expected>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let expected = expected.into_iter().collect();
        let state = Arc::new(Mutex::new(State { expected, complaints: Vec::new() }));
        let exchange = Self { url: url.clone(), state: Arc::clone(&state) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, url) = (Arc::clone(&state), url.clone());
                let service = service_fn(move |request| {
                    let (state, url) = (Arc::clone(&state), url.clone());
                    async move { answer(request, &state, &url).await }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        exchange
    }

    /// What else is expected after that.
    pub(super) fn then(&self, expected: impl IntoIterator<Item = Expected>) {
        self.state.lock().unwrap().expected.extend(expected);
    }

    /// Everything that was expected has come, and nothing else.
    #[track_caller]
    pub(super) fn is_over(&self) {
        let state = self.state.lock().unwrap();
        assert!(state.complaints.is_empty(), "{:#?}", state.complaints);
        let left: Vec<_> = state.expected.iter().map(|left| &left.path).collect();
        assert!(left.is_empty(), "never came: {left:?}");
    }

    /// This system as an application of the network.
    pub(super) fn app(&self) -> App {
        App {
            id: "client".to_owned(),
            secret: "client-secret".to_owned().into(),
            redirect_url: "https://app.example/callback".to_owned(),
            authorize_url: "https://network.example/authorize".to_owned(),
            token_url: format!("{}/token", self.url),
            api_url: self.url.clone(),
        }
    }

    /// A medium of so many bytes in our own store, which is at the same address for us and at another for everybody else.
    pub(super) fn medium(&self, path: &str, content_type: &str, size: usize) -> MediaToPublish {
        MediaToPublish {
            url: format!("https://media.example{path}"),
            internal_url: format!("{}{path}", self.url),
            content_type: content_type.to_owned(),
            size_bytes: i64::try_from(size).unwrap(),
            ..Default::default()
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    state: &Mutex<State>,
    url: &str,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (request, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let mut state = state.lock().unwrap();
    let expected = state.expected.pop_front();
    let complaint = match &expected {
        None => Some("was not expected".to_owned()),
        Some(expected) => expected.complaint(&request, &body, url),
    };
    if let Some(complaint) = complaint {
        let complaint = format!("{} {} {complaint}", request.method, request.uri);
        state.complaints.push(complaint.clone());
        let answer = Response::new(Full::from(complaint));
        return Ok(status(answer, 418));
    }
    let expected = expected.unwrap();
    if expected.is_lost {
        return Err(std::io::Error::other("lost"));
    }
    let body = match String::from_utf8(expected.answer) {
        Ok(text) => Bytes::from(text.replace("{here}", url)),
        Err(bytes) => Bytes::from(bytes.into_bytes()),
    };
    let mut answer = Response::new(Full::from(body));
    for (name, value) in expected.answer_headers {
        let value = value.replace("{here}", url).parse().unwrap();
        answer.headers_mut().insert(name, value);
    }
    Ok(status(answer, expected.status))
}

fn status(mut answer: Response<Full<Bytes>>, status: u16) -> Response<Full<Bytes>> {
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}

/// The account's token.
pub(super) const TOKEN: &str = "token-of-the-account";
const KEY: &str = "key-1";

pub(super) fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 25, 12, 0, 0).unwrap()
}

/// When the post was first tried.
pub(super) fn first_attempt_time() -> prost_types::Timestamp {
    to_proto(now())
}

pub(super) fn http() -> Http {
    Http::new(Policy::default(), &TrustedRoots::default()).unwrap()
}

/// An account, and where its sendings stand.
pub(super) struct Stage {
    pub(super) session: Session,
    store: Store,
    clock: Clock,
    /// Seconds that the clock was turned on.
    turned: Arc<AtomicI64>,
    _database: TestDatabase,
}

impl Stage {
    pub(super) async fn of(platform: Platform, external_id: &str, handle: &str) -> Self {
        let test = database("accounts", &crate::MIGRATOR).await;
        let store = Store::new(&Database::new(test.config(2), &crate::MIGRATOR).unwrap());
        let account = AccountRow {
            id: Id::from_uuid(Uuid::from_u128(1)),
            workspace_id: Id::from_uuid(Uuid::from_u128(2)),
            platform: i16::try_from(i32::from(platform)).unwrap(),
            external_id: external_id.to_owned(),
            handle: handle.to_owned(),
            display_name: handle.to_owned(),
            avatar_url: String::new(),
            status: "ACTIVE".to_owned(),
            scopes: Vec::new(),
            connect_time: now(),
            token_expire_time: None,
            server_url: String::new(),
            max_characters: None,
        };
        let tokens = Tokens {
            access_token: TOKEN.to_owned().into(),
            refresh_token: Some("refresh-token".to_owned().into()),
            expire_time: None,
        };
        let session = Session { account, tokens, now: now() };
        let turned = Arc::new(AtomicI64::new(0));
        let seconds = Arc::clone(&turned);
        let time = move || now() + TimeDelta::seconds(seconds.load(Ordering::SeqCst));
        let clock = Clock::from_source(Arc::new(time));
        Self { session, store, clock, turned, _database: test }
    }

    /// The progress as the next call reads it, also after a crash.
    pub(super) async fn progress(&self) -> Progress {
        let account_id = self.session.account.id;
        let before = self.store.begin_sending(account_id, KEY, now()).await.unwrap();
        // The statement that begins it anew keeps where it stands.
        Progress::new(self.store.clone(), account_id, KEY.to_owned(), before, self.clock.clone())
    }

    /// The progress as who looks reads it.
    pub(super) async fn looked_at(&self) -> Progress {
        let account_id = self.session.account.id;
        let row = self.store.find_sending(account_id, KEY).await.unwrap();
        Progress::new(self.store.clone(), account_id, KEY.to_owned(), row, self.clock.clone())
    }

    /// So much time passes while a call is made.
    pub(super) fn passes(&self, seconds: i64) {
        self.turned.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The account, so much later.
    pub(super) fn later(&mut self, seconds: i64) {
        self.session.now += chrono::TimeDelta::seconds(seconds);
    }
}

/// Runs a call that ends so soon that nothing is waited for.
pub(super) async fn hurried<T>(future: impl Future<Output = T>) -> T {
    let deadline = Instant::now() + Duration::from_millis(1_500);
    Call::new(deadline, HeaderValue::from_static("req_test")).scope(future).await
}

pub(super) fn begun(state: &str) -> Begun<'_> {
    let verifier = "v".repeat(43);
    Begun { state, server_url: "", external_id: "", verifier: verifier.into(), now: now() }
}

/// What a grant says, its tokens included.
pub(super) fn told(grant: &Result<Grant, ConnectError>) -> String {
    match grant {
        Ok(grant) => {
            let tokens = &grant.tokens;
            let refresh = tokens.refresh_token.as_ref().map(SecretString::expose_secret);
            format!(
                "{} {} {} {} {} {}",
                grant.external_id,
                grant.handle,
                grant.display_name,
                tokens.access_token.expose_secret(),
                refresh.unwrap_or("-"),
                tokens
                    .expire_time
                    .map_or("-".to_owned(), |time| (time - now()).num_seconds().to_string()),
            )
        }
        Err(error) => format!("{error:?}"),
    }
}
