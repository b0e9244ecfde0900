//! This system as an application that the operator registered at a network: its settings, and OAuth 2 as networks without
//! PKCE speak it, each with names of its own. Where PKCE is spoken it is [`super::oauth`].

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use postbreeze_runtime::config::{ConfigError, Lookup};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::{
    Begun, ConnectError, Given, RefreshError, Session, Tokens,
    http::{Answer, Http, Problem, Refusal},
    oauth::OauthClient,
    outcome::{clean, redacted},
};

/// Where people come back to with their code.
pub(crate) const REDIRECT_URL: &str = "POSTBREEZE_OAUTH_REDIRECT_URL";
/// A person waits for an exchange, and other calls for a refresh.
const WITHIN: Duration = Duration::from_secs(10);

/// Where a network is, unless settings say otherwise.
pub(crate) struct Addresses {
    /// What its settings are called, as `LINKEDIN`.
    pub(crate) name: &'static str,
    /// Where people grant access.
    pub(crate) authorize_url: &'static str,
    /// Where codes and refresh tokens are exchanged.
    pub(crate) token_url: &'static str,
    /// What the paths of its API begin with.
    pub(crate) api_url: &'static str,
}

/// An application that is registered at a network.
#[derive(Clone)]
pub(crate) struct App {
    /// Its id there.
    pub(crate) id: String,
    /// Its secret there.
    pub(crate) secret: SecretString,
    /// Where people come back to.
    pub(crate) redirect_url: String,
    /// Where people grant access.
    pub(crate) authorize_url: String,
    /// Where codes and refresh tokens are exchanged.
    pub(crate) token_url: String,
    /// What the paths of the API begin with; no slash at its end.
    pub(crate) api_url: String,
}

/// What a token endpoint answers, in the words that networks share.
#[derive(Deserialize)]
pub(crate) struct Granted {
    pub(crate) access_token: SecretString,
    pub(crate) refresh_token: Option<SecretString>,
    pub(crate) expires_in: Option<i64>,
    #[serde(default)]
    pub(crate) scope: String,
}

impl Granted {
    /// The tokens.
    pub(crate) fn tokens(self, now: DateTime<Utc>) -> Tokens {
        Tokens {
            access_token: self.access_token,
            refresh_token: self.refresh_token,
            expire_time: self.expires_in.and_then(|seconds| lasting(now, seconds)),
        }
    }

    /// What was granted; what was asked for where the network does not say.
    pub(crate) fn scopes(&self, asked: &[&str]) -> Vec<String> {
        let told = self.scope.split([' ', ',']).filter(|scope| !scope.is_empty());
        let told: Vec<String> = told.map(str::to_owned).collect();
        if told.is_empty() { asked.iter().map(|scope| (*scope).to_owned()).collect() } else { told }
    }
}

/// When what lasts so many seconds ends.
pub(crate) fn lasting(now: DateTime<Utc>, seconds: i64) -> Option<DateTime<Utc>> {
    now.checked_add_signed(TimeDelta::try_seconds(seconds)?)
}

impl App {
    /// The application whose settings are `POSTBREEZE_<name>_CLIENT_ID` and so on; `None`: it has none.
    ///
    /// # Errors
    /// When an id stands without a secret or without an address to come back to, or an address is none.
    pub(crate) fn read(lookup: &Lookup, at: &Addresses) -> Result<Option<Self>, ConfigError> {
        let named = |what: &str| format!("POSTBREEZE_{}_{what}", at.name);
        let Some(id) = lookup.text(&named("CLIENT_ID")) else { return Ok(None) };
        let address = |what: &str, usual: &str| {
            let variable = named(what);
            let url = lookup.text(&variable).unwrap_or_else(|| usual.to_owned());
            parsed(&variable, &url)
        };
        let redirect_url = lookup.required(REDIRECT_URL)?;
        Ok(Some(Self {
            id,
            secret: lookup.required_secret(&named("CLIENT_SECRET"))?,
            redirect_url: parsed(REDIRECT_URL, &redirect_url)?,
            authorize_url: address("AUTHORIZE_URL", at.authorize_url)?,
            token_url: address("TOKEN_URL", at.token_url)?,
            api_url: address("API_URL", at.api_url)?.trim_end_matches('/').to_owned(),
        }))
    }

