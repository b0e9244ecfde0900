//! The system from outside, wherever it runs: signing users up, joining them to teams.

use postbreeze_proto::v1::{
    AcceptInvitationRequest, ApiKey, CreateApiKeyRequest, InviteMemberRequest, Role, ScopedAccess,
    SignUpRequest, SocialAccount, User as UserMessage, Workspace, create_api_key_request::Access,
};
use postbreeze_runtime::BoxService;
use tonic::Status;

use crate::client::Client;

/// Passwords of test users.
pub const PASSWORD: &str = "correct horse battery staple";

/// The public endpoint of a system, in this process or another.
#[derive(Clone)]
pub struct Front(BoxService);

/// A signed-up user.
pub struct User {
    /// What the system knows of the user.
    pub user: UserMessage,
    /// The system seen with the user's session.
    pub session: Client,
    /// The session's credential.
    pub session_token: String,
    front: BoxService,
}

/// A workspace with a member of each role and an account.
pub struct Team {
    /// The workspace, named Acme.
    pub workspace: Workspace,
    /// Its one account, on the sandbox.
    pub account: SocialAccount,
    /// Who created it.
    pub owner: User,
    /// Its admin.
    pub admin: User,
    /// Its editor.
    pub editor: User,
    /// Its client reviewer.
    pub reviewer: User,
}

impl Front {
    /// The system behind an endpoint.
    #[must_use]
    pub fn new(service: BoxService) -> Self {
        Self(service)
    }

    /// The endpoint itself.
    #[must_use]
    pub fn service(&self) -> &BoxService {
        &self.0
    }

    /// The system seen with a credential, or none.
    #[must_use]
    pub fn client(&self, credential: Option<&str>) -> Client {
        Client::new(self.0.clone(), credential)
    }

    /// Signs a user up as `<name>@example.com`.
    ///
    /// # Panics
    /// When the system refuses.
    pub async fn sign_up(&self, name: &str) -> User {
        let request = SignUpRequest {
            email: format!("{name}@example.com"),
            password: PASSWORD.to_owned(),
            display_name: name.to_owned(),
        };
        let answer = self.client(None).users().sign_up(request).await;
        let answer = answer.expect("a new user can sign up").into_inner();
        User {
            user: answer.user.expect("an answer has its user"),
            session: self.client(Some(&answer.session_token)),
            session_token: answer.session_token,
            front: self.0.clone(),
        }
    }

    /// Makes a user a member, by an invitation that they accept.
    ///
    /// # Panics
    /// When the system refuses.
    pub async fn join(&self, inviter: &User, workspace_id: &str, user: &User, role: Role) {
        let invitation = InviteMemberRequest {
            workspace_id: workspace_id.to_owned(),
            email: user.user.email.clone(),
            role: role.into(),
            ..Default::default()
        };
        let invited = inviter.session.members().invite_member(invitation).await;
        let invitation_token =
            invited.expect("the inviter may invite").into_inner().invitation_token;
        let acceptance = AcceptInvitationRequest { invitation_token, ..Default::default() };
        let joined = user.session.members().accept_invitation(acceptance).await;
        joined.expect("the invited may accept");
    }

    /// A workspace with a member of each role and an account.
    ///
    /// # Panics
    /// When the system refuses.
    pub async fn team(&self) -> Team {
        let owner = self.sign_up("owner").await;
        let workspace = owner.session.create_workspace("Acme").await.expect("a user may create");
        let account =
            owner.session.connect(&workspace.id, "acme").await.expect("an owner may connect");
        let admin = self.sign_up("admin").await;
        let editor = self.sign_up("editor").await;
        let reviewer = self.sign_up("reviewer").await;
        for (user, role) in
            [(&admin, Role::Admin), (&editor, Role::Editor), (&reviewer, Role::ClientReviewer)]
        {
            self.join(&owner, &workspace.id, user, role).await;
        }
        Team { workspace, account, owner, admin, editor, reviewer }
    }
}

impl User {
    /// The user's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.user.id
    }

    /// A new full-access key, and the system seen with it.
    ///
    /// # Errors
    /// What the system answers.
    pub async fn full_key(&self) -> Result<(ApiKey, Client), Status> {
        self.key(CreateApiKeyRequest::default()).await
    }

    /// A new key for these workspaces alone, and the system seen with it.
    ///
    /// # Errors
    /// What the system answers.
    pub async fn scoped_key(&self, workspaces: &[&str]) -> Result<(ApiKey, Client), Status> {
        let workspace_ids = workspaces.iter().map(|id| (*id).to_owned()).collect();
        let access = Some(Access::Scoped(ScopedAccess { workspace_ids }));
        self.key(CreateApiKeyRequest { access, ..Default::default() }).await
    }

    /// A new key, and the system seen with it.
    ///
    /// # Errors
    /// What the system answers.
    pub async fn key(&self, request: CreateApiKeyRequest) -> Result<(ApiKey, Client), Status> {
        let request = CreateApiKeyRequest { display_name: "test".to_owned(), ..request };
        let answer = self.session.keys().create_api_key(request).await?.into_inner();
        let key = answer.api_key.ok_or_else(|| Status::internal("an answer without a key"))?;
        Ok((key, Client::new(self.front.clone(), Some(&answer.secret))))
    }
}
