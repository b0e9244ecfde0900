//! Posts, as the API tells them.

use chrono::{DateTime, Utc};
use postbreeze_proto::{internal::v1::FetchedComment, time::to_proto};
use serde::Deserialize;

use crate::networks::steps::same_text;

/// A post, as the API tells it.
#[derive(Deserialize)]
pub(super) struct Post {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) created_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(super) author_id: String,
    #[serde(default)]
    pub(super) entities: Entities,
    #[serde(default)]
    pub(super) referenced_tweets: Vec<Reference>,
}

#[derive(Deserialize)]
pub(super) struct Reference {
    pub(super) r#type: String,
    pub(super) id: String,
}

#[derive(Deserialize, Default)]
pub(super) struct Entities {
    #[serde(default)]
    pub(super) urls: Vec<Link>,
}

#[derive(Deserialize)]
pub(super) struct Link {
    pub(super) url: String,
    #[serde(default)]
    pub(super) expanded_url: String,
    pub(super) media_key: Option<String>,
}

#[derive(Deserialize, Default)]
pub(super) struct Posts {
    #[serde(default)]
    pub(super) data: Vec<Post>,
    #[serde(default)]
    pub(super) includes: Includes,
    #[serde(default)]
    pub(super) meta: Meta,
}

#[derive(Deserialize, Default)]
pub(super) struct Includes {
    #[serde(default)]
    pub(super) users: Vec<User>,
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) username: String,
    #[serde(default)]
    pub(super) profile_image_url: String,
}

#[derive(Deserialize, Default)]
pub(super) struct Meta {
    pub(super) next_token: Option<String>,
}

/// Whether a post says a text: its URLs are shortened, that of its media is put behind, and three characters are escaped.
/// An answer begins with whom it answers, whether they were named or not.
pub(super) fn says(post: &Post, text: &str, is_answer: bool) -> bool {
    let mut said = post.text.clone();
    for link in &post.entities.urls {
        let long = if link.media_key.is_some() { "" } else { link.expanded_url.as_str() };
        said = said.replace(&link.url, long);
    }
    let said = said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let own = |text: &str| {
        let words = text.split_whitespace().skip_while(|word| is_answer && word.starts_with('@'));
        plain(&words.collect::<Vec<_>>().join(" "))
    };
    same_text(&own(&said), &own(text))
}

/// A text without what X adds to addresses.
fn plain(text: &str) -> String {
    text.replace("https://", "").replace("http://", "").replace('/', " ")
}

pub(super) fn fetched(post: Post, users: &[User]) -> FetchedComment {
    let author = users.iter().find(|user| user.id == post.author_id);
    let of = |read: fn(&User) -> &String| author.map(read).cloned().unwrap_or_default();
    FetchedComment {
        external_id: post.id,
        author_handle: of(|user| &user.username),
        author_display_name: of(|user| &user.name),
        author_avatar_url: of(|user| &user.profile_image_url),
        body: post.text,
        network_time: post.created_at.map(to_proto),
    }
}
