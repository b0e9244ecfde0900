//! What both networks' tests do: a system with a workspace, what its users do, and what `posts` asks `accounts` for.

use postbreeze_context::token::{CONTEXT, Issuer};
use postbreeze_proto::{
    internal::v1::{
        FetchCommentsRequest, FetchedComment, FindCommentRequest, FindPublishedRequest,
        MediaToPublish, PublishCommentRequest, PublishRequest, SendFailure, Sent,
        fetch_comments_response, find_outcome, network_service_client::NetworkServiceClient,
        send_outcome,
    },
    time::to_proto,
    v1::{
        AccountStatus, Comment, CompleteConnectRequest, CreatePostRequest, FirstCommentStatus,
        GetPostRequest, GetSocialAccountRequest, ListCommentsRequest, MediaItemInput, Platform,
        PlatformOptions, PostStatus, PostTarget, RefreshCommentsRequest, ReplyToCommentRequest,
        SocialAccount, StartConnectRequest, StartConnectResponse, complete_connect_request::Grant,
        platform_options::Network,
    },
};
use postbreeze_runtime::peer::Peer;
use postbreeze_testkit::{
    System, User, Web, draft, until_that,
    web::{PNG, Page},
};
use tonic::{Request, Status};

/// A system with a workspace.
pub(crate) struct Scene {
    pub(crate) system: System,
    pub(crate) owner: User,
    pub(crate) workspace_id: String,
    web: Web,
}

impl Scene {
    /// A scene whose system may call this machine; `more` are further settings.
    pub(crate) async fn start(more: &[(&str, &str)]) -> Self {
        let own = [("POSTBREEZE_EGRESS_ALLOW", "127.0.0.0/8")];
        let settings: Vec<_> = own.iter().chain(more).copied().collect();
        let system = System::start_with(&settings).await;
        let owner = system.sign_up("owner").await;
        let workspace_id = owner.session.create_workspace("Acme").await.unwrap().id;
        Self { system, owner, workspace_id, web: Web::start().await }
    }

    /// Begins a connection.
    pub(crate) async fn begin(&self, platform: Platform, server_url: &str) -> StartConnectResponse {
        let request = StartConnectRequest {
            workspace_id: self.workspace_id.clone(),
            platform: platform.into(),
            server_url: server_url.to_owned(),
            ..Default::default()
        };
        self.owner.session.accounts().start_connect(request).await.unwrap().into_inner()
    }

    /// Finishes a connection.
    pub(crate) async fn finish(&self, state: &str, grant: Grant) -> Result<SocialAccount, Status> {
        let request = CompleteConnectRequest {
            state: state.to_owned(),
            grant: Some(grant),
            ..Default::default()
        };
        let answer = self.owner.session.accounts().complete_connect(request).await?;
        Ok(answer.into_inner().account.unwrap())
    }

    pub(crate) async fn status(&self, account: &SocialAccount) -> AccountStatus {
        let request =
            GetSocialAccountRequest { account_id: account.id.clone(), ..Default::default() };
        let answer = self.owner.session.accounts().get_social_account(request).await.unwrap();
        answer.into_inner().account.unwrap().status()
    }

    /// Publishes a post with a picture from the web and a first comment, as a user does. Answers its target, once both are out.
    pub(crate) async fn goes_out(
        &self,
        account: &SocialAccount,
        text: &str,
        options: Network,
    ) -> PostTarget {
        let client = &self.owner.session;
        let mut request = CreatePostRequest {
            publish_now: true,
            media_items: vec![MediaItemInput {
                url: self.picture_url(),
                alt_text: "three by two".to_owned(),
            }],
            ..draft(text, &account.id)
        };
        request.platforms[0].first_comment = "first comment".to_owned();
        request.platforms[0].options = Some(PlatformOptions { network: Some(options) });
        let post_id = client.create_post(request).await.unwrap().id;
        let get = async || {
            let request = GetPostRequest { post_id: post_id.clone(), ..Default::default() };
            client.posts().get_post(request).await.unwrap().into_inner().post.unwrap()
        };
        until_that(
            "the post and its first comment are out",
            async || get().await,
            |post| {
                post.status() == PostStatus::Published
                    && post.targets[0].first_comment_status() == FirstCommentStatus::Published
            },
        )
        .await;
        get().await.targets.remove(0)
    }

    /// The comments in the inbox, after a look at the network.
    pub(crate) async fn inbox(&self) -> Vec<Comment> {
        let mut comments = self.owner.session.comments();
        let request = RefreshCommentsRequest {
            workspace_id: self.workspace_id.clone(),
            ..Default::default()
        };
        let looked = comments.refresh_comments(request).await.unwrap().into_inner();
        assert_eq!(looked.missed_count, 0);
        let all = comments.list_comments(ListCommentsRequest::default()).await.unwrap();
        all.into_inner().comments
    }

