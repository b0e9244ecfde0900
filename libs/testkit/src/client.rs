//! A client with a credential, and what tests do with it over and over.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use postbreeze_proto::v1::{
    CompleteConnectRequest, CreatePostRequest, CreateWorkspaceRequest, Platform, Post,
    PostTargetInput, SocialAccount, StartConnectRequest, Workspace,
    api_key_service_client::ApiKeyServiceClient, billing_service_client::BillingServiceClient,
    comment_service_client::CommentServiceClient, complete_connect_request::Grant,
    media_service_client::MediaServiceClient, member_service_client::MemberServiceClient,
    post_service_client::PostServiceClient, sandbox_service_client::SandboxServiceClient,
    social_account_service_client::SocialAccountServiceClient,
    user_service_client::UserServiceClient, webhook_service_client::WebhookServiceClient,
    workspace_service_client::WorkspaceServiceClient,
};
use postbreeze_runtime::BoxService;
use tonic::{Status, body::Body};
use tower::Service;

/// The system seen with one credential, or none.
#[derive(Clone)]
pub struct Client {
    front: BoxService,
    authorization: Option<HeaderValue>,
}

impl Client {
    /// A client of a system.
    #[must_use]
    pub fn new(front: BoxService, credential: Option<&str>) -> Self {
        let authorization = credential.map(|credential| {
            HeaderValue::try_from(format!("Bearer {credential}")).expect("a credential is ASCII")
        });
        Self { front, authorization }
    }

    /// `UserService`.
    #[must_use]
    pub fn users(&self) -> UserServiceClient<Self> {
        UserServiceClient::new(self.clone())
    }

    /// `ApiKeyService`.
    #[must_use]
    pub fn keys(&self) -> ApiKeyServiceClient<Self> {
        ApiKeyServiceClient::new(self.clone())
    }

    /// `WorkspaceService`.
    #[must_use]
    pub fn workspaces(&self) -> WorkspaceServiceClient<Self> {
        WorkspaceServiceClient::new(self.clone())
    }

    /// `MemberService`.
    #[must_use]
    pub fn members(&self) -> MemberServiceClient<Self> {
        MemberServiceClient::new(self.clone())
    }

    /// `BillingService`.
    #[must_use]
    pub fn billing(&self) -> BillingServiceClient<Self> {
        BillingServiceClient::new(self.clone())
    }

    /// `SocialAccountService`.
    #[must_use]
    pub fn accounts(&self) -> SocialAccountServiceClient<Self> {
        SocialAccountServiceClient::new(self.clone())
    }

    /// `PostService`.
    #[must_use]
    pub fn posts(&self) -> PostServiceClient<Self> {
        PostServiceClient::new(self.clone())
    }

    /// `SandboxService`.
    #[must_use]
    pub fn sandbox(&self) -> SandboxServiceClient<Self> {
        SandboxServiceClient::new(self.clone())
    }

    /// `CommentService`.
    #[must_use]
    pub fn comments(&self) -> CommentServiceClient<Self> {
        CommentServiceClient::new(self.clone())
    }

    /// `WebhookService`.
    #[must_use]
    pub fn webhooks(&self) -> WebhookServiceClient<Self> {
        WebhookServiceClient::new(self.clone())
    }

    /// `MediaService`.
    #[must_use]
    pub fn media(&self) -> MediaServiceClient<Self> {
        MediaServiceClient::new(self.clone())
    }

    /// Creates a workspace of this name.
    ///
    /// # Errors
    /// What the system answers.
    pub async fn create_workspace(&self, name: &str) -> Result<Workspace, Status> {
        let request = CreateWorkspaceRequest { name: name.to_owned(), ..Default::default() };
        let answer = self.workspaces().create_workspace(request).await?.into_inner();
        answer.workspace.ok_or_else(|| Status::internal("an answer without a workspace"))
    }

    /// Connects a sandbox account.
    ///
    /// # Errors
    /// What the system answers.
    pub async fn connect(&self, workspace_id: &str, handle: &str) -> Result<SocialAccount, Status> {
        let started = self
            .accounts()
            .start_connect(StartConnectRequest {
                workspace_id: workspace_id.to_owned(),
                platform: Platform::Sandbox.into(),
                ..Default::default()
            })
            .await?
            .into_inner();
        let request = CompleteConnectRequest {
            state: started.state,
            grant: Some(Grant::Code(handle.to_owned())),
            ..Default::default()
        };
        let answer = self.accounts().complete_connect(request).await?.into_inner();
        answer.account.ok_or_else(|| Status::internal("an answer without an account"))
    }

    /// Creates a post; see [`draft`] and its fields.
    ///
    /// # Errors
    /// What the system answers.
    pub async fn create_post(&self, request: CreatePostRequest) -> Result<Post, Status> {
        let answer = self.posts().create_post(request).await?.into_inner();
        answer.post.ok_or_else(|| Status::internal("an answer without a post"))
    }
}

/// The smallest post: text for one account.
#[must_use]
pub fn draft(content: &str, account_id: &str) -> CreatePostRequest {
    CreatePostRequest {
        content: content.to_owned(),
        platforms: vec![PostTargetInput {
            account_id: account_id.to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

impl Service<Request<Body>> for Client {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <BoxService as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.front.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(value) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        self.front.call(request)
    }
}
