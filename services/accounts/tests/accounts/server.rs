//! A server of the Mastodon API as far as tokens go, true to RFC 6749 and RFC 7636: its access tokens run out, a code and a
//! refresh token are good once, and what it receives can be counted.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response, header::AUTHORIZATION, request::Parts};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use postbreeze_proto::v1::{Platform, SocialAccount, StartConnectRequest};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle, time::sleep};
use url::Url;

use crate::support::{Client, complete, sandbox, start, with};

/// How the token endpoint answers a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refreshes {
    /// With new tokens, both of them.
    Rotating,
    /// With a new access token alone.
    Keeping,
    /// With 503.
    Down,
    /// That the grant is not valid.
    Refused,
    /// That it cannot now, and what it was sent.
    Echoing,
}

struct State {
    /// What the access token that is good is called.
    access: String,
    refresh: String,
    challenge: String,
    lasts: i64,
    behavior: Refreshes,
    delay: Duration,
    /// What refreshes wait for before they are answered, once they were granted.
    gate: Option<Arc<Semaphore>>,
    made: u32,
    refreshes: u32,
    /// How often this system registered itself; the last app is the one that is known.
    apps: u32,
    statuses: Vec<Value>,
    /// The `Idempotency-Key` that each came with.
    keys: Vec<String>,
}

/// The server.
pub(crate) struct Server {
    url: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    /// A server whose access tokens last so many seconds.
    pub(crate) async fn start(lasts: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            access: String::new(),
            refresh: String::new(),
            challenge: String::new(),
            lasts,
            behavior: Refreshes::Rotating,
            delay: Duration::ZERO,
            gate: None,
            made: 0,
            refreshes: 0,
            apps: 0,
            statuses: Vec::new(),
            keys: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, state, serving }
    }

    /// How refreshes are answered from here on, and after how long.
    pub(crate) fn refreshes(&self, behavior: Refreshes, delay: Duration) {
        let mut state = self.state.lock().unwrap();
        state.behavior = behavior;
        state.delay = delay;
    }

    /// Refreshes are granted from here on, and answered with a permit of what this answers.
    pub(crate) fn hold_answers(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.state.lock().unwrap().gate = Some(Arc::clone(&gate));
        gate
    }

    /// Takes the access token back, though it has not run out.
    pub(crate) fn take_back(&self) {
        self.state.lock().unwrap().access = "none".to_owned();
    }

    /// Deletes the app, as servers do with those that nobody uses.
    pub(crate) fn forget_app(&self) {
        self.state.lock().unwrap().apps += 1;
    }

    /// How many refreshes were asked for.
    pub(crate) fn refreshed(&self) -> u32 {
        self.state.lock().unwrap().refreshes
    }

    /// The texts that were published.
    pub(crate) fn texts(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.statuses.iter().map(|status| status["content"].as_str().unwrap().to_owned()).collect()
    }

    /// The `Idempotency-Key` of each.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.state.lock().unwrap().keys.clone()
    }

    /// The tokens that are good.
    pub(crate) fn tokens(&self) -> [String; 2] {
        let state = self.state.lock().unwrap();
        [state.access.clone(), state.refresh.clone()]
    }

    /// How many tokens were granted.
    pub(crate) fn granted(&self) -> u32 {
        self.state.lock().unwrap().made
    }

    /// Connects the account of this server to a workspace: a person grants access, and carries the code on.
    pub(crate) async fn connect(&self, client: &Client, workspace_id: &str) -> SocialAccount {
        let state = self.begin(client, workspace_id).await;
        complete(client, with(&state, "the code")).await.unwrap()
    }

    /// Begins that. Answers the state; the code is "the code".
    pub(crate) async fn begin(&self, client: &Client, workspace_id: &str) -> String {
        let request = StartConnectRequest {
            platform: Platform::Mastodon.into(),
            server_url: self.url.clone(),
            ..sandbox(workspace_id)
        };
        let begun = start(client, request).await.unwrap();
        let asked: HashMap<String, String> =
            Url::parse(&begun.authorize_url).unwrap().query_pairs().into_owned().collect();
        assert_eq!(asked["state"], begun.state);
        assert_eq!(asked["code_challenge_method"], "S256");
        self.state.lock().unwrap().challenge = asked["code_challenge"].clone();
        begun.state
    }
}

impl State {
    fn app(&self) -> String {
        format!("client-{}", self.apps)
    }

