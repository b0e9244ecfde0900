//! The context token: who calls, signed by the service that authenticated them, for the services that will act on it.
//! A JSON Web Token with Ed25519 (EdDSA) and no other algorithm.
//!
//! The `kid` is `<issuer>/<name>`: keys rotate by adding a public key under a new name first. Only the aggregator may
//! speak for users; any issuer may speak for itself, as [`Caller::System`].
//!
//! A token has two audiences ([`Audience`]): the one service that may serve public RPCs with it, and those that may be
//! asked internal RPCs on the way. A token that was taken from one service opens no public RPC of another.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeZone as _, Utc};
use http::{HeaderName, HeaderValue};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::sync::Cache;
use postbreeze_proto::status::{Fault, Reason};
use postbreeze_runtime::{
    clock::Clock,
    config::{ConfigError, Lookup},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tonic::Request;
use uuid::Uuid;

use crate::{Caller, Permission};

/// The header that carries the token between services. The aggregator strips it from whatever a client sends.
pub const CONTEXT: HeaderName = HeaderName::from_static("x-postbreeze-context");
/// The only issuer that may speak for users.
pub const EDGE: &str = "aggregator";

const SIGNING_KEY: &str = "POSTBREEZE_CONTEXT_SIGNING_KEY";
const PUBLIC_KEYS: &str = "POSTBREEZE_CONTEXT_PUBLIC_KEYS";

const LIFE: Duration = Duration::from_secs(90);
/// A token is handed out again for this long: it then has more life left than the longest call of a client.
const REUSE: Duration = Duration::from_secs(25);
const CACHED: u64 = 10_000;

/// Whom a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Audience {
    /// The one service that may serve public RPCs with it; none: no service may.
    pub serves: Option<&'static str>,
    /// The services that may be asked internal RPCs with it.
    pub asked: &'static [&'static str],
}

impl Audience {
    /// An audience that may be asked internal RPCs only.
    #[must_use]
    pub const fn internal(asked: &'static [&'static str]) -> Self {
        Self { serves: None, asked }
    }
}

/// A kind of RPC, as an [`Audience`] tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rpcs {
    /// Those of `postbreeze.v1`.
    Public,
    /// Those of `postbreeze.internal.v1`.
    Internal,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    /// The services that may be asked internal RPCs.
    aud: Vec<String>,
    /// The service that may serve public RPCs.
    #[serde(skip_serializing_if = "Option::is_none")]
    srv: Option<String>,
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    caller: CallerClaims,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum CallerClaims {
    Anonymous,
    Session {
        sub: Uuid,
        sid: Uuid,
    },
    Key {
        sub: Uuid,
        key: Uuid,
        permission: Permission,
        scoped: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_us: Option<i64>,
    },
    System,
}

/// Whose token, and for whom.
type Wanted = (Caller, Audience);
/// A token, and when it was made.
type Made = (HeaderValue, DateTime<Utc>);

/// Signs tokens.
#[derive(Clone)]
pub struct Issuer {
    name: &'static str,
    kid: String,
    key: EncodingKey,
    clock: Clock,
    made: Cache<Wanted, Made>,
}

impl Issuer {
    /// The issuer of a service. The key is `<name>=<base64 of PKCS#8>`.
    ///
    /// # Errors
    /// When the key is missing or none.
    pub fn read(lookup: &Lookup, name: &'static str, clock: Clock) -> Result<Self, ConfigError> {
        let given = lookup.required_secret(SIGNING_KEY)?;
        Self::new(name, &given, clock)
    }

