//! The calls of the API that are used, what they answer, and what its errors mean.

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use postbreeze_proto::{internal::v1::FetchedComment, time::to_proto};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::find::text_of;
use crate::networks::{
    Session, TokenTrouble, clean,
    http::{Answer, Http, Problem, Refusal, Request},
};

const COMMENTS: usize = 500;
/// Statuses of the account that a search looks through, and how many a page has.
const PAGES: usize = 5;
const PAGE: &str = "40";

/// The way to servers of this network. All of them are named by users.
pub(super) struct Api {
    pub(super) http: Http,
}

/// An account as a server tells it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Account {
    pub(super) id: String,
    #[serde(default)]
    pub(super) username: String,
    #[serde(default)]
    pub(super) acct: String,
    #[serde(default)]
    pub(super) display_name: String,
    #[serde(default)]
    pub(super) avatar: Option<String>,
}

/// A status as a server tells it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    pub(super) id: String,
    #[serde(default)]
    pub(super) uri: Option<String>,
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) created_at: String,
    /// When its author last changed it, if ever.
    #[serde(default)]
    pub(super) edited_at: Option<String>,
    #[serde(default)]
    pub(super) content: String,
    /// What was written, where a server tells it.
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) spoiler_text: String,
    #[serde(default)]
    pub(super) in_reply_to_id: Option<String>,
    #[serde(default)]
    pub(super) account: Option<Account>,
    #[serde(default)]
    pub(super) media_attachments: Vec<Value>,
    #[serde(default)]
    pub(super) reblog: Option<Value>,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    descendants: Vec<Status>,
}

impl Session {
    /// The account's id on its server: what stands before the server's name.
    pub(super) fn own_id(&self) -> &str {
        let id = &self.account.external_id;
        id.split_once('@').map_or(id.as_str(), |(id, _)| id)
    }

    /// Whether an id is the account's own.
    pub(super) fn is_own(&self, id: &str) -> bool {
        self.own_id() == id
    }
}

impl Api {
    /// A call to a server.
    pub(super) fn at(&self, server: &str, method: Method, path: &str) -> Result<Request, Problem> {
        self.http.guarded(method, &format!("{server}{path}"))
    }

    /// A call to an account's server, as the account.
    pub(super) fn to(
        &self,
        session: &Session,
        method: Method,
        path: &str,
    ) -> Result<Request, Problem> {
        let request = self.at(&session.account.server_url, method, path)?;
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

    /// A status.
    pub(super) async fn status(&self, session: &Session, id: &str) -> Result<Status, Problem> {
        let request =
            self.to(session, Method::GET, &format!("/api/v1/statuses/{}", escaped(id)))?;
        self.call(session.now, request).await
    }

    /// The account's newest statuses, newest first.
    pub(super) async fn own_statuses(&self, session: &Session) -> Result<Vec<Status>, Problem> {
        let path = format!("/api/v1/accounts/{}/statuses", escaped(session.own_id()));
        let mut statuses: Vec<Status> = Vec::new();
        for _ in 0..PAGES {
            let mut query = vec![("limit", PAGE), ("exclude_reblogs", "true")];
            let last = statuses.last().map(|status| status.id.clone());
            query.extend(last.as_deref().map(|id| ("max_id", id)));
            let request = self.to(session, Method::GET, &path)?.query(&query);
            let page: Vec<Status> = self.call(session.now, request).await?;
            // Servers that do not know max_id answer the same page again.
            let known = |new: &Status| statuses.iter().any(|status| status.id == new.id);
            if page.iter().all(known) {
                break;
            }
            let new: Vec<_> = page.into_iter().filter(|new| !known(new)).collect();
            statuses.extend(new);
        }
        Ok(statuses)
    }

    /// What others wrote under a status, newest first.
    pub(super) async fn replies(
        &self,
        session: &Session,
        id: &str,
    ) -> Result<Vec<FetchedComment>, Problem> {
        let path = format!("/api/v1/statuses/{}/context", escaped(id));
        let request = self.to(session, Method::GET, &path)?;
        let context: Context = self.call(session.now, request).await?;
        let others = context.descendants.into_iter().filter_map(|status| {
            let author = status.account.clone().filter(|author| !session.is_own(&author.id))?;
            Some((time_of(&status.created_at).unwrap_or(session.now), author, status))
        });
        let mut others: Vec<_> = others.collect();
        others.sort_by_key(|(time, ..)| std::cmp::Reverse(*time));
        others.truncate(COMMENTS);
        let told = others.into_iter().map(|(time, author, status)| FetchedComment {
            external_id: status.id,
            author_handle: clean(&author.acct),
            author_display_name: clean(&author.display_name),
            author_avatar_url: author.avatar.unwrap_or_default(),
            body: text_of(&status.content).chars().take(10_000).collect(),
            network_time: Some(to_proto(time)),
        });
        Ok(told.collect())
    }
}

/// An id as a part of a path: servers' ids are opaque.
pub(super) fn escaped(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}

pub(super) fn time_of(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    // Years that a timestamp on the wire can hold.
    (time.timestamp() > 0 && time.timestamp() < 253_402_300_800).then_some(time)
}

/// What an error of the API says: `{"error": "The access token is invalid"}`. Some servers say of a token that is not valid
/// that the request cannot be processed; what says nothing beyond that is about the token.
pub(super) fn refusal(answer: &Answer) -> Refusal {
    let value = answer.value();
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let (error, description) = (text("error"), text("error_description"));
    let token = match answer.status {
        StatusCode::UNAUTHORIZED => Some(TokenTrouble::Expired),
        StatusCode::UNPROCESSABLE_ENTITY if error.is_empty() && answer.body.is_empty() => {
            Some(TokenTrouble::Expired)
        }
        StatusCode::FORBIDDEN if error.contains("disabled") || error.contains("suspended") => {
            Some(TokenTrouble::Revoked)
        }
        _ => None,
    };
    let code = match answer.status {
        StatusCode::UNPROCESSABLE_ENTITY => "invalid",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::FORBIDDEN => "forbidden",
        status if status.is_server_error() => "",
        _ => "refused",
    };
    let message = match (description, error) {
        ("", "") => format!("the server answers {}: {}", answer.status, answer.text()),
        ("", error) => error.to_owned(),
        (description, _) => description.to_owned(),
    };
    Refusal { code: code.to_owned(), message, token, ..Refusal::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_escaped_whatever_a_server_puts_into_them() {
        assert_eq!(escaped("109/../x?y#z a"), "109%2F..%2Fx%3Fy%23z%20a");
        assert_eq!(escaped("1234567"), "1234567");
    }
}
