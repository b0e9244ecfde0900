//! What Meta's networks share: the Graph API, its errors, and its tokens of long life.

mod comment;
mod refusal;

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

pub(crate) use self::comment::{Comment, Picture, own_comment, time};
use self::refusal::{RATE_LIMITED, refusal, usage_wait};
use super::{
    RefreshError, Session, Tokens,
    app::{App, lasting, not_refreshed},
    http::{Http, Problem, Request},
    steps::Listed,
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
    ) -> Result<Listed<T>, Problem> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let place = after.as_deref().map(|after| ("after", after));
            let query: Vec<_> = query.iter().copied().chain(place).collect();
            let page: Page<T> = self.read(session, path, &query).await?;
            let is_empty = page.data.is_empty();
            all.extend(page.data);
            after = page.paging.cursors.after.filter(|_| page.paging.next.is_some());
            let is_last = after.is_none() || is_empty;
            if is_last || all.len() >= most {
                let is_all = is_last && all.len() <= most;
                all.truncate(most);
                return Ok(Listed { items: all, is_all });
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
            let status =
                if refusal.code == RATE_LIMITED { StatusCode::TOO_MANY_REQUESTS } else { status };
            Problem::Refused { status, retry_after, refusal }
        }
        other => other,
    })
}
