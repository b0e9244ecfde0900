//! The whole system in this process, on databases of its own.

use postbreeze_proto::v1::{
    AcceptInvitationRequest, ApiKey, CreateApiKeyRequest, InviteMemberRequest, Role, ScopedAccess,
    SignUpRequest, SocialAccount, User as UserMessage, Workspace, create_api_key_request::Access,
};
use postbreeze_runtime::{Environment, config::Lookup, stack::Limits};
use postbreeze_standalone::{Databases, Keys, System as Composed, compose, schemas, secrets};
use secrecy::SecretString;
use tonic::Status;

use crate::{
    client::Client,
    clock::TurnableClock,
    postgres::{TestDatabase, database},
};

/// Passwords of test users.
pub const PASSWORD: &str = "correct horse battery staple";
/// Connections of each service's pool in a test.
const CONNECTIONS: u32 = 8;

/// A system that a test has for itself.
pub struct System {
    /// Its services.
    pub services: Composed,
    /// Its time.
    pub clock: TurnableClock,
    /// Its databases, by owner.
    pub databases: Vec<(&'static str, TestDatabase)>,
    environment: Environment,
}

/// A signed-up user.
pub struct User {
    /// What the system knows of the user.
    pub user: UserMessage,
    /// The system seen with the user's session.
    pub session: Client,
    /// The session's credential.
    pub session_token: String,
    front: postbreeze_runtime::BoxService,
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

impl System {
    /// Starts a system.
    ///
    /// # Panics
    /// When it cannot: a test has nothing to do then.
    pub async fn start() -> Self {
        let clock = TurnableClock::new();
        let environment = Environment::new(clock.clock());
        let mut databases = Vec::new();
        for (owner, migrator) in schemas() {
            databases.push((owner, database(owner, migrator).await));
        }
        let opened = Databases::open(|owner| {
            let found = databases.iter().find(|(name, _)| *name == owner);
            let (_, database) = found.expect("every owner has a database");
            Ok(database.config(CONNECTIONS))
        })
        .expect("the test server's URL is one");
        let settings = [("POSTBREEZE_SELF_SERVICE_PLANS", "true")]
            .map(|(name, value)| (name.to_owned(), SecretString::from(value.to_owned())));
        let secrets = secrets::ephemeral().expect("randomness");
        let lookup = Lookup::default().with_defaults(settings.into_iter().chain(secrets));
        let keys = Keys::generate().expect("randomness");
        let services = compose(&lookup, &environment, &opened, &keys, &Limits::default())
            .unwrap_or_else(|failure| panic!("the system cannot be composed: {failure}"));
        Self { services, clock, databases, environment }
    }

    /// The system seen with a credential, or none.
    #[must_use]
    pub fn client(&self, credential: Option<&str>) -> Client {
        Client::new(self.services.front.clone(), credential)
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
            front: self.services.front.clone(),
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

    /// The connections to an owner's database, for what no RPC can bring about.
    ///
    /// # Panics
    /// When there is no such owner.
    #[must_use]
    pub fn pool(&self, owner: &str) -> &sqlx::PgPool {
        let found = self.databases.iter().find(|(name, _)| *name == owner);
        found.map(|(_, database)| database.pool()).expect("every owner has a database")
    }

    /// Ends every background task.
    pub async fn stop(self) {
        self.environment.background.stop().await;
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
