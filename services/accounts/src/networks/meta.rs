//! What Meta's networks share: the Graph API, its errors, its tokens of long life, and publishing through containers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use postbreeze_proto::internal::v1::FetchedComment;
use postbreeze_proto::time::to_proto;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    RefreshError, Session, TokenTrouble, Tokens,
    app::{App, lasting, not_refreshed},
    http::{Answer, Http, Problem, Refusal, Request},
};

/// An API of the Graph family.
#[derive(Clone)]
pub(crate) struct Graph {
    /// The way to it.
    pub(crate) http: Http,
    /// What paths begin with, its version included.
    pub(crate) url: String,
    /// Whether the token is a parameter, as Threads documents it, or a header.
    pub(crate) token_as_parameter: bool,
}

/// Something that has an id.
#[derive(Deserialize)]
pub(crate) struct Created {
    pub(crate) id: String,
}

/// A list.
#[derive(Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
    #[serde(default)]
    pub(crate) paging: Paging,
}

/// Where a list goes on.
#[derive(Deserialize, Default)]
pub(crate) struct Paging {
    /// The whole address of the next page; absent on the last.
    pub(crate) next: Option<String>,
    #[serde(default)]
    pub(crate) cursors: Cursors,
}

/// Places in a list.
#[derive(Deserialize, Default)]
pub(crate) struct Cursors {
    pub(crate) after: Option<String>,
}

impl Graph {
    /// Reads.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        path: &str,
        query: &[(&str, &str)],
        now: DateTime<Utc>,
    ) -> Result<T, Problem> {
        let request = self.http.open(Method::GET, &format!("{}/{path}", self.url));
        let request = if self.token_as_parameter {
            request.query(&[query, &[("access_token", token.expose_secret())]].concat())
        } else {
            request.query(query).bearer(token)
        };
        answer(request, token, now).await
    }

    /// Writes.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        session: &Session,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<T, Problem> {
        let token = &session.tokens.access_token;
        let request = self.http.open(Method::POST, &format!("{}/{path}", self.url));
        let request = if self.token_as_parameter {
            request.form(&[form, &[("access_token", token.expose_secret())]].concat())
        } else {
            request.form(form).bearer(token)
        };
        answer(request, token, session.now).await
    }

    /// Reads as an account.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        session: &Session,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Problem> {
        self.get(&session.tokens.access_token, path, query, session.now).await
    }

    /// A whole list, page after page, at most so many.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        session: &Session,
        path: &str,
        query: &[(&str, &str)],
        most: usize,
    ) -> Result<Vec<T>, Problem> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let place = after.as_deref().map(|after| ("after", after));
            let query: Vec<_> = query.iter().copied().chain(place).collect();
            let page: Page<T> = self.read(session, path, &query).await?;
            let is_empty = page.data.is_empty();
            all.extend(page.data);
            after = page.paging.cursors.after.filter(|_| page.paging.next.is_some());
            if after.is_none() || is_empty || all.len() >= most {
                all.truncate(most);
                return Ok(all);
            }
        }
    }

    /// A token of long life for one of short life, or for one that is not over yet.
    pub(crate) async fn long_lived(
        &self,
        path: &str,
        query: &[(&str, &str)],
        token: (&str, &SecretString),
        now: DateTime<Utc>,
    ) -> Result<Tokens, Problem> {
        #[derive(Deserialize)]
        struct Lasting {
            access_token: SecretString,
            expires_in: Option<i64>,
        }
        let query = [query, &[(token.0, token.1.expose_secret())]].concat();
        let request = self.http.open(Method::GET, &format!("{}/{path}", origin(&self.url)));
        let answered: Lasting = answer(request.query(&query), token.1, now).await?;
        Ok(Tokens {
            // The token buys its own successor.
            refresh_token: Some(answered.access_token.clone()),
            access_token: answered.access_token,
            expire_time: answered.expires_in.and_then(|seconds| lasting(now, seconds)),
        })
    }

    /// Buys the next token of long life with the current one (`ig_refresh_token`, `th_refresh_token`).
    pub(crate) async fn renew(
        &self,
        session: &Session,
        grant_type: &str,
    ) -> Result<Tokens, RefreshError> {
        let token = session.tokens.refresh_token.as_ref().unwrap_or(&session.tokens.access_token);
        let query = [("grant_type", grant_type)];
        self.long_lived("refresh_access_token", &query, ("access_token", token), session.now)
            .await
            .map_err(|problem| not_refreshed(&problem, is_about_token(&problem)))
    }
}

/// Exchanges a code for a token of short life, then that for one of long life.
pub(crate) async fn exchange(
    graph: &Graph,
    app: &App,
    code: &str,
    grant_type: &str,
    now: DateTime<Utc>,
) -> Result<Tokens, Problem> {
    // Some of the networks put "#_" after the code.
    let code = code.trim_end_matches("#_");
    let form = app.code_form("client_id", code);
    let request = graph.http.open(Method::POST, &app.token_url).form(&form);
    let said: serde_json::Value = answer(request, &app.secret, now).await?;
    let said = said.get("data").and_then(|data| data.get(0)).unwrap_or(&said);
    let short = said["access_token"].as_str().unwrap_or_default().to_owned();
    let query = [("grant_type", grant_type), ("client_secret", app.secret.expose_secret())];
    graph.long_lived("access_token", &query, ("access_token", &short.into()), now).await
}

fn origin(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}

fn is_about_token(problem: &Problem) -> bool {
    matches!(problem, Problem::Refused { refusal, .. } if refusal.token.is_some())
}

