//! OAuth 2 with PKCE (RFC 6749, RFC 7636): where to send the person, what their code buys, and refreshing it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardErrorResponse, TokenResponse,
    TokenUrl,
    basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Begun, ConnectError, RefreshError, Tokens,
    http::{Http, Problem, Refusal},
    outcome::clean,
};

/// A person waits for an exchange, and other calls for a refresh.
const WITHIN: Duration = Duration::from_secs(10);

/// This system as a client of an authorization server.
#[derive(Clone)]
pub(crate) struct OauthClient {
    /// Its id there.
    pub(crate) id: String,
    /// Its secret there.
    pub(crate) secret: SecretString,
    /// Where the person grants access.
    pub(crate) authorize_url: String,
    /// Where codes and refresh tokens are exchanged.
    pub(crate) token_url: String,
    /// Where the person comes back to.
    pub(crate) redirect_url: String,
    /// What is asked for.
    pub(crate) scopes: Vec<String>,
    /// Whether the secret travels as HTTP basic authentication rather than in the form.
    pub(crate) basic_auth: bool,
    /// Whether a user named the server.
    pub(crate) guarded: bool,
}

/// What a code bought.
pub(crate) struct Exchanged {
    /// The tokens.
    pub(crate) tokens: Tokens,
    /// What was granted; the scopes that were asked for where the server does not say.
    pub(crate) scopes: Vec<String>,
}

type Endpoints =
    BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;
type TokenError = RequestTokenError<Problem, StandardErrorResponse<BasicErrorResponseType>>;

impl OauthClient {
    fn endpoints(&self) -> Result<Endpoints, oauth2::url::ParseError> {
        let auth_type = if self.basic_auth { AuthType::BasicAuth } else { AuthType::RequestBody };
        Ok(BasicClient::new(ClientId::new(self.id.clone()))
            .set_client_secret(ClientSecret::new(self.secret.expose_secret().to_owned()))
            .set_auth_type(auth_type)
            .set_auth_uri(AuthUrl::new(self.authorize_url.clone())?)
            .set_token_uri(TokenUrl::new(self.token_url.clone())?)
            .set_redirect_uri(RedirectUrl::new(self.redirect_url.clone())?))
    }

    /// Where the person grants access, with what the network wants beyond the standard.
    ///
    /// # Errors
    /// When an address is none.
    pub(crate) fn authorize(
        &self,
        begun: &Begun<'_>,
        more: &[(&str, &str)],
    ) -> Result<String, ConnectError> {
        let verifier = PkceCodeVerifier::new(begun.verifier.expose_secret().to_owned());
        let endpoints = self.endpoints().map_err(bad_address)?;
        let state = begun.state.to_owned();
        let mut request = endpoints
            .authorize_url(move || CsrfToken::new(state))
            .add_scopes(self.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        for (name, value) in more {
            request = request.add_extra_param(*name, *value);
        }
        Ok(request.url().0.into())
    }

    /// Exchanges the code that the person brought back.
    ///
    /// # Errors
    /// When the network does not take it, or cannot be reached.
    pub(crate) async fn exchange(
        &self,
        http: &Http,
        begun: &Begun<'_>,
        code: &str,
    ) -> Result<Exchanged, ConnectError> {
        let endpoints = self.endpoints().map_err(bad_address)?;
        let client = self.way(http, begun.now);
        let answer = endpoints
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(begun.verifier.expose_secret().to_owned()))
            .request_async(&client)
            .await;
        match answer {
            Ok(answer) => Ok(self.read(&answer, begun.now)),
            Err(RequestTokenError::ServerResponse(refusal)) => Err(ConnectError::invalid(
                "code",
                format!("the network refuses: {}", told(&refusal)),
            )),
            Err(RequestTokenError::Request(problem @ Problem::Forbidden(_))) => {
                Err(ConnectError::invalid("code", clean(&problem.to_string())))
            }
            Err(other) => Err(ConnectError::Unreachable(describe(&other))),
        }
    }

    /// Whether the server says that it does not know this application.
    pub(crate) async fn is_unknown(&self, http: &Http, now: DateTime<Utc>) -> bool {
        let Ok(endpoints) = self.endpoints() else { return false };
        let client = self.way(http, now);
        let answer = endpoints.exchange_client_credentials().request_async(&client).await;
        matches!(answer, Err(RequestTokenError::ServerResponse(refusal))
            if *refusal.error() == BasicErrorResponseType::InvalidClient)
    }

