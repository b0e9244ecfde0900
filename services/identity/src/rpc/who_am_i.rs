//! `ApiKeyService.WhoAmI`.

use std::collections::HashMap;

use postbreeze_context::{Caller, WorkspaceContext};
use postbreeze_proto::{
    time::to_proto,
    v1::{
        AccessMode, KeyPermission, ListWorkspacesRequest, ReachableWorkspace, SessionInfo,
        WhoAmIRequest, WhoAmIResponse, who_am_i_response::Credential,
        workspace_service_client::WorkspaceServiceClient,
    },
};

use super::{Rpc, message};
use crate::error::Error;

const NAMES_PER_PAGE: i32 = 200;

pub(super) async fn who_am_i(
    rpc: &Rpc,
    context: &WorkspaceContext,
    _: WhoAmIRequest,
) -> Result<WhoAmIResponse, Error> {
    let user_id = context.user_id()?;
    let user = rpc.store.find_user(user_id).await?.ok_or(Error::Missing("the caller"))?;
    let now = rpc.environment.clock.now();
    let (credential, mode, permission) = match context.caller() {
        Caller::Key { key_id, .. } => {
            let key = rpc.store.find_key(user_id, *key_id).await?;
            let key = key.ok_or(Error::Missing("the caller's key"))?;
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
    let mut names = names(rpc).await?;
    let workspaces = context.reach().iter().map(|(id, role)| {
        let workspace_id = id.to_string();
        let name = names.remove(&workspace_id).unwrap_or_default();
        ReachableWorkspace { workspace_id, name, role: role.to_proto().into() }
    });
    Ok(WhoAmIResponse {
        user: Some(message::user(user)),
        credential: Some(credential),
        mode: mode.into(),
        permission: permission.into(),
        workspaces: workspaces.collect(),
    })
}

/// The names of every workspace in the caller's reach, which the context token tells.
async fn names(rpc: &Rpc) -> Result<HashMap<String, String>, Error> {
    let mut client = WorkspaceServiceClient::new(rpc.workspaces.clone());
    let mut names = HashMap::new();
    let mut page_token = String::new();
    loop {
        let request = ListWorkspacesRequest { page_size: NAMES_PER_PAGE, page_token };
        let page = client.list_workspaces(request).await.map_err(Error::Workspaces)?.into_inner();
        names.extend(page.workspaces.into_iter().map(|workspace| (workspace.id, workspace.name)));
        if page.next_page_token.is_empty() {
            return Ok(names);
        }
        page_token = page.next_page_token;
    }
}
