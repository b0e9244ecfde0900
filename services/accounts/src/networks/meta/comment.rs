//! Comments, as the networks of Meta tell them.

use chrono::{DateTime, Utc};
use postbreeze_proto::{
    internal::v1::{FetchedComment, PublishCommentRequest},
    time::to_proto,
};
use serde::Deserialize;

use crate::networks::{
    Found, Progress, Sent, Session,
    steps::{Listed, found, same_text, since},
};

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

/// Whether the account's own comment with this text, since it was first tried, is among the newest ones.
pub(crate) fn own_comment(
    listed: &Listed<Comment>,
    session: &Session,
    comment: &PublishCommentRequest,
    progress: &Progress,
) -> Found {
    let since = since(comment.first_attempt_time.as_ref());
    let made = |listed: &Comment| time(&listed.timestamp);
    let own = listed.items.iter().find(|listed| {
        listed.is_own(session)
            && same_text(&listed.text, &comment.text)
            && made(listed).is_some_and(|time| time >= since)
    });
    let own = own.map(|own| Sent { external_id: own.id.clone(), ..Sent::default() });
    found(own, listed.reaches(since, made), session, progress)
}
