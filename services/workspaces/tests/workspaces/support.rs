//! A service on a fresh database, an identity beside it, a clock to turn, and the callers.

mod identity;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_context::{
    Caller, Permission,
    token::{self, Audience, CONTEXT, Issuer, Verifier},
};
use postbreeze_ids::{Bucket, KeyId, UserId, WorkspaceId};
use postbreeze_proto::{
    internal::v1::{
        Profile, entitlement_service_client::EntitlementServiceClient,
        reach_service_client::ReachServiceClient,
        workspace_log_service_client::WorkspaceLogServiceClient,
    },
    status::{Reason, reason_of},
    v1::{
        AcceptInvitationRequest, AcceptInvitationResponse, CreateWorkspaceRequest,
        GetWorkspaceRequest, GetWorkspaceResponse, InviteMemberRequest, InviteMemberResponse, Role,
        Workspace, billing_service_client::BillingServiceClient,
        member_service_client::MemberServiceClient,
        workspace_service_client::WorkspaceServiceClient,
    },
};
use postbreeze_runtime::{
    BoxService, Environment, clock::Clock, peer::Peer, postgres::Database, stack::Limits,
};
use postbreeze_testkit::postgres::{TestDatabase, database};
pub(crate) use postbreeze_testkit::{invalid_fields, refused};
use postbreeze_workspaces::{Config, MIGRATOR, NAME, Parts, Plans, service};
use sqlx::PgPool;
use tonic::{Response, Status, body::Body};
use tower::ServiceExt as _;
use uuid::Uuid;

use self::identity::FakeIdentity;

const AUDIENCE: Audience = Audience { serves: Some(NAME), asked: &[NAME, "identity"] };
/// Of the service's pool.
const CONNECTIONS: u32 = 8;
/// 2026-11-02T12:00:00Z
const START_US: i64 = 1_793_620_800_000_000;

/// The service and all around it.
pub(crate) struct System {
    pub(crate) identity: FakeIdentity,
    service: BoxService,
    issuer: Issuer,
    posts: Issuer,
    environment: Environment,
    database: TestDatabase,
    now_us: Arc<AtomicI64>,
}

/// A user with a session.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) caller: Caller,
}

/// A workspace with a member of each role.
pub(crate) struct Team {
    pub(crate) workspace: Workspace,
    pub(crate) owner: User,
    pub(crate) admin: User,
    pub(crate) editor: User,
    pub(crate) reviewer: User,
}

