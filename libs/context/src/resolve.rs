//! Where callers and reaches come from. Everything reads through to `identity` and `workspaces` at each call, so that
//! taking away is complete by construction; what stands behind these traits can change without any handler noticing.

use std::sync::Arc;

use postbreeze_ids::{Id, UserId, WorkspaceId};
use postbreeze_proto::{
    internal::v1::{
        AuthenticateRequest, GetKeyScopeRequest, GetReachRequest, authenticate_response,
        credential_service_client::CredentialServiceClient,
        reach_service_client::ReachServiceClient,
    },
    status, time,
    v1::KeyPermission,
};
use postbreeze_runtime::peer::Peer;
use tonic::{Status, async_trait};
use uuid::Uuid;

use crate::{Caller, Permission, Reach, Role, credential::SecretHash};

/// Tells whose credential a hash is.
#[async_trait]
pub trait Callers: Send + Sync {
    /// The caller, read at this moment.
    async fn authenticate(&self, hash: &SecretHash) -> Result<Caller, Status>;
}

/// Tells a user's memberships.
#[async_trait]
pub trait Memberships: Send + Sync {
    /// The living workspaces of a user, with the role in each, read at this moment.
    async fn memberships(&self, user_id: UserId) -> Result<Vec<(WorkspaceId, Role)>, Status>;
}

/// Tells a scoped key's allow-list.
#[async_trait]
pub trait KeyScopes: Send + Sync {
    /// The allow-list of the key that the caller used, read at this moment; `None` when it was given full access since
    /// it was authenticated.
    async fn scope(&self, caller: &Caller) -> Result<Option<Vec<WorkspaceId>>, Status>;
}

/// Resolves reaches: memberships, cut to the allow-list of a scoped key.
#[derive(Clone)]
pub struct ReachResolver {
    memberships: Arc<dyn Memberships>,
    scopes: Arc<dyn KeyScopes>,
}

impl ReachResolver {
    /// A resolver over its two sources.
    #[must_use]
    pub fn new(memberships: Arc<dyn Memberships>, scopes: Arc<dyn KeyScopes>) -> Self {
        Self { memberships, scopes }
    }

    /// A resolver that asks the two services.
    #[must_use]
    pub fn asking(workspaces: &Peer, identity: &Peer) -> Self {
        Self::new(
            Arc::new(PeerMemberships(workspaces.clone())),
            Arc::new(PeerKeyScopes(identity.clone())),
        )
    }

    /// The reach of a caller.
    ///
    /// # Errors
    /// What the sources answer; UNAVAILABLE when one is down.
    pub async fn reach(&self, caller: &Caller) -> Result<Reach, Status> {
        let Some(user_id) = caller.user_id() else { return Ok(Reach::default()) };
        if !caller.is_scoped() {
            return Ok(Reach::new(self.memberships.memberships(user_id).await?));
        }
        let (memberships, allowed) =
            tokio::try_join!(self.memberships.memberships(user_id), self.scopes.scope(caller))?;
        let reach = Reach::new(memberships);
        Ok(match allowed {
            Some(allowed) => reach.within(allowed),
            None => reach,
        })
    }
}

/// Callers from `identity`. The call must carry a token of the asking service.
pub struct PeerCallers(pub Peer);

#[async_trait]
impl Callers for PeerCallers {
    async fn authenticate(&self, hash: &SecretHash) -> Result<Caller, Status> {
        let request = AuthenticateRequest { secret_hash: hash.to_vec() };
        let answer =
            CredentialServiceClient::new(self.0.clone()).authenticate(request).await?.into_inner();
        let user_id = answer.user_id.parse().map_err(|_| malformed("user_id"))?;
        match answer.credential {
            Some(authenticate_response::Credential::Session(session)) => Ok(Caller::Session {
                user_id,
                session_id: Uuid::from_slice(&session.session_id)
                    .map_err(|_| malformed("session_id"))?,
            }),
            Some(authenticate_response::Credential::Key(key)) => Ok(Caller::Key {
                user_id,
                key_id: key.key_id.parse().map_err(|_| malformed("key_id"))?,
                permission: match key.permission() {
                    KeyPermission::ReadWrite => Permission::ReadWrite,
                    KeyPermission::ReadOnly | KeyPermission::Unspecified => Permission::ReadOnly,
                },
                scoped: key.scoped,
                expire_time: key.expire_time.as_ref().and_then(time::from_proto),
            }),
            None => Err(malformed("credential")),
        }
    }
}

/// Memberships from `workspaces`.
pub struct PeerMemberships(pub Peer);

#[async_trait]
impl Memberships for PeerMemberships {
    async fn memberships(&self, _: UserId) -> Result<Vec<(WorkspaceId, Role)>, Status> {
        // The context token of the call names the user.
        let answer = ReachServiceClient::new(self.0.clone()).get_reach(GetReachRequest {}).await?;
        answer
            .into_inner()
            .memberships
            .iter()
            .map(|membership| {
                let id = Uuid::from_slice(&membership.workspace_id).ok()?;
                Some((Id::from_uuid(id), Role::from_proto(membership.role())?))
            })
            .collect::<Option<_>>()
            .ok_or_else(|| malformed("memberships"))
    }
}

/// Allow-lists from `identity`.
pub struct PeerKeyScopes(pub Peer);

#[async_trait]
impl KeyScopes for PeerKeyScopes {
    async fn scope(&self, _: &Caller) -> Result<Option<Vec<WorkspaceId>>, Status> {
        // The context token of the call names the key.
        let answer = CredentialServiceClient::new(self.0.clone())
            .get_key_scope(GetKeyScopeRequest {})
            .await?
            .into_inner();
        if answer.full_access {
            return Ok(None);
        }
        let ids: Result<_, _> = answer.workspace_ids.iter().map(|id| id.parse()).collect();
        ids.map(Some).map_err(|_| malformed("workspace_ids"))
    }
}

fn malformed(field: &str) -> Status {
    tracing::error!(field, "a peer answered what cannot be read");
    status::internal()
}
