//! The RPCs, one file each: parse, load, admit, replay, act, reply.

mod message;
mod settings;

mod accept_invitation;
mod change_subscription;
mod create_workspace;
mod delete_workspace;
mod get_entitlements;
mod get_owner_entitlements;
mod get_reach;
mod get_subscription;
mod get_workspace;
mod get_workspace_entitlements;
mod get_workspace_names;
mod invite_member;
mod leave_workspace;
mod list_invitations;
mod list_members;
mod list_plans;
mod list_workspaces;
mod read_workspace_log;
mod remove_member;
mod revoke_invitation;
mod transfer_ownership;
mod update_member;
mod update_workspace;

use std::sync::Arc;

use postbreeze_context::{Action, Admitted, Claim, Denied, Role, WorkspaceContext};
use postbreeze_ids::{Minter, UserId, WorkspaceId};
use postbreeze_proto::{
    internal::v1::{
        self as internal,
        entitlement_service_server::{EntitlementService, EntitlementServiceServer},
        reach_service_server::{ReachService, ReachServiceServer},
        workspace_log_service_server::{WorkspaceLogService, WorkspaceLogServiceServer},
    },
    page::TokenKey,
    v1::{
        self,
        billing_service_server::{BillingService, BillingServiceServer},
        member_service_server::{MemberService, MemberServiceServer},
        workspace_service_server::{WorkspaceService, WorkspaceServiceServer},
    },
};
use postbreeze_runtime::{Background, clock::Clock};
use tokio::sync::Notify;
use tonic::{Request, Response, Status, service::Routes};

use crate::{
    error::Error,
    identity::Identity,
    plan::Plans,
    store::{Change, MemberRow, Store, Team},
};

/// The gRPC names of what is served here.
pub(crate) const NAMES: &[&str] = &[
    v1::workspace_service_server::SERVICE_NAME,
    v1::member_service_server::SERVICE_NAME,
    v1::billing_service_server::SERVICE_NAME,
    internal::reach_service_server::SERVICE_NAME,
    internal::entitlement_service_server::SERVICE_NAME,
    internal::workspace_log_service_server::SERVICE_NAME,
];

/// What the handlers work with.
pub(crate) struct Rpc {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) clock: Clock,
    pub(crate) minter: Minter,
    pub(crate) background: Background,
    pub(crate) page_tokens: TokenKey,
    pub(crate) plans: Plans,
    pub(crate) self_service_plans: bool,
    /// Wakes who waits for the log, when this process has appended to it.
    pub(crate) appended: Notify,
}

/// Every service that these handlers serve.
pub(crate) fn routes(rpc: Rpc) -> Routes {
    let rpc = Arc::new(rpc);
    Routes::new(WorkspaceServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(MemberServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(BillingServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(ReachServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(EntitlementServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(WorkspaceLogServiceServer::from_arc(rpc))
}

/// Locks the workspace for an action and checks the caller's role again, under the lock: between admission and lock
/// the caller may have been demoted, removed, or have handed the workspace on.
async fn lock_for<T>(
    change: Change,
    context: &WorkspaceContext,
    admitted: &Admitted<T>,
    action: Action,
) -> Result<(Team, MemberRow), Error> {
    let user_id = context.user_id()?;
    let mut team = change.lock(admitted).await?.ok_or(Denied::OutOfReach)?;
    let actor = team.member(user_id).await?.ok_or(Denied::OutOfReach)?;
    if !action.is_allowed_to(actor.role.0) {
        return Err(Denied::RoleInsufficient.into());
    }
    Ok((team, actor))
}

/// Admits to an action on a member. That a user is none is told to every member of the workspace, before what their role
/// does not allow.
async fn admit_on_member(
    rpc: &Rpc,
    context: &WorkspaceContext,
    workspace_id: WorkspaceId,
    user_id: UserId,
    action: Action,
) -> Result<Admitted<()>, Error> {
    let reading = context.admit(Claim::on(workspace_id), Action::Read)?;
    rpc.store.member(&reading, user_id).await?.ok_or(Error::NoMember(user_id))?;
    Ok(context.admit(Claim::on(workspace_id), action)?)
}

/// A role that a request gives to somebody: any but owner.
fn given_role(fields: &mut postbreeze_proto::fields::Fields, value: i32) -> Option<Role> {
    let role = Role::from_proto(fields.choice("role", value)?)?;
    if role == Role::Owner {
        fields.violate("role", "cannot be given: the owner transfers the workspace");
        return None;
    }
    Some(role)
}

macro_rules! serve {
    ($service:ident { $($rpc:ident($request:ty) -> $response:ty;)+ }) => {
        #[tonic::async_trait]
        impl $service for Rpc {
            $(async fn $rpc(
                &self,
                request: Request<$request>,
            ) -> Result<Response<$response>, Status> {
                let context = WorkspaceContext::of(&request)?;
                let response = $rpc::$rpc(self, &context, request.into_inner()).await?;
                Ok(Response::new(response))
            })+
        }
    };
}

serve!(WorkspaceService {
    create_workspace(v1::CreateWorkspaceRequest) -> v1::CreateWorkspaceResponse;
    get_workspace(v1::GetWorkspaceRequest) -> v1::GetWorkspaceResponse;
    list_workspaces(v1::ListWorkspacesRequest) -> v1::ListWorkspacesResponse;
    update_workspace(v1::UpdateWorkspaceRequest) -> v1::UpdateWorkspaceResponse;
    delete_workspace(v1::DeleteWorkspaceRequest) -> v1::DeleteWorkspaceResponse;
});

serve!(MemberService {
    list_members(v1::ListMembersRequest) -> v1::ListMembersResponse;
    invite_member(v1::InviteMemberRequest) -> v1::InviteMemberResponse;
    list_invitations(v1::ListInvitationsRequest) -> v1::ListInvitationsResponse;
    revoke_invitation(v1::RevokeInvitationRequest) -> v1::RevokeInvitationResponse;
    accept_invitation(v1::AcceptInvitationRequest) -> v1::AcceptInvitationResponse;
    update_member(v1::UpdateMemberRequest) -> v1::UpdateMemberResponse;
    remove_member(v1::RemoveMemberRequest) -> v1::RemoveMemberResponse;
    leave_workspace(v1::LeaveWorkspaceRequest) -> v1::LeaveWorkspaceResponse;
    transfer_ownership(v1::TransferOwnershipRequest) -> v1::TransferOwnershipResponse;
});

// GetUsage needs posts and media too: the aggregator answers it.
serve!(BillingService {
    list_plans(v1::ListPlansRequest) -> v1::ListPlansResponse;
    get_subscription(v1::GetSubscriptionRequest) -> v1::GetSubscriptionResponse;
    change_subscription(v1::ChangeSubscriptionRequest) -> v1::ChangeSubscriptionResponse;
    get_entitlements(v1::GetEntitlementsRequest) -> v1::GetEntitlementsResponse;
});

serve!(ReachService {
    get_reach(internal::GetReachRequest) -> internal::GetReachResponse;
    get_workspace_names(internal::GetWorkspaceNamesRequest) -> internal::GetWorkspaceNamesResponse;
});

serve!(EntitlementService {
    get_workspace_entitlements(internal::GetWorkspaceEntitlementsRequest)
        -> internal::GetWorkspaceEntitlementsResponse;
    get_owner_entitlements(internal::GetOwnerEntitlementsRequest)
        -> internal::GetOwnerEntitlementsResponse;
});

serve!(WorkspaceLogService {
    read_workspace_log(internal::ReadWorkspaceLogRequest) -> internal::ReadWorkspaceLogResponse;
});
