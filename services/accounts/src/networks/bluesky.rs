//! Bluesky: the AT Protocol, on any server that speaks it. Connects with an app password. Posts have up to 4 images, or one
//! MP4 video; links, mentions and hashtags are marked up.
//!
//! The key of a sending becomes the record's name, so what is sent twice is there once. A server answers a name that is
//! taken with 500, as it does when it fails: what is behind it is read back.

mod comments;
mod record;
mod rkey;
mod text;
mod xrpc;

use chrono::DateTime;
use http::Method;
use postbreeze_proto::{
    internal::v1::{FetchedComment, PublishCommentRequest, PublishRequest},
    v1::ConnectCredentials,
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use tonic::async_trait;

use self::{
    record::{POST, PostRecord},
    xrpc::{Xrpc, expiry_of},
};
use super::{
    Begun, Capabilities, ConnectError, Failure, Found, Given, Grant, Network, Outcome, Progress,
    RefreshError, Sent, Session, TokenTrouble, Tokens,
    http::{Http, Problem},
};

/// The network.
pub(super) struct Bluesky {
    xrpc: Xrpc,
}

impl Bluesky {
    /// Over these addresses: of the server of accounts that name none, and of the service that knows whole threads.
    pub(super) fn new(http: Http, default_server: String, app_view: String) -> Self {
        Self { xrpc: Xrpc { http, default_server, app_view } }
    }

    /// Writes a record under the name that its key gives it; when it is not known what came of it, looks.
    async fn create(&self, session: &Session, key: &str, record: &Value) -> Outcome {
        let rkey = rkey::of(key);
        let body = json!({
            "repo": session.account.external_id,
            "collection": POST,
            "rkey": rkey,
            "record": record,
        });
        let request = self.xrpc.to(session, Method::POST, "com.atproto.repo.createRecord");
        let created = match request {
            Ok(request) => self.xrpc.call::<Created>(session.now, request.json(&body)).await,
            Err(problem) => Err(problem),
        };
        match created {
            Ok(created) => Outcome::Sent(sent(session, created.uri, &rkey)),
            Err(problem) => match (problem.outcome(), self.look(session, key).await) {
                (Outcome::Unknown { .. }, Ok(Found::There(sent))) => Outcome::Sent(sent),
                (outcome, _) => outcome,
            },
        }
    }

    /// Whether the record of a key is there.
    async fn look(&self, session: &Session, key: &str) -> Result<Found, Failure> {
        let rkey = rkey::of(key);
        let own = &session.account.external_id;
        match self.xrpc.record(session, own, POST, &rkey).await {
            Ok(record) => Ok(Found::There(sent(session, record.uri, &rkey))),
            // A late arrival of the same record would meet the one that is sent again, under the same name.
            Err(problem) if xrpc::is(&problem, "RecordNotFound") => Ok(Found::NotThere),
            Err(problem) => problem.undecided(),
        }
    }

    async fn session_of(
        &self,
        server: &str,
        credentials: &ConnectCredentials,
        begun: &Begun<'_>,
    ) -> Result<NewSession, ConnectError> {
        let name = credentials.identifier.trim().trim_start_matches('@');
        let body = json!({"identifier": name, "password": credentials.secret});
        let at = self.xrpc.at(server, Method::POST, "com.atproto.server.createSession");
        let answer = match at {
            Ok(request) => self.xrpc.call::<NewSession>(begun.now, request.json(&body)).await,
            Err(problem) => Err(problem),
        };
        answer.map_err(|problem| refused(&problem, credentials))
    }
}

/// What a server says to a person's credentials.
fn refused(problem: &Problem, credentials: &ConnectCredentials) -> ConnectError {
    let server = if credentials.server_url.is_empty() {
        "credentials.identifier"
    } else {
        "credentials.server_url"
    };
    match problem {
        Problem::Refused { refusal, .. } if refusal.code == "AuthFactorTokenRequired" => {
            ConnectError::invalid(
                "credentials.secret",
                "the account asks for a second factor: make an app password",
            )
        }
        _ if problem.is_transient() && !matches!(problem, Problem::Unreadable(_)) => {
            ConnectError::Unreachable(problem.to_string())
        }
        // An answer that is none of the protocol.
        Problem::Refused { refusal, .. } if refusal.code.is_empty() => {
            ConnectError::invalid(server, "is no server of this network")
        }
        Problem::Refused { refusal, .. } => ConnectError::invalid(
            "credentials.secret",
            format!("the server refuses identifier or secret: {}", refusal.message),
        ),
        Problem::Forbidden(message) => ConnectError::invalid(server, message.clone()),
        _ => ConnectError::invalid(server, "is no server of this network"),
    }
}

#[async_trait]
impl Network for Bluesky {
    fn capabilities(&self) -> Capabilities {
        Capabilities { accepts_key: true, can_find: true, can_comment: true, ..Default::default() }
    }

    async fn start_connect(&self, _: &Begun<'_>) -> Result<String, ConnectError> {
        Ok(String::new())
    }

    async fn connect(&self, begun: &Begun<'_>, given: Given<'_>) -> Result<Grant, ConnectError> {
        let Given::Credentials(credentials) = given else {
            return Err(ConnectError::invalid("code", "this network wants credentials"));
        };
        let server = self.xrpc.server("credentials.server_url", &credentials.server_url)?;
        let session = self.session_of(&server, credentials, begun).await?;
        let profile = self.xrpc.profile(&server, &session.did, begun.now).await;
        Ok(Grant {
            external_id: session.did.clone(),
            handle: session.handle.clone(),
            display_name: profile.display_name,
            avatar_url: profile.avatar_url,
            scopes: Vec::new(),
            server_url: server,
            tokens: session.tokens(),
        })
    }

    async fn refresh(&self, session: &Session) -> Result<Tokens, RefreshError> {
        let refused =
            |message: &str, revoked| RefreshError::Refused { revoked, message: message.to_owned() };
        let Some(refresh_token) = &session.tokens.refresh_token else {
            return Err(refused("nothing to refresh with", false));
        };
        let server = &session.account.server_url;
        let request = self.xrpc.at(server, Method::POST, "com.atproto.server.refreshSession");
        let answer = match request {
            Ok(request) => {
                self.xrpc.call::<NewSession>(session.now, request.bearer(refresh_token)).await
            }
            Err(problem) => Err(problem),
        };
        match answer {
            Ok(new) => Ok(new.tokens()),
            Err(problem) => {
                let failure = problem.failure();
                Err(match failure.token {
                    Some(trouble) => refused(&failure.message, trouble == TokenTrouble::Revoked),
                    None => RefreshError::Transient {
                        message: failure.message,
                        retry_after: failure.retry_after,
                    },
                })
            }
        }
    }

    async fn publish(&self, session: &Session, post: &PublishRequest, _: &mut Progress) -> Outcome {
        let record = PostRecord::of_post(&self.xrpc, session, post).await;
        match record {
            Ok(record) => self.create(session, &post.key, &record.into_json()).await,
            Err(failure) => failure.into(),
        }
    }

    async fn find(
        &self,
        session: &Session,
        post: &PublishRequest,
        _: &Progress,
    ) -> Result<Found, Failure> {
        self.look(session, &post.key).await
    }

    async fn publish_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        _: &mut Progress,
    ) -> Outcome {
        let record = PostRecord::of_comment(&self.xrpc, session, comment).await;
        match record {
            Ok(record) => self.create(session, &comment.key, &record.into_json()).await,
            Err(failure) => failure.into(),
        }
    }

    async fn find_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        _: &Progress,
    ) -> Result<Found, Failure> {
        self.look(session, &comment.key).await
    }

    async fn fetch_comments(
        &self,
        session: &Session,
        external_post_id: &str,
    ) -> Result<Vec<FetchedComment>, Failure> {
        comments::fetch(&self.xrpc, session, external_post_id).await
    }
}

fn sent(session: &Session, uri: String, rkey: &str) -> Sent {
    let profile = &session.account.external_id;
    Sent {
        external_id: uri,
        external_url: format!("https://bsky.app/profile/{profile}/post/{rkey}"),
    }
}

#[derive(Deserialize)]
struct Created {
    uri: String,
}

/// What a server answers to credentials, and to a refresh token.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewSession {
    did: String,
    handle: String,
    access_jwt: SecretString,
    refresh_jwt: SecretString,
}

impl NewSession {
    fn tokens(self) -> Tokens {
        Tokens {
            expire_time: expiry_of(&self.access_jwt)
                .and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            access_token: self.access_jwt,
            refresh_token: Some(self.refresh_jwt),
        }
    }
}
