//! `BillingService.GetUsage`: the plan is `workspaces`', the units are `posts`', the bytes are `media`'s.

use chrono::Datelike as _;
use futures_util::future::try_join;
use postbreeze_context::{Action, Caller, Claim, WorkspaceContext};
use postbreeze_ids::{UserId, Workspace};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{
        GetOwnerEntitlementsRequest, GetPostUsageRequest, GetStorageUsageRequest,
        GetWorkspaceEntitlementsRequest, OwnerEntitlements,
        entitlement_service_client::EntitlementServiceClient,
        media_source_service_client::MediaSourceServiceClient,
        post_source_service_client::PostSourceServiceClient,
    },
    v1::{GetUsageRequest, GetUsageResponse, Usage},
};

use super::{Rpc, user_of};
use crate::error::Error;

pub(super) async fn get_usage(
    rpc: &Rpc,
    caller: &Caller,
    request: GetUsageRequest,
) -> Result<GetUsageResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.optional_id::<Workspace>("workspace_id", &request.workspace_id);
    let (workspace_id,) = fields.finish((workspace_id,))?;

    let mut workspaces = EntitlementServiceClient::new(rpc.workspaces.clone());
    let entitlements = match workspace_id {
        None => {
            let user_id = user_of(caller)?.to_string();
            let answer =
                workspaces.get_owner_entitlements(GetOwnerEntitlementsRequest { user_id }).await?;
            answer.into_inner().entitlements
        }
        Some(id) => {
            let reach = rpc.resolver.reach(caller).await?;
            let context = WorkspaceContext::new(caller.clone(), reach.into());
            context.admit(Claim::on(id), Action::Read)?;
            let request = GetWorkspaceEntitlementsRequest { workspace_id: id.to_string() };
            workspaces.get_workspace_entitlements(request).await?.into_inner().entitlements
        }
    };
    let entitlements = entitlements.ok_or(Error::Unreadable("entitlements"))?;
    usage(rpc, entitlements).await
}

async fn usage(rpc: &Rpc, entitlements: OwnerEntitlements) -> Result<GetUsageResponse, Error> {
    let owner_user_id: UserId =
        entitlements.owner_user_id.parse().map_err(|_| Error::Unreadable("owner_user_id"))?;
    let now = rpc.environment.clock.now();
    let month = now.year() * 12 + i32::try_from(now.month0()).unwrap_or(0);
    let request = GetPostUsageRequest { owner_user_id: owner_user_id.to_string(), month };
    let mut posts = PostSourceServiceClient::new(rpc.posts.first().clone());
    let stored = GetStorageUsageRequest { owner_user_id: owner_user_id.to_string() };
    let mut media = MediaSourceServiceClient::new(rpc.media.clone());
    let (units, stored) =
        try_join(posts.get_post_usage(request), media.get_storage_usage(stored)).await?;
    Ok(GetUsageResponse {
        usage: Some(Usage {
            owner_user_id: entitlements.owner_user_id,
            plan: entitlements.plan,
            month: now.format("%Y-%m").to_string(),
            posts_used: units.into_inner().units,
            posts_limit: entitlements.posts_per_month,
            media_bytes_used: stored.into_inner().bytes,
            media_bytes_limit: entitlements.media_bytes,
        }),
    })
}