    /// The issuer with a key in the form of the configuration.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn new(name: &'static str, key: &SecretString, clock: Clock) -> Result<Self, ConfigError> {
        let bad =
            || ConfigError::new(SIGNING_KEY, "must be <name>=<base64 of a PKCS#8 Ed25519 key>");
        let (key_name, encoded) = key.expose_secret().split_once('=').ok_or_else(bad)?;
        let der = STANDARD.decode(encoded).map_err(|_| bad())?;
        Ed25519KeyPair::from_pkcs8(&der).map_err(|_| bad())?;
        Ok(Self {
            name,
            kid: format!("{name}/{key_name}"),
            key: EncodingKey::from_ed_der(&der),
            clock,
            made: Cache::new(CACHED),
        })
    }

    /// The token of a caller for an audience, made once and handed out again while it is fresh.
    ///
    /// # Errors
    /// When signing fails.
    pub fn token(
        &self,
        caller: &Caller,
        audience: Audience,
    ) -> Result<HeaderValue, jsonwebtoken::errors::Error> {
        let now = self.clock.now();
        let key = (caller.clone(), audience);
        if let Some((token, made)) = self.made.get(&key)
            && now - made < chrono::TimeDelta::from_std(REUSE).unwrap_or_default()
            && now >= made
        {
            return Ok(token);
        }
        let token = self.sign(caller, audience, now)?;
        self.made.insert(key, (token.clone(), now));
        Ok(token)
    }

    /// The token of this service itself, with which these services may be asked internal RPCs.
    ///
    /// # Errors
    /// When signing fails.
    pub fn system_token(
        &self,
        asked: &'static [&'static str],
    ) -> Result<HeaderValue, jsonwebtoken::errors::Error> {
        let caller = Caller::System { service: self.name.to_owned() };
        self.token(&caller, Audience::internal(asked))
    }

    /// A request in the name of this service itself, for an internal RPC of one of these services.
    ///
    /// # Errors
    /// When signing fails.
    pub fn request<T>(
        &self,
        message: T,
        asked: &'static [&'static str],
        within: Duration,
    ) -> Result<Request<T>, jsonwebtoken::errors::Error> {
        let mut request = Request::new(message);
        request.set_timeout(within);
        request.metadata_mut().as_mut().insert(CONTEXT, self.system_token(asked)?);
        Ok(request)
    }

    fn sign(
        &self,
        caller: &Caller,
        audience: Audience,
        now: DateTime<Utc>,
    ) -> Result<HeaderValue, jsonwebtoken::errors::Error> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        let iat = now.timestamp();
        let claims = Claims {
            iss: self.name.to_owned(),
            aud: audience.asked.iter().map(|name| (*name).to_owned()).collect(),
            srv: audience.serves.map(str::to_owned),
            iat,
            exp: iat + i64::try_from(LIFE.as_secs()).unwrap_or(0),
            caller: claims_of(caller),
        };
        let token = jsonwebtoken::encode(&header, &claims, &self.key)?;
        Ok(HeaderValue::try_from(token).expect("a token is ASCII"))
    }
}

/// Verifies tokens for one service.
#[derive(Clone)]
pub struct Verifier {
    service: &'static str,
    keys: Arc<HashMap<String, DecodingKey>>,
    clock: Clock,
    verified: Cache<HeaderValue, Verified>,
}

/// A token whose signature and claims are sound.
#[derive(Clone)]
struct Verified {
    caller: Arc<Caller>,
    /// Seconds since 1970.
    expires: i64,
    /// Whether this service may serve public RPCs with it.
    for_public: bool,
    /// Whether this service may be asked internal RPCs with it.
    for_internal: bool,
}

impl Verifier {
    /// The verifier of a service. The keys are `<issuer>/<name>=<base64 of the public key>`, separated by commas.
    ///
    /// # Errors
    /// When a key is missing or none.
    pub fn read(lookup: &Lookup, service: &'static str, clock: Clock) -> Result<Self, ConfigError> {
        Self::new(service, &lookup.required(PUBLIC_KEYS)?, clock)
    }

