//! Threads, after Meta's "Threads API".

#[cfg(test)]
mod tests;

use postbreeze_proto::{
    internal::v1::{FetchedComment, MediaToPublish, PublishCommentRequest, PublishRequest},
    v1::{ThreadsReplyControl, platform_options::Network as Options},
};
use serde::Deserialize;
use tonic::async_trait;

use super::{
    Begun, Capabilities, ConnectError, Failure, Found, Given, Grant, Network, Outcome, Progress,
    RefreshError, Session, Tokens,
    app::{Addresses, App, code, not_connected},
    containers::{self, Form, Words},
    http::{Http, Problem},
    meta::{self, Comment, Graph},
    steps::{Listed, is_video},
};

pub(crate) const ADDRESSES: Addresses = Addresses {
    name: "THREADS",
    authorize_url: "https://threads.net/oauth/authorize",
    token_url: "https://graph.threads.net/oauth/access_token",
    api_url: "https://graph.threads.net/v1.0",
};
const SCOPES: [&str; 4] =
    ["threads_basic", "threads_content_publish", "threads_manage_replies", "threads_read_replies"];
const POSTS: Words = Words {
    create: "threads",
    publish: "threads_publish",
    quota: "threads_publishing_limit",
    quota_fields: ("quota_usage", "config"),
    list: "threads",
    status: "status",
    reason: "error_message",
    text: "text",
};
/// A comment is a post that answers another; they are listed and counted apart.
const REPLIES: Words =
    Words { list: "replies", quota_fields: ("reply_quota_usage", "reply_config"), ..POSTS };
const COMMENTS: usize = 500;

pub(crate) struct Threads {
    app: App,
    graph: Graph,
}

impl Threads {
    pub(crate) fn new(app: App, http: Http) -> Self {
        let graph = Graph { http, url: app.api_url.clone(), token_as_parameter: true };
        Self { app, graph }
    }
}

#[async_trait]
impl Network for Threads {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            can_find: true,
            can_comment: true,
            pulls_urls: true,
            keeps_progress: true,
            ..Default::default()
        }
    }

    async fn start_connect(&self, begun: &Begun<'_>) -> Result<String, ConnectError> {
        self.app.authorize(begun, "client_id", &SCOPES.join(","), &[])
    }

    async fn connect(&self, begun: &Begun<'_>, given: Given<'_>) -> Result<Grant, ConnectError> {
        #[derive(Deserialize)]
        struct Me {
            id: String,
            username: String,
            #[serde(default)]
            name: String,
            #[serde(default)]
            threads_profile_picture_url: String,
        }
        let code = code(given)?;
        let exchanged =
            meta::exchange(&self.graph, &self.app, code, "th_exchange_token", begun.now).await;
        let tokens = exchanged.map_err(|problem| not_connected(&problem))?;
        let fields = [("fields", "id,username,name,threads_profile_picture_url")];
        let me = self.graph.get(&tokens.access_token, "me", &fields, begun.now).await;
        let me: Me = me.map_err(|problem| not_connected(&problem))?;
        Ok(Grant {
            external_id: me.id,
            handle: me.username,
            display_name: me.name,
            avatar_url: me.threads_profile_picture_url,
            scopes: SCOPES.map(str::to_owned).to_vec(),
            server_url: String::new(),
            tokens,
        })
    }

    async fn refresh(&self, session: &Session) -> Result<Tokens, RefreshError> {
        self.graph.renew(session, "th_refresh_token").await
    }

    async fn publish(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &mut Progress,
    ) -> Outcome {
        let children = children(post);
        let whole = |ids: &[String]| whole(post, ids);
        containers::publish(&self.graph, &POSTS, session, post, &children, whole, progress).await
    }

    async fn find(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        containers::find(&self.graph, &POSTS, session, post, progress).await
    }

    async fn publish_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        progress: &mut Progress,
    ) -> Outcome {
        let reply = |_: &[String]| {
            vec![
                ("media_type", "TEXT".to_owned()),
                ("text", comment.text.clone()),
                ("reply_to_id", answered(comment).to_owned()),
            ]
        };
        let post = as_post(comment);
        containers::publish(&self.graph, &REPLIES, session, &post, &[], reply, progress).await
    }

    async fn find_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        containers::find(&self.graph, &REPLIES, session, &as_post(comment), progress).await
    }

    async fn fetch_comments(
        &self,
        session: &Session,
        external_post_id: &str,
    ) -> Result<Vec<FetchedComment>, Failure> {
        let path = format!("{external_post_id}/conversation");
        let query =
            [("fields", "id,text,timestamp,username"), ("reverse", "true"), ("limit", "100")];
        let listed: Result<Listed<Comment>, Problem> =
            self.graph.list(session, &path, &query, COMMENTS).await;
        let listed = listed.map_err(|problem| problem.failure())?;
        let others = listed.items.into_iter().filter(|comment| !comment.is_own(session));
        Ok(others.map(Comment::fetched).collect())
    }
}

fn answered(comment: &PublishCommentRequest) -> &str {
    match comment.external_comment_id.as_str() {
        "" => &comment.external_post_id,
        id => id,
    }
}

/// What is looked for: its text and its time.
fn as_post(comment: &PublishCommentRequest) -> PublishRequest {
    PublishRequest {
        text: comment.text.clone(),
        first_attempt_time: comment.first_attempt_time,
        ..Default::default()
    }
}

fn children(post: &PublishRequest) -> Vec<Form> {
    if post.media.len() < 2 {
        return Vec::new();
    }
    let child = |medium: &MediaToPublish| {
        let mut form = medium_form(medium);
        form.push(("is_carousel_item", "true".to_owned()));
        form
    };
    post.media.iter().map(child).collect()
}

fn medium_form(medium: &MediaToPublish) -> Form {
    let (kind, place) =
        if is_video(medium) { ("VIDEO", "video_url") } else { ("IMAGE", "image_url") };
    let mut form = vec![("media_type", kind.to_owned()), (place, medium.url.clone())];
    if !medium.alt_text.is_empty() {
        form.push(("alt_text", medium.alt_text.clone()));
    }
    form
}

fn whole(post: &PublishRequest, children: &[String]) -> Form {
    let mut form = match &post.media[..] {
        [] => vec![("media_type", "TEXT".to_owned())],
        [medium] => medium_form(medium),
        _ => vec![("media_type", "CAROUSEL".to_owned()), ("children", children.join(","))],
    };
    if !post.text.is_empty() {
        form.push(("text", post.text.clone()));
    }
    let control = match post.options.as_ref().and_then(|options| options.network.as_ref()) {
        Some(Options::Threads(options)) => options.reply_control(),
        _ => ThreadsReplyControl::Unspecified,
    };
    let control = match control {
        ThreadsReplyControl::Unspecified => return form,
        ThreadsReplyControl::Everyone => "everyone",
        ThreadsReplyControl::AccountsYouFollow => "accounts_you_follow",
        ThreadsReplyControl::MentionedOnly => "mentioned_only",
    };
    form.push(("reply_control", control.to_owned()));
    form
}
