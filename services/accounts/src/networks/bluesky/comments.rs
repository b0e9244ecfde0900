//! What others wrote under a post: from the service that knows whole threads; and where that does not know the post, as with
//! a small server that nobody crawls, from the repositories of the account's own server.

use chrono::{DateTime, Utc};
use http::Method;
use postbreeze_proto::{internal::v1::FetchedComment, time::to_proto};
use serde::Deserialize;
use serde_json::Value;

use super::{
    record::{POST, parts_of},
    xrpc::Xrpc,
};
use crate::networks::{Failure, Session, clean, http::Problem};

const COMMENTS: usize = 500;
const DEPTH: &str = "20";
/// Of a small server: repositories that are looked into, and how many of their newest records.
const REPOS: &str = "50";
const RECORDS: &str = "100";

pub(super) async fn fetch(
    xrpc: &Xrpc,
    session: &Session,
    post: &str,
) -> Result<Vec<FetchedComment>, Failure> {
    if parts_of(post).is_none() {
        return Err(Failure::permanent("not_found", "the network has no such post"));
    }
    let mut comments = match thread(xrpc, session, post).await {
        Ok(comments) => comments,
        // The large server's posts are all known to the service; its repositories are too many to look into.
        Err(problem) if session.account.server_url == xrpc.default_server => {
            return Err(problem.failure());
        }
        Err(_) => repositories(xrpc, session, post).await.map_err(|problem| problem.failure())?,
    };
    let seconds = |comment: &FetchedComment| comment.network_time.map_or(0, |time| time.seconds);
    comments.sort_by_key(|comment| std::cmp::Reverse(seconds(comment)));
    comments.truncate(COMMENTS);
    Ok(comments)
}

async fn thread(
    xrpc: &Xrpc,
    session: &Session,
    post: &str,
) -> Result<Vec<FetchedComment>, Problem> {
    let url = format!("{}/xrpc/app.bsky.feed.getPostThread", xrpc.app_view);
    let query = [("uri", post), ("depth", DEPTH), ("parentHeight", "0")];
    let request = xrpc.http.open(Method::GET, &url).query(&query);
    let answer: Value = xrpc.call(session.now, request).await?;
    let mut comments = Vec::new();
    let mut open: Vec<&Value> = answer.pointer("/thread/replies").into_iter().collect();
    while let Some(replies) = open.pop() {
        for reply in replies.as_array().into_iter().flatten() {
            open.extend(reply.get("replies"));
            comments.extend(reply.get("post").and_then(|post| of_view(post, session)));
        }
    }
    Ok(comments)
}

/// A comment as the service shows it; `None` for one's own, and for what is hidden.
fn of_view(view: &Value, session: &Session) -> Option<FetchedComment> {
    let text = |pointer| view.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let uri = text("/uri");
    if uri.is_empty() || text("/author/did") == session.account.external_id {
        return None;
    }
    let time = [text("/record/createdAt"), text("/indexedAt")].into_iter().find_map(time_of);
    Some(FetchedComment {
        external_id: uri.to_owned(),
        author_handle: clean(text("/author/handle")),
        author_display_name: clean(text("/author/displayName")),
        author_avatar_url: text("/author/avatar").to_owned(),
        body: body_of(text("/record/text")),
        network_time: Some(to_proto(time.unwrap_or(session.now))),
    })
}

#[derive(Deserialize)]
struct Repos {
    repos: Vec<Repo>,
}

#[derive(Deserialize)]
struct Repo {
    did: String,
}

#[derive(Deserialize)]
struct Records {
    records: Vec<super::xrpc::Record>,
}

#[derive(Deserialize)]
struct Described {
    handle: String,
}

async fn repositories(
    xrpc: &Xrpc,
    session: &Session,
    post: &str,
) -> Result<Vec<FetchedComment>, Problem> {
    let (server, now) = (&session.account.server_url, session.now);
    let request = xrpc.at(server, Method::GET, "com.atproto.sync.listRepos")?;
    let listed: Repos = xrpc.call(now, request.query(&[("limit", REPOS)])).await?;
    let mut comments = Vec::new();
    for repo in listed.repos {
        let query = [("repo", repo.did.as_str()), ("collection", POST), ("limit", RECORDS)];
        let request = xrpc.at(server, Method::GET, "com.atproto.repo.listRecords")?;
        // One repository that cannot be read does not hide the others.
        let Ok(listed) = xrpc.call::<Records>(now, request.query(&query)).await else { continue };
        let answers = |record: &super::xrpc::Record| {
            record.value.pointer("/reply/root/uri").and_then(Value::as_str) == Some(post)
        };
        let found: Vec<_> = listed.records.into_iter().filter(answers).collect();
        if found.is_empty() || repo.did == session.account.external_id {
            continue;
        }
        let request = xrpc.at(server, Method::GET, "com.atproto.repo.describeRepo")?;
        let described: Result<Described, _> =
            xrpc.call(now, request.query(&[("repo", repo.did.as_str())])).await;
        let handle = described.map_or_else(|_| repo.did.clone(), |described| described.handle);
        comments.extend(found.into_iter().map(|record| of_record(&record, &handle, now)));
    }
    Ok(comments)
}

fn of_record(record: &super::xrpc::Record, handle: &str, now: DateTime<Utc>) -> FetchedComment {
    let text = |name: &str| record.value.get(name).and_then(Value::as_str).unwrap_or_default();
    FetchedComment {
        external_id: record.uri.clone(),
        author_handle: clean(handle),
        author_display_name: String::new(),
        author_avatar_url: String::new(),
        body: body_of(text("text")),
        network_time: Some(to_proto(time_of(text("createdAt")).unwrap_or(now))),
    }
}

/// A text as it is kept: of a bounded length, without what a database cannot keep.
fn body_of(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(10_000).collect()
}

fn time_of(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    // Years that a timestamp on the wire can hold.
    (time.timestamp() > 0 && time.timestamp() < 253_402_300_800).then_some(time)
}
