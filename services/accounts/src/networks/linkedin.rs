//! LinkedIn, of members and of company pages, after its "Community Management APIs". A person who connects a company page
//! must administer it; the account is one that they do.

mod authors;
mod comments;
mod media;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use postbreeze_proto::{
    internal::v1::{FetchedComment, PublishCommentRequest, PublishRequest},
    v1::{LinkedinVisibility, platform_options::Network as Options},
};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tonic::async_trait;
use url::form_urlencoded::byte_serialize;

use super::{
    Begun, Capabilities, ConnectError, DUPLICATE, Failure, Found, Given, Grant, Network, Outcome,
    Progress, RefreshError, Sent, Session, TokenTrouble, Tokens,
    app::{
        Addresses, App, chosen, code, is_invalid_grant, not_connected, not_refreshed, refresh_token,
    },
    http::{Answer, Http, Problem, Refusal, Request},
    steps::{cannot_tell, forget_refused, found, list_since, same_text, since},
};

pub(crate) const ADDRESSES: Addresses = Addresses {
    name: "LINKEDIN",
    authorize_url: "https://www.linkedin.com/oauth/v2/authorization",
    token_url: "https://www.linkedin.com/oauth/v2/accessToken",
    api_url: "https://api.linkedin.com",
};
const PERSON_SCOPES: [&str; 3] = ["openid", "profile", "w_member_social"];
const COMPANY_SCOPES: [&str; 3] =
    ["rw_organization_admin", "r_organization_social", "w_organization_social"];
/// The version of the API, which LinkedIn keeps for a year.
const VERSION: &str = "202610";

/// Posts that are asked for at a time.
const PAGE: usize = 50;

/// Who posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// A member.
    Person,
    /// A company page.
    Company,
}

pub(crate) struct Linkedin {
    app: App,
    http: Http,
    author: Author,
}

impl Linkedin {
    pub(crate) fn new(app: App, http: Http, author: Author) -> Self {
        Self { app, http, author }
    }

    fn scopes(&self) -> &'static [&'static str] {
        if self.author == Author::Person { &PERSON_SCOPES } else { &COMPANY_SCOPES }
    }

    fn urn(&self, session: &Session) -> String {
        let kind = if self.author == Author::Person { "person" } else { "organization" };
        format!("urn:li:{kind}:{}", session.account.external_id)
    }

    fn request(&self, token: &SecretString, method: Method, path: &str) -> Request {
        self.http
            .open(method, &format!("{}/{path}", self.app.api_url))
            .bearer(token)
            .header("linkedin-version", VERSION)
            .header("x-restli-protocol-version", "2.0.0")
    }

    /// A page of the author's posts, and where the next one begins.
    async fn page(
        &self,
        session: &Session,
        start: Option<usize>,
    ) -> Result<(Vec<Value>, Option<usize>), Problem> {
        let (author, count, start) = (self.urn(session), PAGE.to_string(), start.unwrap_or(0));
        let first = start.to_string();
        let mut query = vec![
            ("q", "author"),
            ("author", author.as_str()),
            ("count", count.as_str()),
            ("sortBy", "CREATED"),
        ];
        if start > 0 {
            query.push(("start", &first));
        }
        let request = self.request(&session.tokens.access_token, Method::GET, "rest/posts");
        let request = request.query(&query).header("x-restli-method", "FINDER");
        let mut said: Value = request.send().await?.json(session.now, refusal)?;
        Ok(elements(&mut said, start, PAGE))
    }

    async fn read<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        path: &str,
        query: &[(&str, &str)],
        now: DateTime<Utc>,
    ) -> Result<T, Problem> {
        let request = self.request(token, Method::GET, path).query(query);
        request.send().await?.json(now, refusal)
    }
}

