//! XRPC: the calls of the AT Protocol, and what its errors mean.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use http::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::networks::{
    ConnectError, Session, TokenTrouble,
    http::{Answer, Http, Problem, Refusal, Request},
};

/// The way to servers of the protocol.
pub(super) struct Xrpc {
    pub(super) http: Http,
    /// Where accounts are that name no server.
    pub(super) default_server: String,
    /// The service that knows whole threads.
    pub(super) app_view: String,
}

/// A record as a server tells it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Record {
    pub(super) uri: String,
    #[serde(default)]
    pub(super) cid: String,
    #[serde(default)]
    pub(super) value: Value,
}

/// What an account shows of itself.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) display_name: String,
    pub(super) avatar_url: String,
}

impl Xrpc {
    /// The server that a user named, or the default one.
    pub(super) fn server(&self, field: &'static str, given: &str) -> Result<String, ConnectError> {
        let default = || self.default_server.clone();
        if given.is_empty() || given.trim_end_matches('/') == self.default_server {
            return Ok(default());
        }
        self.http.server(field, given)
    }

    /// A call to a server. Only the default one is of the configuration: every other was named by a user.
    pub(super) fn at(&self, server: &str, method: Method, nsid: &str) -> Result<Request, Problem> {
        let url = format!("{server}/xrpc/{nsid}");
        if server == self.default_server {
            Ok(self.http.open(method, &url))
        } else {
            self.http.guarded(method, &url)
        }
    }

    /// A call to an account's server, as the account.
    pub(super) fn to(
        &self,
        session: &Session,
        method: Method,
        nsid: &str,
    ) -> Result<Request, Problem> {
        let request = self.at(&session.account.server_url, method, nsid)?;
        Ok(request.bearer(&session.tokens.access_token))
    }

    /// Makes a call and reads its answer.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        now: DateTime<Utc>,
        request: Request,
    ) -> Result<T, Problem> {
        request.send().await?.json(now, refusal)
    }

    /// A record, from the account's own server.
    pub(super) async fn record(
        &self,
        session: &Session,
        repo: &str,
        collection: &str,
        rkey: &str,
    ) -> Result<Record, Problem> {
        let query = [("repo", repo), ("collection", collection), ("rkey", rkey)];
        let request = self.to(session, Method::GET, "com.atproto.repo.getRecord")?;
        self.call(session.now, request.query(&query)).await
    }

    /// What an account shows of itself; nothing where it cannot be read.
    pub(super) async fn profile(&self, server: &str, did: &str, now: DateTime<Utc>) -> Profile {
        let query = [("repo", did), ("collection", "app.bsky.actor.profile"), ("rkey", "self")];
        let asked = match self.at(server, Method::GET, "com.atproto.repo.getRecord") {
            Ok(request) => self.call::<Record>(now, request.query(&query)).await,
            Err(problem) => Err(problem),
        };
        let Ok(record) = asked else { return Profile::default() };
        let text = |pointer| record.value.pointer(pointer).and_then(Value::as_str);
        let avatar = text("/avatar/ref/$link")
            .map(|cid| format!("{server}/xrpc/com.atproto.sync.getBlob?did={did}&cid={cid}"));
        Profile {
            display_name: text("/displayName").unwrap_or_default().chars().take(640).collect(),
            avatar_url: avatar.unwrap_or_default(),
        }
    }
}

/// What an error of the protocol says: `{"error": "ExpiredToken", "message": "…"}`. A token that is not valid is 400 here.
pub(super) fn refusal(answer: &Answer) -> Refusal {
    let value = answer.value();
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (code, message) = (text("error"), text("message"));
    let token = match code.as_str() {
        "ExpiredToken" | "InvalidToken" | "AuthMissing" | "AuthenticationRequired" => {
            Some(TokenTrouble::Expired)
        }
        "AccountTakedown" | "AccountSuspended" => Some(TokenTrouble::Revoked),
        _ => None,
    };
    let message = match (message.is_empty(), code.is_empty()) {
        (false, _) => message,
        (true, false) => code.clone(),
        (true, true) => format!("the server answers {}: {}", answer.status, answer.text()),
    };
    Refusal { code, message, token, ..Refusal::default() }
}

/// Whether a problem is a refusal of this name.
pub(super) fn is(problem: &Problem, code: &str) -> bool {
    matches!(problem, Problem::Refused { refusal, .. } if refusal.code == code)
}

/// When a token says that it runs out, in seconds of the epoch. It is the server's word to itself: nothing is verified.
pub(super) fn expiry_of(token: &SecretString) -> Option<i64> {
    let payload = token.expose_secret().split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims.get("exp")?.as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_when_it_runs_out() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"sub":"did:plc:a","exp":1790000000}"#);
        assert_eq!(expiry_of(&format!("e30.{payload}.sig").into()), Some(1_790_000_000));
        for junk in ["", "a", "a.b.c", "e30.e30.e30", "e30.e30"] {
            assert_eq!(expiry_of(&junk.to_owned().into()), None, "{junk}");
        }
    }
}
