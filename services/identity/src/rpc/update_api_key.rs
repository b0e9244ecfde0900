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
    store::keys::{lock_living_key, save_key},
};

/// What a mask may name.
const MASKABLE: [&str; 5] = ["display_name", "full_access", "scoped", "permission", "expire_time"];
const MASK_PATHS: usize = 20;

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
    rpc.store.find_living_key(user_id, key_id).await?.ok_or_else(not_found)?;
    access::check_reach(context, edits.workspaces.as_deref().unwrap_or_default())?;
    let now = rpc.environment.clock.now();
    access::check_end(edits.expire_time.flatten(), now)?;
    let mut transaction = rpc.store.pool().begin().await?;
    let key = lock_living_key(&mut transaction, user_id, key_id).await?;
    let mut key = key.ok_or_else(not_found)?;
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
    let mask = request.update_mask.as_ref().map_or(&[][..], |mask| &mask.paths);
    let bounded = fields.count("update_mask", mask.len(), 0..=MASK_PATHS);
    if bounded && mask.iter().any(|path| !MASKABLE.contains(&path.as_str())) {
        fields.violate("update_mask", format!("may name only {}", MASKABLE.join(", ")));
    }
    let wanted = |path: &str, set: bool| {
        if mask.is_empty() { set } else { mask.iter().any(|named| named == path) }
    };
    let mut edits = Edits::default();
    if wanted("display_name", !request.display_name.is_empty()) {
        edits.display_name = access::display_name(fields, &request.display_name);
    }
    if wanted("full_access", request.access.is_some()) || wanted("scoped", false) {
        edits.workspaces = parse_access(fields, request.access.as_ref());
    }
    if wanted("permission", request.permission != 0) {
        edits.read_only = access::read_only(fields, request.permission);
    }
    if wanted("expire_time", request.expire_time.is_some()) {
        edits.expire_time = fields.time("expire_time", request.expire_time.as_ref());
    }
    if mask.is_empty() && !sets_anything(request) {
        fields.violate("update_mask", "names nothing to change");
    }
    edits
}

/// The new allow-list; empty for full access.
fn parse_access(fields: &mut Fields, access: Option<&Access>) -> Option<Vec<WorkspaceId>> {
    match access {
        Some(Access::Scoped(scoped)) => access::allow_list(fields, scoped),
        Some(Access::FullAccess(_)) => Some(Vec::new()),
        None => {
            fields.violate("full_access", "one of full_access and scoped is required");
            None
        }
    }
}

fn sets_anything(request: &UpdateApiKeyRequest) -> bool {
    !request.display_name.is_empty()
        || request.access.is_some()
        || request.permission != 0
        || request.expire_time.is_some()
}