#[async_trait]
impl Network for Linkedin {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // What members wrote may not be read by applications.
            can_find: self.author == Author::Company,
            can_comment: true,
            keeps_progress: true,
            ..Default::default()
        }
    }

    async fn start_connect(&self, begun: &Begun<'_>) -> Result<String, ConnectError> {
        self.app.authorize(begun, "client_id", &self.scopes().join(" "), &[])
    }

    async fn connect(&self, begun: &Begun<'_>, given: Given<'_>) -> Result<Grant, ConnectError> {
        let form = self.app.code_form("client_id", code(given)?);
        let granted = self.app.token(&self.http, &form, false, begun.now).await;
        let granted = granted.map_err(|problem| not_connected(&problem))?;
        let token = &granted.access_token;
        let who = match self.author {
            Author::Person => {
                let person = self.person(token, begun.now).await;
                person.map_err(|problem| not_connected(&problem))?
            }
            Author::Company => {
                let companies = self.companies(token, begun).await;
                let companies = companies.map_err(|problem| not_connected(&problem))?;
                let none = "the person administers no company page";
                chosen(companies, begun, |company| (&company.id, &company.name), none)?
            }
        };
        Ok(Grant {
            external_id: who.id,
            handle: who.handle,
            display_name: who.name,
            avatar_url: who.picture,
            scopes: granted.scopes(self.scopes()),
            server_url: String::new(),
            tokens: granted.tokens(begun.now),
        })
    }

    async fn refresh(&self, session: &Session) -> Result<Tokens, RefreshError> {
        let token = refresh_token(session)?;
        let form = self.app.refresh_form("client_id", token);
        let granted = self.app.token(&self.http, &form, false, session.now).await;
        granted
            .map(|granted| granted.tokens(session.now))
            .map_err(|problem| not_refreshed(&problem, is_invalid_grant(&problem)))
    }

    async fn publish(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &mut Progress,
    ) -> Outcome {
        let content = match self.upload(session, &post.media, progress).await {
            Ok(content) => content,
            Err(failure) => return failure.into(),
        };
        let mut body = json!({
            "author": self.urn(session),
            "commentary": escaped(&post.text),
            "visibility": visibility(post),
            "distribution": {
                "feedDistribution": "MAIN_FEED",
                "targetEntities": [],
                "thirdPartyDistributionChannels": [],
            },
            "lifecycleState": "PUBLISHED",
            "isReshareDisabledByAuthor": false,
        });
        if let Some(content) = content {
            body["content"] = content;
        }
        if let Err(failure) = progress.goes_public().await {
            return failure.into();
        }
        let request = self.request(&session.tokens.access_token, Method::POST, "rest/posts");
        let answer = match request.json(&body).send().await {
            Ok(answer) => answer,
            Err(problem) => return problem.outcome(),
        };
        match answer.accepted(session.now, refusal) {
            Ok(()) => Outcome::Sent(sent(&id_of(&answer))),
            Err(problem) => forget_refused(problem.outcome(), progress).await,
        }
    }

    async fn find(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        if self.author == Author::Person {
            return Ok(cannot_tell("LinkedIn lets no application read what members posted"));
        }
        if post.text.is_empty() {
            return Ok(cannot_tell("a post without a text cannot be told from others"));
        }
        let since = since(post.first_attempt_time.as_ref());
        let time = |listed: &Value| millis(&listed["createdAt"]);
        let listed = match list_since(since, time, |start| self.page(session, start)).await {
            Ok(listed) => listed,
            Err(problem) => return problem.undecided(),
        };
        let is_it = |listed: &&Value| {
            same_text(&plain(listed["commentary"].as_str().unwrap_or_default()), &post.text)
                && time(listed).is_some_and(|time| time >= since)
        };
        let oldest = listed.items.iter().rfind(is_it);
        let oldest = oldest.map(|post| sent(post["id"].as_str().unwrap_or_default()));
        Ok(found(oldest, listed.reaches(since, time), session, progress))
    }

    async fn publish_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        _: &mut Progress,
    ) -> Outcome {
        self.send_comment(session, comment).await
    }

    async fn find_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        self.look_for_comment(session, comment, progress).await
    }

    async fn fetch_comments(
        &self,
        session: &Session,
        external_post_id: &str,
    ) -> Result<Vec<FetchedComment>, Failure> {
        self.others_comments(session, external_post_id).await
    }
}

