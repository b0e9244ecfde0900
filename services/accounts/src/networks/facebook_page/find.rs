//! Finding what a page has.

use postbreeze_proto::internal::v1::PublishRequest;

use super::FacebookPage;
use crate::networks::{
    Sent, Session,
    http::Problem,
    meta::time,
    steps::{Listed, is_video, same_text, since},
};

/// Posts of a page that are looked through.
const RECENT: usize = 100;

impl FacebookPage {
    /// The page's post with these photos, or with this text, since it was first tried; the oldest, should there be several. And
    /// whether all since then was looked through.
    pub(super) async fn recent(
        &self,
        session: &Session,
        post: &PublishRequest,
        photos: &[String],
    ) -> Result<(Option<Sent>, bool), Problem> {
        let since = since(post.first_attempt_time.as_ref());
        let is_video_post = post.media.iter().any(is_video);
        let (edge, text, fields) = if is_video_post {
            ("videos", "description", "id,description,permalink_url,created_time")
        } else {
            (
                "published_posts",
                "message",
                "id,message,permalink_url,created_time,attachments{target,subattachments{target}}",
            )
        };
        let path = format!("{}/{edge}", session.account.external_id);
        let from = since.timestamp().max(0).to_string();
        let query = [("fields", fields), ("since", from.as_str()), ("limit", "50")];
        let listed: Listed<serde_json::Value> =
            self.graph.list(session, &path, &query, RECENT).await?;
        let made = |listed: &serde_json::Value| listed["created_time"].as_str().and_then(time);
        let is_it = |listed: &&serde_json::Value| {
            let is_new = made(listed).is_some_and(|time| time >= since);
            let shows = photos.iter().any(|photo| shows(listed, photo));
            let says = same_text(listed[text].as_str().unwrap_or_default(), &post.text);
            // Without a text only what it shows can tell.
            is_new && (shows || says && !post.text.is_empty() && photos.is_empty())
        };
        Ok((listed.items.iter().rfind(is_it).map(sent), listed.reaches(since, made)))
    }
}

fn sent(post: &serde_json::Value) -> Sent {
    let text = |name: &str| post[name].as_str().unwrap_or_default().to_owned();
    let mut external_url = text("permalink_url");
    // Videos tell theirs without the origin.
    if external_url.starts_with('/') {
        external_url = format!("https://www.facebook.com{external_url}");
    }
    Sent { external_id: text("id"), external_url }
}

/// Whether a post shows a photo.
fn shows(post: &serde_json::Value, photo: &str) -> bool {
    let attachments = post["attachments"]["data"].as_array().into_iter().flatten();
    attachments
        .flat_map(|one| one["subattachments"]["data"].as_array().into_iter().flatten().chain([one]))
        .any(|attachment| attachment["target"]["id"].as_str() == Some(photo))
}