    /// The verifier with keys in the form of the configuration.
    ///
    /// # Errors
    /// When they are no such keys.
    pub fn new(service: &'static str, keys: &str, clock: Clock) -> Result<Self, ConfigError> {
        let bad = || {
            ConfigError::new(
                PUBLIC_KEYS,
                "must be <issuer>/<name>=<base64 of an Ed25519 public key>, …",
            )
        };
        let mut known = HashMap::new();
        for entry in keys.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (kid, encoded) = entry.split_once('=').ok_or_else(bad)?;
            let raw =
                STANDARD.decode(encoded).ok().filter(|raw| raw.len() == 32).ok_or_else(bad)?;
            if !kid.contains('/') {
                return Err(bad());
            }
            known.insert(kid.to_owned(), DecodingKey::from_ed_der(&raw));
        }
        if known.is_empty() {
            return Err(bad());
        }
        Ok(Self { service, keys: Arc::new(known), clock, verified: Cache::new(CACHED) })
    }

    /// The caller that a token names, for an RPC of this kind.
    ///
    /// # Errors
    /// `CREDENTIAL_INVALID` for a token that is forged, or with which this service may not be called so;
    /// `CREDENTIAL_EXPIRED` for an old one.
    pub fn verify(&self, token: &HeaderValue, rpcs: Rpcs) -> Result<Arc<Caller>, Fault> {
        let invalid =
            || Fault::new(Reason::CredentialInvalid, "the context token is not valid here");
        let verified = if let Some(known) = self.verified.get(token) {
            known
        } else {
            let verified = self.verify_anew(token).ok_or_else(invalid)?;
            self.verified.insert(token.clone(), verified.clone());
            verified
        };
        let is_for_us = match rpcs {
            Rpcs::Public => verified.for_public,
            Rpcs::Internal => verified.for_internal,
        };
        if !is_for_us {
            return Err(invalid());
        }
        if self.clock.now().timestamp() >= verified.expires {
            return Err(Fault::new(Reason::CredentialExpired, "the context token has expired"));
        }
        Ok(verified.caller)
    }

    fn verify_anew(&self, token: &HeaderValue) -> Option<Verified> {
        let token = token.to_str().ok()?;
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        let key = self.keys.get(&kid)?;
        let issuer = kid.split('/').next()?;
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[issuer]);
        rules.set_required_spec_claims(&["exp", "aud", "iss"]);
        // The two audiences are checked against the kind of RPC, and the time against our own clock, at every use.
        rules.validate_aud = false;
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &rules).ok()?.claims;
        let caller = caller_of(claims.caller, &claims.iss);
        let speaks_for_itself = matches!(caller, Caller::System { .. });
        (issuer == EDGE || speaks_for_itself).then(|| Verified {
            caller: Arc::new(caller),
            expires: claims.exp,
            for_public: claims.srv.as_deref() == Some(self.service),
            for_internal: claims.aud.iter().any(|name| name == self.service),
        })
    }
}

fn claims_of(caller: &Caller) -> CallerClaims {
    match caller {
        Caller::Anonymous => CallerClaims::Anonymous,
        Caller::System { .. } => CallerClaims::System,
        Caller::Session { user_id, session_id } => {
            CallerClaims::Session { sub: user_id.uuid(), sid: *session_id }
        }
        Caller::Key { user_id, key_id, permission, scoped, expire_time } => CallerClaims::Key {
            sub: user_id.uuid(),
            key: key_id.uuid(),
            permission: *permission,
            scoped: *scoped,
            expires_us: expire_time.map(|time| time.timestamp_micros()),
        },
    }
}

fn caller_of(claims: CallerClaims, issuer: &str) -> Caller {
    use postbreeze_ids::Id;
    match claims {
        CallerClaims::Anonymous => Caller::Anonymous,
        CallerClaims::System => Caller::System { service: issuer.to_owned() },
        CallerClaims::Session { sub, sid } => {
            Caller::Session { user_id: Id::from_uuid(sub), session_id: sid }
        }
        CallerClaims::Key { sub, key, permission, scoped, expires_us } => Caller::Key {
            user_id: Id::from_uuid(sub),
            key_id: Id::from_uuid(key),
            permission,
            scoped,
            expire_time: expires_us.and_then(|us| Utc.timestamp_micros(us).single()),
        },
    }
}

/// A new key pair in the form of the configuration: the signing key, and its entry among the public keys.
///
/// # Errors
/// When the source of randomness fails.
pub fn generate(
    issuer: &str,
    name: &str,
) -> Result<(SecretString, String), aws_lc_rs::error::Unspecified> {
    let pair = Ed25519KeyPair::generate()?;
    let der = pair.to_pkcs8v1()?;
    let signing = format!("{name}={}", STANDARD.encode(der.as_ref()));
    let public = format!("{issuer}/{name}={}", STANDARD.encode(pair.public_key().as_ref()));
    Ok((signing.into(), public))
}
