//! Comments, which LinkedIn calls social actions.

use chrono::DateTime;
use http::{Method, StatusCode};
use postbreeze_proto::{
    internal::v1::{FetchedComment, PublishCommentRequest},
    time::to_proto,
};
use serde_json::{Value, json};

use super::{Linkedin, elements, encoded, millis, refusal};
use crate::networks::{
    Failure, Found, Outcome, Progress, Sent, Session,
    http::Problem,
    steps::{cannot_tell, found, list_since, same_text, since},
};

/// Comments that are asked for at a time.
const COMMENTS: usize = 100;

impl Linkedin {
    pub(super) async fn send_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
    ) -> Outcome {
        let mut body = json!({
            "actor": self.urn(session),
            "object": comment.external_post_id,
            "message": { "text": comment.text },
        });
        if !comment.external_comment_id.is_empty() {
            body["parentComment"] = json!(comment.external_comment_id);
        }
        let request =
            self.request(&session.tokens.access_token, Method::POST, &comments_path(comment));
        let made: Result<Value, Problem> = match request.json(&body).send().await {
            Ok(answer) => answer.json(session.now, refusal),
            Err(problem) => Err(problem),
        };
        match made {
            Ok(made) => {
                let urn = ["commentUrn", "$URN", "id"].iter().find_map(|name| made[*name].as_str());
                let external_id = urn.unwrap_or_default().to_owned();
                Outcome::Sent(Sent { external_id, ..Sent::default() })
            }
            Err(problem) => problem.outcome(),
        }
    }

    pub(super) async fn look_for_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        let path = comments_path(comment);
        let page = |start| self.comments(session, &path, start);
        // In what order they come is not said: only all of them prove something.
        let listed = match list_since(DateTime::UNIX_EPOCH, |_| None, page).await {
            Ok(listed) => listed,
            Err(Problem::Refused { status: StatusCode::FORBIDDEN, .. }) => {
                return Ok(cannot_tell("LinkedIn lets this application read no comments"));
            }
            Err(problem) => return problem.undecided(),
        };
        let (own, since) = (self.urn(session), since(comment.first_attempt_time.as_ref()));
        let is_it = |listed: &&Value| {
            listed["actor"].as_str() == Some(&own)
                && same_text(listed["message"]["text"].as_str().unwrap_or_default(), &comment.text)
                && millis(&listed["created"]["time"]).is_some_and(|time| time >= since)
        };
        let sent = listed.items.iter().find(is_it).map(|listed| Sent {
            external_id: listed["commentUrn"].as_str().unwrap_or_default().to_owned(),
            ..Sent::default()
        });
        Ok(found(sent, listed.is_all, session, progress))
    }

    pub(super) async fn others_comments(
        &self,
        session: &Session,
        external_post_id: &str,
    ) -> Result<Vec<FetchedComment>, Failure> {
        let path = format!("rest/socialActions/{}/comments", encoded(external_post_id));
        let page = |start| self.comments(session, &path, start);
        let listed = list_since(DateTime::UNIX_EPOCH, |_| None, page).await;
        let listed = listed.map_err(|problem| problem.failure())?;
        let own = self.urn(session);
        let others = listed.items.iter().filter(|comment| comment["actor"].as_str() != Some(&own));
        Ok(others.map(fetched).collect())
    }

    /// A page of comments, and where the next one begins.
    async fn comments(
        &self,
        session: &Session,
        path: &str,
        start: Option<usize>,
    ) -> Result<(Vec<Value>, Option<usize>), Problem> {
        let start = start.unwrap_or(0);
        let query = [("start", start.to_string()), ("count", COMMENTS.to_string())];
        let query = query.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut said: Value =
            self.read(&session.tokens.access_token, path, &query, session.now).await?;
        Ok(elements(&mut said, start, COMMENTS))
    }
}

fn fetched(comment: &Value) -> FetchedComment {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    FetchedComment {
        external_id: text(&comment["commentUrn"]),
        // The API tells no names of those who comment.
        author_handle: text(&comment["actor"]),
        author_display_name: String::new(),
        author_avatar_url: String::new(),
        body: text(&comment["message"]["text"]),
        network_time: millis(&comment["created"]["time"]).map(to_proto),
    }
}

fn comments_path(comment: &PublishCommentRequest) -> String {
    let answered = match comment.external_comment_id.as_str() {
        "" => &comment.external_post_id,
        id => id,
    };
    format!("rest/socialActions/{}/comments", encoded(answered))
}