/// What a page holds, and where the next one begins: a page may be short though others follow.
fn elements(said: &mut Value, start: usize, count: usize) -> (Vec<Value>, Option<usize>) {
    let goes_on = said["paging"]["links"]
        .as_array()
        .is_some_and(|links| links.iter().any(|link| link["rel"].as_str() == Some("next")));
    let elements = said["elements"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let next = (goes_on || elements.len() >= count).then_some(start + count);
    (elements, next)
}

/// A URN, as it stands in a path.
fn encoded(urn: &str) -> String {
    byte_serialize(urn.as_bytes()).collect()
}

fn millis(value: &Value) -> Option<DateTime<Utc>> {
    value.as_i64().and_then(DateTime::from_timestamp_millis)
}

/// The URN of what was made.
fn id_of(answer: &Answer) -> String {
    let id = answer.headers.get("x-restli-id").or_else(|| answer.headers.get("x-linkedin-id"));
    id.and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
}

fn sent(urn: &str) -> Sent {
    Sent {
        external_id: urn.to_owned(),
        external_url: format!("https://www.linkedin.com/feed/update/{urn}"),
    }
}

fn visibility(post: &PublishRequest) -> &'static str {
    match post.options.as_ref().and_then(|options| options.network.as_ref()) {
        Some(Options::Linkedin(options))
            if options.visibility() == LinkedinVisibility::Connections =>
        {
            "CONNECTIONS"
        }
        _ => "PUBLIC",
    }
}

/// The text in LinkedIn's little text format: its signs are escaped, but that of hashtags.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if "\\|{}@[]()<>*_~".contains(char) {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

/// The text that is written so: signs stand behind a backslash, `{hashtag|\#|launch}` is `#launch`, and
/// `@[Acme](urn:li:organization:1)` is `@Acme`.
fn plain(little: &str) -> String {
    let mut plain = String::with_capacity(little.len());
    let mut rest = little;
    while let Some(char) = rest.chars().next() {
        let template = rest.strip_prefix("{hashtag|").and_then(|rest| rest.split_once('}'));
        let mention = rest.strip_prefix("@[").and_then(|rest| rest.split_once("](urn:"));
        let mention = mention.and_then(|(name, rest)| Some((name, rest.split_once(')')?.1)));
        rest = match (template, mention, char) {
            (Some((hashtag, after)), ..) => {
                let (sign, tag) = hashtag.split_once('|').unwrap_or(("", hashtag));
                plain.extend([sign, tag].map(|text| text.replace('\\', "")));
                after
            }
            (_, Some((name, after)), _) => {
                plain.push('@');
                plain.push_str(&name.replace('\\', ""));
                after
            }
            (.., '\\') => {
                let escaped = &rest[1..];
                plain.extend(escaped.chars().next());
                &escaped[escaped.chars().next().map_or(0, char::len_utf8)..]
            }
            _ => {
                plain.push(char);
                &rest[char.len_utf8()..]
            }
        };
    }
    plain
}

fn refusal(answer: &Answer) -> Refusal {
    let said = answer.value();
    let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    let code = match text("code") {
        code if code == "DUPLICATE_POST" || text("message").contains("is a duplicate of") => {
            DUPLICATE.to_owned()
        }
        code => code,
    };
    let token = match code.as_str() {
        "REVOKED_ACCESS_TOKEN" => Some(TokenTrouble::Revoked),
        _ if answer.status == StatusCode::UNAUTHORIZED => Some(TokenTrouble::Expired),
        _ => None,
    };
    let message = Some(text("message")).filter(|message| !message.is_empty());
    let message = message.unwrap_or_else(|| answer.text());
    Refusal { code, message, token, ..Refusal::default() }
}