/// The answer to a request; errors repeat no token.
pub(crate) async fn answer<T: DeserializeOwned>(
    request: Request,
    token: &SecretString,
    now: DateTime<Utc>,
) -> Result<T, Problem> {
    let answer = request.send().await?;
    answer.json(now, refusal).map_err(|problem| match problem {
        Problem::Refused { status, retry_after, mut refusal } => {
            refusal.message = super::outcome::redacted(&refusal.message, &[token]);
            let retry_after = retry_after.or_else(|| usage_wait(&answer, &refusal));
            // Limits are told as bad requests; told as failures of a server they would mean that it may have been done.
            let status = if refusal.code == RATE_LIMITED {
                StatusCode::TOO_MANY_REQUESTS
            } else {
                status
            };
            Problem::Refused { status, retry_after, refusal }
        }
        other => other,
    })
}

const RATE_LIMITED: &str = "rate_limited";
/// When the API does not say how long a limit lasts.
const LIMIT_WAIT: Duration = Duration::from_mins(5);

/// How long a limit lasts, from the header in which Meta tells of it.
fn usage_wait(answer: &Answer, refusal: &Refusal) -> Option<Duration> {
    if refusal.code != RATE_LIMITED {
        return None;
    }
    let header = answer.headers.get("x-business-use-case-usage");
    let usage = header.and_then(|header| serde_json::from_slice(header.as_bytes()).ok());
    let usage: serde_json::Value = usage.unwrap_or_default();
    let entries = usage.as_object().into_iter().flat_map(|all| all.values()).filter_map(|all| all.as_array());
    let minutes = entries
        .flatten()
        .filter_map(|entry| entry["estimated_time_to_regain_access"].as_u64())
        .max()
        .filter(|minutes| *minutes > 0);
    Some(minutes.map_or(LIMIT_WAIT, |minutes| Duration::from_secs(minutes.saturating_mul(60))))
}

/// An error of the Graph API.
pub(crate) fn refusal(answer: &Answer) -> Refusal {
    #[derive(Deserialize, Default)]
    struct Said {
        #[serde(default)]
        message: String,
        #[serde(default)]
        code: i64,
        #[serde(default)]
        error_subcode: i64,
        #[serde(default)]
        is_transient: bool,
        #[serde(default)]
        error_user_msg: String,
    }
    let error = answer.value()["error"].take();
    // The endpoints of OAuth have a shape of their own.
    let oauth = answer.value()["error_message"].as_str().map(str::to_owned);
    let said: Said = serde_json::from_value(error).unwrap_or_default();
    let code = match (said.code, said.error_subcode) {
        // The person has taken the application away.
        (190, 458) => "token_revoked",
        (190 | 102, _) => "token_expired",
        (4 | 17 | 32 | 613 | 80_000..=80_014, _) | (9, 2_207_042) => RATE_LIMITED,
        (9_007, 2_207_027) => "in_progress",
        (3 | 10 | 200..=299, _) => "permission_denied",
        (368, _) => "blocked_by_network",
        (506, _) => "duplicate",
        (1, _) => "unknown_error",
        (2, _) => "temporarily_unavailable",
        (36_000..=36_004, _) | (352, _) | (9_004, _) => "media_refused",
        (100, 33) => "not_found",
        (100, _) => "invalid_parameter",
        _ => "refused",
    };
    let message = [said.error_user_msg, said.message]
        .into_iter()
        .chain(oauth)
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| answer.text());
    Refusal {
        code: code.to_owned(),
        message,
        transient: said.is_transient || matches!(code, RATE_LIMITED | "in_progress" | "temporarily_unavailable"),
        token: match code {
            "token_revoked" => Some(TokenTrouble::Revoked),
            "token_expired" => Some(TokenTrouble::Expired),
            _ => None,
        },
    }
}

/// A time as the Graph API writes it.
pub(crate) fn time(text: &str) -> Option<DateTime<Utc>> {
    let parsed = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z");
    parsed.or_else(|_| DateTime::parse_from_rfc3339(text)).ok().map(|time| time.to_utc())
}

/// A comment or a reply, as the networks tell it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Comment {
    pub(crate) id: String,
    #[serde(alias = "message")]
    pub(crate) text: String,
    pub(crate) username: String,
    #[serde(alias = "created_time")]
    pub(crate) timestamp: String,
    pub(crate) from: Author,
}

/// Who wrote it, where the network says.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Author {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) username: String,
    pub(crate) picture: Picture,
}

/// A picture of somebody.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Picture {
    pub(crate) data: PictureData,
}

/// Where a picture is.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct PictureData {
    pub(crate) url: String,
}

impl Comment {
    /// Whether the account itself wrote it.
    pub(crate) fn is_own(&self, session: &Session) -> bool {
        let account = &session.account;
        self.from.id == account.external_id || self.handle().eq_ignore_ascii_case(&account.handle)
    }

    fn handle(&self) -> &str {
        [&self.username, &self.from.username, &self.from.name]
            .into_iter()
            .find(|name| !name.is_empty())
            .map_or("", String::as_str)
    }

    /// As it is kept.
    pub(crate) fn fetched(self) -> FetchedComment {
        FetchedComment {
            author_handle: self.handle().to_owned(),
            author_display_name: self.from.name,
            author_avatar_url: self.from.picture.data.url,
            external_id: self.id,
            body: self.text,
            network_time: time(&self.timestamp).map(to_proto),
        }
    }
}