    /// The same application for networks that speak PKCE.
    pub(crate) fn oauth(&self, scopes: &[&str], basic_auth: bool) -> OauthClient {
        OauthClient {
            id: self.id.clone(),
            secret: self.secret.clone(),
            authorize_url: self.authorize_url.clone(),
            token_url: self.token_url.clone(),
            redirect_url: self.redirect_url.clone(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            basic_auth,
            guarded: false,
        }
    }

    /// Where the person grants access; `id` is what the network calls the application's id.
    ///
    /// # Errors
    /// When the configured address is none.
    pub(crate) fn authorize(
        &self,
        begun: &Begun<'_>,
        id: &str,
        scopes: &str,
        more: &[(&str, &str)],
    ) -> Result<String, ConnectError> {
        let asked = [
            (id, self.id.as_str()),
            ("redirect_uri", &self.redirect_url),
            ("response_type", "code"),
            ("scope", scopes),
            ("state", begun.state),
        ];
        Url::parse_with_params(&self.authorize_url, asked.iter().chain(more))
            .map(String::from)
            .map_err(|error| ConnectError::Unreachable(format!("no address: {error}")))
    }

    /// Posts a form to the token endpoint.
    pub(crate) async fn token(
        &self,
        http: &Http,
        form: &[(&str, &str)],
        basic_auth: bool,
        now: DateTime<Utc>,
    ) -> Result<Granted, Problem> {
        let mut request = http.open(Method::POST, &self.token_url).within(WITHIN);
        if basic_auth {
            request = request.basic(&self.id, &self.secret);
        }
        // Some endpoints repeat what they were sent.
        let is_secret = |name: &str| matches!(name, "code" | "refresh_token");
        let sent = form.iter().filter(|(name, _)| is_secret(name));
        let sent: Vec<SecretString> = sent.map(|(_, value)| (*value).into()).collect();
        let secrets: Vec<&SecretString> = sent.iter().chain([&self.secret]).collect();
        let refusal = |answer: &Answer| {
            let refusal = refusal(answer);
            Refusal { message: redacted(&refusal.message, &secrets), ..refusal }
        };
        request.form(form).send().await?.json(now, refusal)
    }

    /// The form that exchanges a code, with the secret in it.
    pub(crate) fn code_form<'a>(&'a self, id: &'a str, code: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            (id, &self.id),
            ("client_secret", self.secret.expose_secret()),
            ("redirect_uri", &self.redirect_url),
        ]
    }

    /// The form that exchanges a refresh token, with the secret in it.
    pub(crate) fn refresh_form<'a>(
        &'a self,
        id: &'a str,
        refresh_token: &'a SecretString,
    ) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose_secret()),
            (id, &self.id),
            ("client_secret", self.secret.expose_secret()),
        ]
    }
}

fn parsed(variable: &str, url: &str) -> Result<String, ConfigError> {
    Url::parse(url).map_err(|error| ConfigError::new(variable, error))?;
    Ok(url.to_owned())
}

/// An error of OAuth 2, as token endpoints tell it; some have a number in the place of its name.
fn refusal(answer: &Answer) -> Refusal {
    let said = answer.value();
    let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    let code = match said["code"].as_i64() {
        Some(number) if said["error"].is_null() => number.to_string(),
        _ => text("error"),
    };
    let message = match text("error_description") {
        message if !message.is_empty() => format!("{code}: {message}"),
        _ if !text("error").is_empty() => code.clone(),
        _ => answer.text(),
    };
    Refusal { code, message, ..Refusal::default() }
}

/// The code of OAuth 2.
///
/// # Errors
/// When the person brought something else.
pub(crate) fn code(given: Given<'_>) -> Result<&str, ConnectError> {
    match given {
        Given::Code(code) => Ok(code),
        Given::Credentials(_) => {
            Err(ConnectError::invalid("credentials", "the network wants a code"))
        }
    }
}

/// What is connected of what a person granted: the one with the wanted id, or the only one. `named`: its id and its name;
/// `none`: what it means that there is nothing.
///
/// # Errors
/// When there is none, or several and none of them is wanted.
pub(crate) fn chosen<T>(
    granted: Vec<T>,
    begun: &Begun<'_>,
    named: impl Fn(&T) -> (&str, &str),
    none: &str,
) -> Result<T, ConnectError> {
    let names: Vec<String> = granted
        .iter()
        .map(|one| {
            let (id, name) = named(one);
            format!("{id} ({})", clean(name))
        })
        .collect();
    let wanted = begun.external_id;
    let is_right = |one: &T| wanted.is_empty() || named(one).0 == wanted;
    let mut right = granted.into_iter().filter(is_right);
    match (right.next(), right.next()) {
        (Some(one), None) => Ok(one),
        _ if names.is_empty() => Err(ConnectError::invalid("code", none)),
        _ => {
            let problem = format!("must be one of {}", names.join(", "));
            Err(ConnectError::invalid("external_id", problem))
        }
    }
}

/// A step of a connection that failed: what the person brought is not taken, or the network is not well.
pub(crate) fn not_connected(problem: &Problem) -> ConnectError {
    let message = problem.failure().message;
    if problem.is_transient() {
        ConnectError::Unreachable(message)
    } else {
        ConnectError::invalid("code", format!("the network refuses: {message}"))
    }
}

/// A refresh that failed. `is_final` says whether what the network refused with means that it will never take the token.
pub(crate) fn not_refreshed(problem: &Problem, is_final: bool) -> RefreshError {
    let failure = problem.failure();
    if is_final && !problem.is_transient() {
        RefreshError::Refused { revoked: false, message: failure.message }
    } else {
        RefreshError::Transient { message: failure.message, retry_after: failure.retry_after }
    }
}

/// What buys a new token.
///
/// # Errors
/// When the network granted nothing that does.
pub(crate) fn refresh_token(session: &Session) -> Result<&SecretString, RefreshError> {
    session.tokens.refresh_token.as_ref().ok_or_else(|| RefreshError::Refused {
        revoked: false,
        message: "the network granted nothing to refresh with".to_owned(),
    })
}

/// Whether a token endpoint said that a refresh token is not valid.
pub(crate) fn is_invalid_grant(problem: &Problem) -> bool {
    says(problem, "invalid_grant")
}

/// Whether a token endpoint refused with this code.
pub(crate) fn says(problem: &Problem, code: &str) -> bool {
    matches!(problem, Problem::Refused { refusal, .. } if refusal.code == code)
}