    fn grant(&mut self, with_refresh_token: bool) -> Value {
        self.made += 1;
        self.access = format!("access-token-{}", self.made);
        let mut answer = json!({
            "access_token": self.access,
            "token_type": "Bearer",
            "expires_in": self.lasts,
            "scope": "read write",
        });
        if with_refresh_token {
            self.refresh = format!("refresh-token-{}", self.made);
            answer["refresh_token"] = self.refresh.clone().into();
        }
        answer
    }

    fn token(&mut self, form: &HashMap<String, String>) -> (u16, Value) {
        let invalid =
            || (400, json!({"error": "invalid_grant", "error_description": "no such grant"}));
        let is = |name: &str, value: &str| form.get(name).is_some_and(|given| given == value);
        if !is("client_id", &self.app()) || !is("client_secret", "client secret") {
            return (401, json!({"error": "invalid_client"}));
        }
        if is("grant_type", "client_credentials") {
            return (200, json!({"access_token": "of the app", "token_type": "Bearer"}));
        }
        if is("grant_type", "authorization_code") {
            let verifier = form.get("code_verifier").cloned().unwrap_or_default();
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
            let proved = URL_SAFE_NO_PAD.encode(hash) == self.challenge;
            return if proved && is("code", "the code") {
                // A code is good once.
                self.challenge.clear();
                (200, self.grant(true))
            } else {
                invalid()
            };
        }
        self.refreshes += 1;
        match self.behavior {
            Refreshes::Down => (503, json!({"error": "later"})),
            Refreshes::Refused => invalid(),
            Refreshes::Echoing => {
                let said = format!("no {} now", self.refresh);
                (400, json!({"error": "temporarily_unavailable", "error_description": said}))
            }
            // A refresh token that was used is worth nothing: two who refresh at once lose the account.
            _ if !is("refresh_token", &self.refresh) => invalid(),
            Refreshes::Rotating => (200, self.grant(true)),
            Refreshes::Keeping => (200, self.grant(false)),
        }
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let asks_for_tokens = parts.uri.path() == "/oauth/token";
    let delay = state.lock().unwrap().delay;
    if asks_for_tokens {
        sleep(delay).await;
    }
    let ((status, json), gate) = {
        let mut state = state.lock().unwrap();
        (said(&mut state, &parts, &body), state.gate.clone())
    };
    if let Some(gate) = gate.filter(|_| asks_for_tokens) {
        gate.acquire().await.unwrap().forget();
    }
    let response = Response::builder().status(status).header("content-type", "application/json");
    Ok(response.body(Full::new(json.to_string().into())).unwrap())
}

fn said(state: &mut State, parts: &Parts, body: &[u8]) -> (u16, Value) {
    let bearer = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let knows_us = bearer == Some(format!("Bearer {}", state.access).as_str());
    match parts.uri.path() {
        "/api/v1/apps" => {
            state.apps += 1;
            (200, json!({"client_id": state.app(), "client_secret": "client secret"}))
        }
        "/api/v2/instance" => {
            (200, json!({"configuration": {"statuses": {"max_characters": 5_000}}}))
        }
        "/oauth/token" => {
            let form = url::form_urlencoded::parse(body).into_owned().collect();
            state.token(&form)
        }
        _ if !knows_us => {
            // Some servers repeat what they were sent.
            (401, json!({"error": format!("The access token is invalid: {bearer:?}")}))
        }
        "/api/v1/accounts/verify_credentials" => {
            (200, json!({"id": "1", "username": "ann", "acct": "ann", "display_name": "Ann"}))
        }
        "/api/v1/statuses" => {
            let sent: Value = serde_json::from_slice(body).unwrap();
            let id = state.statuses.len().to_string();
            let status = json!({
                "id": id,
                "url": format!("https://social.example/@ann/{id}"),
                "created_at": "2026-06-15T12:00:00.000Z",
                "content": sent["status"],
            });
            let key = parts.headers.get("idempotency-key").and_then(|key| key.to_str().ok());
            state.keys.push(key.unwrap_or_default().to_owned());
            state.statuses.push(status.clone());
            (200, status)
        }
        "/api/v1/accounts/1/statuses" => {
            (200, state.statuses.iter().rev().cloned().collect::<Vec<_>>().into())
        }
        _ => (404, json!({"error": "Record not found"})),
    }
}
