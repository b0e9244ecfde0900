//! Facebook pages, after Meta's "Pages API". A person grants pages; the account is one of them, and its token does not run out.

mod find;
#[cfg(test)]
mod tests;

use chrono::Utc;
use postbreeze_proto::{
    internal::v1::{FetchedComment, MediaToPublish, PublishCommentRequest, PublishRequest},
    v1::platform_options::Network as Options,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tonic::async_trait;

use super::{
    Begun, Capabilities, ConnectError, Failure, Found, Given, Grant, Network, Outcome, Progress,
    Sent, Session, Tokens,
    app::{Addresses, App, chosen, code, not_connected},
    http::{Http, Problem},
    meta::{Comment, Created, Graph, Page, Picture, own_comment},
    steps::{Listed, cannot_tell, forget_refused, found, is_video},
};

pub(crate) const ADDRESSES: Addresses = Addresses {
    name: "FACEBOOK",
    authorize_url: "https://www.facebook.com/v25.0/dialog/oauth",
    token_url: "https://graph.facebook.com/v25.0/oauth/access_token",
    api_url: "https://graph.facebook.com/v25.0",
};
const SCOPES: [&str; 5] = [
    "pages_show_list",
    "pages_manage_posts",
    "pages_read_engagement",
    "pages_manage_engagement",
    "pages_read_user_content",
];
const COMMENTS: usize = 500;

/// How far a publication has come.
#[derive(Default, Serialize, Deserialize)]
struct Steps {
    /// Photos that are uploaded and not shown yet.
    #[serde(default)]
    photos: Vec<String>,
}

pub(crate) struct FacebookPage {
    app: App,
    graph: Graph,
}

impl FacebookPage {
    pub(crate) fn new(app: App, http: Http) -> Self {
        let graph = Graph { http, url: app.api_url.clone(), token_as_parameter: false };
        Self { app, graph }
    }

    /// A person's token of long life for a code: pages' tokens that come from it do not run out.
    async fn person(
        &self,
        code: &str,
        now: chrono::DateTime<Utc>,
    ) -> Result<SecretString, Problem> {
        #[derive(Deserialize)]
        struct Person {
            access_token: SecretString,
        }
        let (app, secret) = (&self.app, self.app.secret.expose_secret());
        let client = [("client_id", app.id.as_str()), ("client_secret", secret)];
        let ask = |query: Vec<(&'static str, String)>| {
            let request = self.graph.http.open(http::Method::GET, &app.token_url);
            super::meta::answer::<Person>(request.query(&client).query(&query), &app.secret, now)
        };
        let redirect = app.redirect_url.clone();
        let short = ask(vec![("redirect_uri", redirect), ("code", code.to_owned())]).await?;
        let long = ask(vec![
            ("grant_type", "fb_exchange_token".to_owned()),
            ("fb_exchange_token", short.access_token.expose_secret().to_owned()),
        ]);
        Ok(long.await?.access_token)
    }

    /// Uploads the photos that are not uploaded yet; nobody sees them.
    async fn upload(
        &self,
        session: &Session,
        media: &[MediaToPublish],
        progress: &mut Progress,
    ) -> Result<Vec<String>, Failure> {
        let mut steps: Steps = progress.get();
        let path = format!("{}/photos", session.account.external_id);
        for medium in media.iter().skip(steps.photos.len()) {
            let mut form = vec![("url", medium.url.as_str()), ("published", "false")];
            if !medium.alt_text.is_empty() {
                form.push(("alt_text_custom", &medium.alt_text));
            }
            let photo: Result<Created, Problem> = self.graph.post(session, &path, &form).await;
            steps.photos.push(photo.map_err(|problem| problem.failure())?.id);
            progress.keep(&steps).await?;
        }
        Ok(steps.photos)
    }

    async fn comments(&self, session: &Session, path: &str) -> Result<Listed<Comment>, Problem> {
        let query = [
            ("fields", "id,message,created_time,from{id,name,picture}"),
            ("order", "reverse_chronological"),
            ("filter", "stream"),
            ("limit", "100"),
        ];
        self.graph.list(session, path, &query, COMMENTS).await
    }
}

#[async_trait]
impl Network for FacebookPage {
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
        struct Own {
            id: String,
            name: String,
            #[serde(default)]
            username: String,
            access_token: SecretString,
            #[serde(default)]
            picture: Picture,
        }
        let person = self.person(code(given)?, begun.now).await;
        let person = person.map_err(|problem| not_connected(&problem))?;
        let query = [("fields", "id,name,username,access_token,picture{url}"), ("limit", "100")];
        let pages = self.graph.get(&person, "me/accounts", &query, begun.now).await;
        let pages: Page<Own> = pages.map_err(|problem| not_connected(&problem))?;
        let none = "the person granted no page that they manage";
        let page = chosen(pages.data, begun, |page| (&page.id, &page.name), none)?;
        Ok(Grant {
            handle: if page.username.is_empty() { page.name.clone() } else { page.username },
            external_id: page.id,
            display_name: page.name,
            avatar_url: page.picture.data.url,
            scopes: SCOPES.map(str::to_owned).to_vec(),
            server_url: String::new(),
            tokens: Tokens {
                access_token: page.access_token,
                refresh_token: None,
                expire_time: None,
            },
        })
    }

    async fn publish(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &mut Progress,
    ) -> Outcome {
        let page = &session.account.external_id;
        if let Some(video) = post.media.iter().find(|medium| is_video(medium)) {
            let form = [("file_url", video.url.as_str()), ("description", &post.text)];
            let made = self.graph.post(session, &format!("{page}/videos"), &form).await;
            return outcome(made, |id| format!("https://www.facebook.com/{page}/videos/{id}"));
        }
        let photos = match self.upload(session, &post.media, progress).await {
            Ok(photos) => photos,
            Err(failure) => return failure.into(),
        };
        let attached: Vec<(String, String)> = photos
            .iter()
            .enumerate()
            .map(|(index, id)| {
                let medium = serde_json::json!({ "media_fbid": id });
                (format!("attached_media[{index}]"), medium.to_string())
            })
            .collect();
        let mut form = vec![("message", post.text.as_str())];
        form.extend(attached.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        match post.options.as_ref().and_then(|options| options.network.as_ref()) {
            Some(Options::Facebook(options)) if !options.link.is_empty() => {
                form.push(("link", &options.link));
            }
            _ => {}
        }
        if let Err(failure) = progress.goes_public().await {
            return failure.into();
        }
        let made = self.graph.post(session, &format!("{page}/feed"), &form).await;
        let outcome = outcome(made, |id| format!("https://www.facebook.com/{id}"));
        forget_refused(outcome, progress).await
    }

    async fn find(
        &self,
        session: &Session,
        post: &PublishRequest,
        progress: &Progress,
    ) -> Result<Found, Failure> {
        let Steps { photos } = progress.get();
        if post.text.is_empty() && photos.is_empty() {
            return Ok(cannot_tell("a video without a text cannot be told from others"));
        }
        match self.recent(session, post, &photos).await {
            Ok((sent, is_whole)) => Ok(found(sent, is_whole, session, progress)),
            Err(problem) => problem.undecided(),
        }
    }

    async fn publish_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        _: &mut Progress,
    ) -> Outcome {
        let form = [("message", comment.text.as_str())];
        let made = self.graph.post(session, &comments_path(comment), &form).await;
        outcome(made, |id| format!("https://www.facebook.com/{id}"))
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
    match comment.external_comment_id.as_str() {
        "" => format!("{}/comments", comment.external_post_id),
        id => format!("{id}/comments"),
    }
}

fn outcome(made: Result<Created, Problem>, url: impl FnOnce(&str) -> String) -> Outcome {
    match made {
        Ok(made) => Outcome::Sent(Sent { external_url: url(&made.id), external_id: made.id }),
        Err(problem) => problem.outcome(),
    }
}