impl System {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A system whose settings are not the usual ones.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let now_us = Arc::new(AtomicI64::new(START_US));
        let source = Arc::clone(&now_us);
        let clock = Clock::from_source(Arc::new(move || {
            DateTime::from_timestamp_micros(source.load(Ordering::SeqCst)).unwrap()
        }));
        let (signing, public) = token::generate("aggregator", "test").unwrap();
        let (signing_posts, public_posts) = token::generate("posts", "test").unwrap();
        let public = format!("{public},{public_posts}");
        let verifier = |audience| Verifier::new(audience, &public, clock.clone()).unwrap();
        let identity = FakeIdentity::new(verifier("identity"));
        let test_database = database(NAME, &MIGRATOR).await;
        let database = Database::new(test_database.config(CONNECTIONS), &MIGRATOR).unwrap();
        let environment = Environment::new(clock.clone());
        let mut config = Config {
            page_token_key: "a key for tests alone".to_owned().into(),
            plans: Plans::built_in(),
            self_service_plans: true,
        };
        change(&mut config);
        let parts = Parts {
            config,
            environment: environment.clone(),
            database,
            verifier: verifier(NAME),
            limits: Limits::default(),
            identity: Peer::in_process("identity", identity.service()),
        };
        let issuer = Issuer::new("aggregator", &signing, clock.clone()).unwrap();
        let posts = Issuer::new("posts", &signing_posts, clock).unwrap();
        Self {
            identity,
            service: service(parts),
            issuer,
            posts,
            environment,
            database: test_database,
            now_us,
        }
    }

    /// Connections of the test's own to the service's database.
    pub(crate) fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    /// Turns the clock forward.
    pub(crate) fn pass(&self, time: TimeDelta) {
        self.now_us.fetch_add(time.num_microseconds().unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.environment.clock.now()
    }

    /// A new user, known to identity under `<name>@example.com`.
    pub(crate) fn user(&self, name: &str) -> User {
        let id: UserId = self.environment.minter.mint(Bucket::random(&mut rand::rng()));
        let email = format!("{name}@example.com");
        self.identity.put(
            id,
            Profile {
                user_id: id.to_string(),
                email: email.clone(),
                display_name: format!("{name} of the tests"),
            },
        );
        User {
            id,
            email,
            caller: Caller::Session { user_id: id, session_id: Uuid::from_u128(rand::random()) },
        }
    }

    /// A key of a user that reaches all of their workspaces.
    pub(crate) fn key(&self, user: &User, permission: Permission) -> Caller {
        self.any_key(user, permission, false).0
    }

    /// A key of a user with an allow-list.
    pub(crate) fn scoped_key(&self, user: &User, workspaces: &[WorkspaceId]) -> Caller {
        let (caller, key_id) = self.any_key(user, Permission::ReadWrite, true);
        self.identity.scope(key_id, workspaces);
        caller
    }

    fn any_key(&self, user: &User, permission: Permission, scoped: bool) -> (Caller, KeyId) {
        let (user_id, key_id) = (user.id, self.environment.minter.mint(user.id.bucket()));
        (Caller::Key { user_id, key_id, permission, scoped, expire_time: None }, key_id)
    }

    /// The service as this caller reaches it.
    pub(crate) fn as_caller(&self, caller: &Caller) -> BoxService {
        self.signed(&self.issuer, caller)
    }

    fn signed(&self, issuer: &Issuer, caller: &Caller) -> BoxService {
        let (issuer, caller) = (issuer.clone(), caller.clone());
        BoxService::new(self.service.clone().map_request(
            move |mut request: http::Request<Body>| {
                // Signed at each call: the clock may have been turned.
                let token = issuer.token(&caller, AUDIENCE).unwrap();
                request.headers_mut().insert(CONTEXT, token);
                request
            },
        ))
    }

    pub(crate) fn workspaces(&self, caller: &Caller) -> WorkspaceServiceClient<BoxService> {
        WorkspaceServiceClient::new(self.as_caller(caller))
    }

    pub(crate) fn members(&self, caller: &Caller) -> MemberServiceClient<BoxService> {
        MemberServiceClient::new(self.as_caller(caller))
    }

    pub(crate) fn billing(&self, caller: &Caller) -> BillingServiceClient<BoxService> {
        BillingServiceClient::new(self.as_caller(caller))
    }

    pub(crate) fn reach(&self, caller: &Caller) -> ReachServiceClient<BoxService> {
        ReachServiceClient::new(self.as_caller(caller))
    }

    pub(crate) fn entitlements(&self) -> EntitlementServiceClient<BoxService> {
        EntitlementServiceClient::new(self.as_caller(&self.user("anyone").caller))
    }

    /// The log, as `posts` follows it.
    pub(crate) fn log(&self) -> WorkspaceLogServiceClient<BoxService> {
        let posts = Caller::System { service: "posts".to_owned() };
        WorkspaceLogServiceClient::new(self.signed(&self.posts, &posts))
    }

    /// A new workspace of a user.
    pub(crate) async fn create(&self, owner: &User, name: &str) -> Workspace {
        let request = CreateWorkspaceRequest { name: name.to_owned(), ..Default::default() };
        let answer = self.workspaces(&owner.caller).create_workspace(request).await.unwrap();
        answer.into_inner().workspace.unwrap()
    }

    pub(crate) async fn get(
        &self,
        caller: &Caller,
        workspace_id: &str,
    ) -> Result<Response<GetWorkspaceResponse>, Status> {
        let request = GetWorkspaceRequest { workspace_id: workspace_id.to_owned() };
        self.workspaces(caller).get_workspace(request).await
    }

    pub(crate) async fn invite(
        &self,
        inviter: &User,
        workspace_id: &str,
        email: &str,
        role: Role,
    ) -> Result<InviteMemberResponse, Status> {
        let request = InviteMemberRequest {
            workspace_id: workspace_id.to_owned(),
            email: email.to_owned(),
            role: role.into(),
            ..Default::default()
        };
        Ok(self.members(&inviter.caller).invite_member(request).await?.into_inner())
    }

    pub(crate) async fn accept(
        &self,
        user: &User,
        token: &str,
    ) -> Result<AcceptInvitationResponse, Status> {
        let request =
            AcceptInvitationRequest { invitation_token: token.to_owned(), ..Default::default() };
        Ok(self.members(&user.caller).accept_invitation(request).await?.into_inner())
    }

    /// Makes a user a member, the way users do.
    pub(crate) async fn join(&self, owner: &User, workspace_id: &str, user: &User, role: Role) {
        let invited = self.invite(owner, workspace_id, &user.email, role).await.unwrap();
        self.accept(user, &invited.invitation_token).await.unwrap();
    }

    /// A workspace with a member of each role.
    pub(crate) async fn team(&self) -> Team {
        let owner = self.user("owner");
        let workspace = self.create(&owner, "Acme").await;
        let (admin, editor, reviewer) =
            (self.user("admin"), self.user("editor"), self.user("reviewer"));
        for (user, role) in
            [(&admin, Role::Admin), (&editor, Role::Editor), (&reviewer, Role::ClientReviewer)]
        {
            self.join(&owner, &workspace.id, user, role).await;
        }
        Team { workspace, owner, admin, editor, reviewer }
    }

    /// The role of a user in a workspace, as their own view of it tells; `None` when it is out of reach.
    pub(crate) async fn role_of(&self, user: &User, workspace_id: &str) -> Option<Role> {
        match self.get(&user.caller, workspace_id).await {
            Ok(answer) => Some(answer.into_inner().workspace.unwrap().role()),
            Err(status) => {
                assert_eq!(reason_of(&status), Some(Reason::WorkspaceOutOfReach));
                None
            }
        }
    }
}

/// The typed id of a text.
pub(crate) fn workspace_id(text: &str) -> WorkspaceId {
    text.parse().unwrap()
}

/// The id of a workspace that never was.
pub(crate) fn unknown_workspace() -> String {
    let minter = Environment::new(Clock::system()).minter;
    minter.mint::<postbreeze_ids::Workspace>(Bucket::random(&mut rand::rng())).to_string()
}
