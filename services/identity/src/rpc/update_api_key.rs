//! `ApiKeyService.UpdateApiKey`.

use chrono::{DateTime, Utc};
use postbreeze_context::WorkspaceContext;
use postbreeze_ids::WorkspaceId;
use postbreeze_proto::{
    fields::Fields,
    v1::{UpdateApiKeyRequest, UpdateApiKeyResponse, update_api_key_request::Access},
};

use super::{Rpc, access, message};
use crate::{
    error::Error,
    store::keys::{lock_key, save_key},
};

/// What is changed; each absent when it stays.
#[derive(Default)]
struct Edits {
    display_name: Option<String>,
    workspaces: Option<Vec<WorkspaceId>>,
    read_only: Option<bool>,
    expire_time: Option<Option<DateTime<Utc>>>,
}

pub(super) async fn update_api_key(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: UpdateApiKeyRequest,
) -> Result<UpdateApiKeyResponse, Error> {
    let user_id = context.user_id()?;
    let mut fields = Fields::new();
    let key_id = fields.id("key_id", &request.key_id);
    let edits = parse(&mut fields, &request);
    let (key_id,) = fields.finish((key_id,))?;

    let not_found = || Error::KeyNotFound(key_id);
    if rpc.store.find_key(user_id, key_id).await?.is_none() {
        return Err(not_found());
    }
    access::check_reach(context, edits.workspaces.as_deref().unwrap_or_default())?;
    let now = rpc.environment.clock.now();
    access::check_end(edits.expire_time.flatten(), now)?;
    let mut transaction = rpc.store.pool().begin().await?;
    let mut key = lock_key(&mut transaction, user_id, key_id).await?.ok_or_else(not_found)?;
    if let Some(display_name) = edits.display_name {
        key.row.display_name = display_name;
    }
    if let Some(workspaces) = edits.workspaces {
        key.row.scoped = !workspaces.is_empty();
        key.workspaces = workspaces;
    }
    if let Some(read_only) = edits.read_only {
        key.row.read_only = read_only;
    }
    if let Some(expire_time) = edits.expire_time {
        key.row.expire_time = expire_time;
    }
    save_key(&mut transaction, &key).await?;
    transaction.commit().await?;
    Ok(UpdateApiKeyResponse { api_key: Some(message::api_key(key, now)) })
}

fn parse(fields: &mut Fields, request: &UpdateApiKeyRequest) -> Edits {
    let mask = request.update_mask.as_ref().map(|mask| mask.paths.clone()).unwrap_or_default();
    let paths = if mask.is_empty() { set_paths(request) } else { mask };
    if paths.is_empty() {
        fields.violate("update_mask", "names nothing to change");
    }
    let mut edits = Edits::default();
    for path in &paths {
        match path.as_str() {
            "display_name" => {
                edits.display_name = access::display_name(fields, &request.display_name);
            }
            "access" | "full_access" | "scoped" => {
                edits.workspaces = match &request.access {
                    Some(Access::Scoped(scoped)) => access::allow_list(fields, scoped),
                    Some(Access::FullAccess(_)) => Some(Vec::new()),
                    None => {
                        fields.violate("full_access", "one of full_access and scoped is required");
                        None
                    }
                };
            }
            "permission" => edits.read_only = access::read_only(fields, request.permission),
            "expire_time" => {
                edits.expire_time = fields.time("expire_time", request.expire_time.as_ref());
            }
            _ => fields.violate(
                "update_mask",
                "may name only display_name, full_access, scoped, permission, expire_time",
            ),
        }
    }
    edits
}

fn set_paths(request: &UpdateApiKeyRequest) -> Vec<String> {
    let set = [
        ("display_name", !request.display_name.is_empty()),
        ("access", request.access.is_some()),
        ("permission", request.permission != 0),
        ("expire_time", request.expire_time.is_some()),
    ];
    set.into_iter().filter(|(_, set)| *set).map(|(path, _)| path.to_owned()).collect()
}