    /// Buys new tokens. `dead`: what the network says of a refresh token that is not valid, where it does not say so in the
    /// words of the standard.
    ///
    /// # Errors
    /// When the network does not take the refresh token, or cannot be reached.
    pub(crate) async fn refresh(
        &self,
        http: &Http,
        refresh_token: &SecretString,
        dead: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Tokens, RefreshError> {
        let transient = |message: String| RefreshError::Transient { message, retry_after: None };
        let endpoints = self.endpoints().map_err(|error| transient(error.to_string()))?;
        let token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let client = self.way(http, now);
        match endpoints.exchange_refresh_token(&token).request_async(&client).await {
            Ok(answer) => Ok(self.read(&answer, now).tokens),
            Err(RequestTokenError::ServerResponse(refusal))
                if *refusal.error() == BasicErrorResponseType::InvalidGrant
                    || dead.is_some_and(|dead| told(&refusal).contains(dead)) =>
            {
                Err(RefreshError::Refused { revoked: false, message: told(&refusal) })
            }
            Err(RequestTokenError::Request(problem)) => {
                let failure = problem.failure();
                Err(RefreshError::Transient {
                    message: failure.message,
                    retry_after: failure.retry_after,
                })
            }
            // Also invalid_client: the operator's settings are wrong, and the account is as good as before.
            Err(other) => Err(transient(describe(&other))),
        }
    }

    fn read(&self, answer: &BasicTokenResponse, now: DateTime<Utc>) -> Exchanged {
        let lasts = answer.expires_in().and_then(|lasts| TimeDelta::from_std(lasts).ok());
        let secret = |text: &String| SecretString::from(text.clone());
        let scopes = answer.scopes().map(|scopes| scopes.iter().map(|s| s.to_string()).collect());
        Exchanged {
            tokens: Tokens {
                access_token: secret(answer.access_token().secret()),
                refresh_token: answer.refresh_token().map(|token| secret(token.secret())),
                expire_time: lasts.and_then(|lasts| now.checked_add_signed(lasts)),
            },
            scopes: scopes.unwrap_or_else(|| self.scopes.clone()),
        }
    }

    fn way(&self, http: &Http, now: DateTime<Utc>) -> Way {
        Way { http: http.clone(), guarded: self.guarded, now }
    }
}

/// The library's requests over our own way to networks.
struct Way {
    http: Http,
    guarded: bool,
    now: DateTime<Utc>,
}

impl<'c> AsyncHttpClient<'c> for Way {
    type Error = Problem;
    type Future = BoxFuture<'c, Result<HttpResponse, Problem>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Way {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Problem> {
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        let mut own = if self.guarded {
            self.http.guarded(Method::POST, &url)?
        } else {
            self.http.open(Method::POST, &url)
        };
        for (name, value) in &parts.headers {
            own = own.header(name.as_str(), value.to_str().unwrap_or_default());
        }
        let answer = own.raw(body).within(WITHIN).send().await?;
        // What says that the server is not well is no answer to the question, whatever its body says.
        if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS {
            answer.accepted(self.now, |_| Refusal {
                message: format!("the authorization server answers {}", answer.status),
                ..Refusal::default()
            })?;
        }
        let mut response = HttpResponse::new(answer.body.to_vec());
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

fn bad_address(error: oauth2::url::ParseError) -> ConnectError {
    ConnectError::Unreachable(format!("an address of the network cannot be read: {error}"))
}

/// What the server says of its refusal; it knows no secret of ours but what it was sent.
fn told(refusal: &StandardErrorResponse<BasicErrorResponseType>) -> String {
    let name = refusal.error().as_ref().to_owned();
    clean(&refusal.error_description().map_or(name.clone(), |text| format!("{name}: {text}")))
}

fn describe(error: &TokenError) -> String {
    match error {
        RequestTokenError::Request(problem) => clean(&problem.to_string()),
        RequestTokenError::ServerResponse(refusal) => told(refusal),
        // Its cause repeats what it could not read, which may be a token.
        RequestTokenError::Parse(..) => "the token endpoint answers no JSON of OAuth 2".to_owned(),
        RequestTokenError::Other(text) => clean(text),
    }
}
