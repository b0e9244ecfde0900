//! Instagram, after Meta's "Instagram API with Instagram Login": professional accounts.

#[cfg(test)]
mod tests;

use postbreeze_proto::{
    internal::v1::{FetchedComment, MediaToPublish, PublishCommentRequest, PublishRequest},
    v1::{InstagramOptions, InstagramPlacement, platform_options::Network as Options},
};
use serde::Deserialize;
use tonic::async_trait;

use super::{
    Begun, Capabilities, ConnectError, Failure, Found, Given, Grant, Network, Outcome, Progress,
    RefreshError, Sent, Session, Tokens,
    app::{Addresses, App, code, not_connected},
    containers::{self, Form, Words},
    http::{Http, Problem},
    meta::{self, Comment, Created, Graph, own_comment},
    steps::{Listed, is_video},
};

pub(crate) const ADDRESSES: Addresses = Addresses {
    name: "INSTAGRAM",
    authorize_url: "https://www.instagram.com/oauth/authorize",
    token_url: "https://api.instagram.com/oauth/access_token",
    api_url: "https://graph.instagram.com/v25.0",
};
const SCOPES: [&str; 3] = [
    "instagram_business_basic",
    "instagram_business_content_publish",
    "instagram_business_manage_comments",
];
const WORDS: Words = Words {
    create: "media",
    publish: "media_publish",
    quota: "content_publishing_limit",
    quota_fields: ("quota_usage", "config"),
    list: "media",
    status: "status_code",
    reason: "status",
    text: "caption",
};
/// Comments of a post that are told.
const COMMENTS: usize = 500;

pub(crate) struct Instagram {
    app: App,
    graph: Graph,
}

impl Instagram {
    pub(crate) fn new(app: App, http: Http) -> Self {
        let graph = Graph { http, url: app.api_url.clone(), token_as_parameter: false };
        Self { app, graph }
    }

    async fn comments(&self, session: &Session, path: &str) -> Result<Listed<Comment>, Problem> {
        let fields = ("fields", "id,text,timestamp,username,from");
        self.graph.list(session, path, &[fields, ("limit", "50")], COMMENTS).await
    }
}

#[async_trait]
impl Network for Instagram {
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
            user_id: String,
            username: String,
            #[serde(default)]
            name: String,
            #[serde(default)]
            profile_picture_url: String,
        }
        let code = code(given)?;
        let exchanged =
            meta::exchange(&self.graph, &self.app, code, "ig_exchange_token", begun.now).await;
        let tokens = exchanged.map_err(|problem| not_connected(&problem))?;
        let fields = [("fields", "user_id,username,name,profile_picture_url")];
        let me = self.graph.get(&tokens.access_token, "me", &fields, begun.now).await;
        let me: Me = me.map_err(|problem| not_connected(&problem))?;
        Ok(Grant {
            external_id: me.user_id,
            handle: me.username,
            display_name: me.name,
            avatar_url: me.profile_picture_url,
            scopes: SCOPES.map(str::to_owned).to_vec(),
            server_url: String::new(),
            tokens,
        })
    }

    async fn refresh(&self, session: &Session) -> Result<Tokens, RefreshError> {
        self.graph.renew(session, "ig_refresh_token").await
    }

    async fn publish(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &mut Progress,
    ) -> Outcome {
        let children = children(post);
        let whole = |ids: &[String]| whole(post, ids);
        let (words, sought) = sought(post);
        containers::publish(&self.graph, &words, session, &sought, &children, whole, progress).await
    }

    async fn find(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        let (words, sought) = sought(post);
        containers::find(&self.graph, &words, session, &sought, progress).await
    }

    async fn publish_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        _: &mut Progress,
    ) -> Outcome {
        let path = comments_path(comment);
        let form = [("message", comment.text.as_str())];
        let made: Result<Created, Problem> = self.graph.post(session, &path, &form).await;
        match made {
            Ok(made) => Outcome::Sent(Sent { external_id: made.id, ..Sent::default() }),
            Err(problem) => problem.outcome(),
        }
    }

    async fn find_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        let listed = match self.comments(session, &comments_path(comment)).await {
            Ok(listed) => listed,
            Err(problem) => return problem.undecided(),
        };
        Ok(own_comment(&listed, session, comment, progress))
    }

    async fn fetch_comments(
        &self,
        session: &Session,
        external_post_id: &str,
    ) -> Result<Vec<FetchedComment>, Failure> {
        let listed = self.comments(session, &format!("{external_post_id}/comments")).await;
        let listed = listed.map_err(|problem| problem.failure())?;
        let others = listed.items.into_iter().filter(|comment| !comment.is_own(session));
        Ok(others.map(Comment::fetched).collect())
    }
}

fn comments_path(comment: &PublishCommentRequest) -> String {
    if comment.external_comment_id.is_empty() {
        format!("{}/comments", comment.external_post_id)
    } else {
        format!("{}/replies", comment.external_comment_id)
    }
}

fn options(post: &PublishRequest) -> InstagramOptions {
    match post.options.as_ref().and_then(|options| options.network.clone()) {
        Some(Options::Instagram(options)) => options,
        _ => InstagramOptions::default(),
    }
}

/// Where a post is listed, and as what: stories are listed apart, and have no caption.
fn sought(post: &PublishRequest) -> (Words, PublishRequest) {
    if options(post).placement() == InstagramPlacement::Story {
        let words = Words { list: "stories", ..WORDS };
        return (words, PublishRequest { text: String::new(), ..post.clone() });
    }
    (WORDS, post.clone())
}

/// The items of a carousel; none where there is no carousel.
fn children(post: &PublishRequest) -> Vec<Form> {
    if post.media.len() < 2 {
        return Vec::new();
    }
    let child = |medium: &MediaToPublish| {
        let mut form = medium_form(medium);
        if is_video(medium) {
            form.push(("media_type", "VIDEO".to_owned()));
        }
        form.push(("is_carousel_item", "true".to_owned()));
        form
    };
    post.media.iter().map(child).collect()
}

/// Where the network reads a medium, and what it shows.
fn medium_form(medium: &MediaToPublish) -> Form {
    if is_video(medium) {
        return vec![("video_url", medium.url.clone())];
    }
    let mut form = vec![("image_url", medium.url.clone())];
    if !medium.alt_text.is_empty() {
        form.push(("alt_text", medium.alt_text.clone()));
    }
    form
}

fn whole(post: &PublishRequest, children: &[String]) -> Form {
    let options = options(post);
    let mut form = match &post.media[..] {
        [medium] => medium_form(medium),
        _ => vec![("media_type", "CAROUSEL".to_owned()), ("children", children.join(","))],
    };
    if options.placement() == InstagramPlacement::Story {
        form.retain(|(name, _)| *name != "alt_text");
        form.push(("media_type", "STORIES".to_owned()));
        return form;
    }
    form.push(("caption", post.text.clone()));
    if matches!(&post.media[..], [medium] if is_video(medium)) {
        form.push(("media_type", "REELS".to_owned()));
        let is_shared = options.share_to_feed.unwrap_or(true);
        form.push(("share_to_feed", is_shared.to_string()));
    }
    if !options.collaborators.is_empty() {
        let list = serde_json::to_string(&options.collaborators).unwrap_or_default();
        form.push(("collaborators", list));
    }
    form
}
