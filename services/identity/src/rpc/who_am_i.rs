//! `ApiKeyService.WhoAmI`.

use std::collections::HashMap;

use postbreeze_context::{Caller, Role, WorkspaceContext};
use postbreeze_ids::WorkspaceId;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{GetWorkspaceNamesRequest, reach_service_client::ReachServiceClient},
    page::{Binding, MAX_PAGE_SIZE, Page},
    time::to_proto,
    v1::{
        AccessMode, KeyPermission, ReachableWorkspace, SessionInfo, WhoAmIRequest, WhoAmIResponse,
        who_am_i_response::Credential,
    },
};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn who_am_i(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: WhoAmIRequest,
) -> Result<WhoAmIResponse, Error> {
    let user_id = context.user_id()?;
    let mut fields = Fields::new();
    let binding = Binding::new("WhoAmI", user_id, &WhoAmIRequest::default());
    let page = Page::read(
        &mut fields,
        &rpc.page_tokens,
        binding,
        page_size(request.page_size),
        &request.page_token,
    );
    let (page,) = fields.finish((page,))?;

    let reach = context.reach();
    let mut rows: Vec<(WorkspaceId, Role)> = reach
        .iter()
        .filter(|(id, _)| page.after.is_none_or(|after| id.uuid() > after))
        .take(page.limit())
        .collect();
    let next_page_token = page.cut(&rpc.page_tokens, &mut rows, |(id, _)| id.uuid());
    let mut names = names(rpc, &rows).await?;
    // The credential is read last: what was taken away during the call is not shown as good.
    let user = rpc.store.find_user(user_id).await?.ok_or(Error::Missing("the caller"))?;
    let now = rpc.environment.clock.now();
    let (credential, mode, permission) = match context.caller() {
        Caller::Key { key_id, .. } => {
            let key = rpc.store.find_key(user_id, *key_id).await?;
            let key = key.ok_or(Error::Missing("the caller's key"))?;
            if key.row.revoke_time.is_some() {
                return Err(Error::CredentialRevoked);
            }
            let mode = if key.row.scoped { AccessMode::Scoped } else { AccessMode::Full };
            let permission = message::permission(key.row.read_only);
            (Credential::ApiKey(message::api_key(key, now)), mode, permission)
        }
        Caller::Session { session_id, .. } => {
            let session = rpc.store.find_session(*session_id).await?;
            let session = session.ok_or(Error::Missing("the caller's session"))?;
            let info = SessionInfo {
                create_time: Some(to_proto(session.create_time)),
                expire_time: Some(to_proto(session.expire_time)),
            };
            (Credential::Session(info), AccessMode::Full, KeyPermission::ReadWrite)
        }
        Caller::Anonymous | Caller::System { .. } => return Err(Error::Missing("a user")),
    };
    let workspaces = rows.into_iter().map(|(id, role)| ReachableWorkspace {
        workspace_id: id.to_string(),
        name: names.remove(id.uuid().as_bytes().as_slice()).unwrap_or_default(),
        role: role.to_proto().into(),
    });
    Ok(WhoAmIResponse {
        user: Some(message::user(user)),
        credential: Some(credential),
        mode: mode.into(),
        permission: permission.into(),
        workspaces: workspaces.collect(),
        next_page_token,
        workspace_count: i32::try_from(reach.iter().count()).unwrap_or(i32::MAX),
    })
}

/// Without a wish a page is as large as it may be: clients that do not page see as much as they can.
fn page_size(requested: i32) -> i32 {
    if requested == 0 { i32::try_from(MAX_PAGE_SIZE).unwrap_or(i32::MAX) } else { requested }
}

/// The names of workspaces, by the bytes of their ids.
async fn names(rpc: &Rpc, rows: &[(WorkspaceId, Role)]) -> Result<HashMap<Vec<u8>, String>, Error> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let workspace_ids = rows.iter().map(|(id, _)| id.uuid().as_bytes().to_vec()).collect();
    let answer = ReachServiceClient::new(rpc.workspaces.clone())
        .get_workspace_names(GetWorkspaceNamesRequest { workspace_ids })
        .await
        .map_err(Error::Workspaces)?;
    let named = answer.into_inner().workspaces.into_iter();
    Ok(named.map(|workspace| (workspace.workspace_id, workspace.name)).collect())
}