    /// Answers a comment. Answers the network's own id of that.
    pub(crate) async fn reply(&self, comment: &Comment, body: &str) -> String {
        let request = ReplyToCommentRequest {
            comment_id: comment.id.clone(),
            body: body.to_owned(),
            ..Default::default()
        };
        let answer = self.owner.session.comments().reply_to_comment(request).await.unwrap();
        answer.into_inner().comment.unwrap().reply.unwrap().external_id
    }

    fn picture_url(&self) -> String {
        self.web.page("/picture", Page::Bytes("image/png", PNG.into()))
    }

    /// A picture, as the media library hands it to publishing.
    pub(crate) fn picture(&self) -> MediaToPublish {
        MediaToPublish {
            url: self.picture_url(),
            content_type: "image/png".to_owned(),
            size_bytes: i64::try_from(PNG.len()).unwrap(),
            alt_text: "three by two".to_owned(),
            width_px: Some(3),
            height_px: Some(2),
            ..Default::default()
        }
    }

    /// A post.
    pub(crate) fn post(&self, account: &SocialAccount, key: &str, text: &str) -> PublishRequest {
        PublishRequest {
            account_id: account.id.clone(),
            key: key.to_owned(),
            text: text.to_owned(),
            first_attempt_time: Some(to_proto(self.system.clock.now())),
            ..Default::default()
        }
    }

    /// A comment under a post, or an answer to a comment there.
    pub(crate) fn comment(
        &self,
        account: &SocialAccount,
        post_id: &str,
        comment_id: &str,
        text: &str,
    ) -> PublishCommentRequest {
        PublishCommentRequest {
            account_id: account.id.clone(),
            key: format!("comment-{}", text.len()),
            external_post_id: post_id.to_owned(),
            external_comment_id: comment_id.to_owned(),
            text: text.to_owned(),
            first_attempt_time: Some(to_proto(self.system.clock.now())),
        }
    }

    fn asked<T>(&self, message: T) -> (NetworkServiceClient<Peer>, Request<T>) {
        let key = self.system.keys.signing("posts").unwrap();
        let issuer = Issuer::new("posts", key, self.system.clock.clock()).unwrap();
        let mut request = Request::new(message);
        request.set_timeout(std::time::Duration::from_secs(20));
        let token = issuer.system_token(&["accounts"]).unwrap();
        request.metadata_mut().as_mut().insert(CONTEXT, token);
        (NetworkServiceClient::new(self.system.services.owners.accounts.first().clone()), request)
    }

    pub(crate) async fn publish(&self, post: PublishRequest) -> Result<Sent, SendFailure> {
        let (mut client, request) = self.asked(post);
        let answer = client.publish(request).await.unwrap().into_inner();
        outcome(answer.outcome.unwrap().outcome.unwrap())
    }

    pub(crate) async fn write(&self, comment: PublishCommentRequest) -> Result<Sent, SendFailure> {
        let (mut client, request) = self.asked(comment);
        let answer = client.publish_comment(request).await.unwrap().into_inner();
        outcome(answer.outcome.unwrap().outcome.unwrap())
    }

    pub(crate) async fn find(&self, post: PublishRequest) -> find_outcome::Outcome {
        let (mut client, request) = self.asked(FindPublishedRequest { sent: Some(post) });
        let answer = client.find_published(request).await.unwrap().into_inner();
        answer.outcome.unwrap().outcome.unwrap()
    }

    pub(crate) async fn find_comment(
        &self,
        comment: PublishCommentRequest,
    ) -> find_outcome::Outcome {
        let (mut client, request) = self.asked(FindCommentRequest { sent: Some(comment) });
        let answer = client.find_comment(request).await.unwrap().into_inner();
        answer.outcome.unwrap().outcome.unwrap()
    }

    pub(crate) async fn fetch(&self, account: &SocialAccount, post: &str) -> Vec<FetchedComment> {
        let (mut client, request) = self.asked(FetchCommentsRequest {
            account_id: account.id.clone(),
            external_post_id: post.to_owned(),
        });
        match client.fetch_comments(request).await.unwrap().into_inner().result.unwrap() {
            fetch_comments_response::Result::Comments(fetched) => fetched.comments,
            fetch_comments_response::Result::Failed(failure) => panic!("{failure:?}"),
        }
    }
}

fn outcome(outcome: send_outcome::Outcome) -> Result<Sent, SendFailure> {
    match outcome {
        send_outcome::Outcome::Sent(sent) => Ok(sent),
        send_outcome::Outcome::Failed(failure) => Err(failure),
        send_outcome::Outcome::Unknown(unknown) => panic!("nobody knows: {unknown:?}"),
    }
}
