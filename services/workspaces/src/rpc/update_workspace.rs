//! `UpdateWorkspace`.

use postbreeze_context::{Action, Claim, Denied, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{UpdateWorkspaceRequest, UpdateWorkspaceResponse},
};

use super::{Rpc, lock_for, message, settings};
use crate::{
    error::Error,
    store::{Change, WorkspaceChanges},
    workspace::NAME_CHARS,
};

/// What a mask may name; the slug cannot be changed.
const MASKABLE: [&str; 5] = ["name", "timezone", "brand_color", "logo_url", "require_approval"];
const MASK_PATHS: usize = 20;

pub(super) async fn update_workspace(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: UpdateWorkspaceRequest,
) -> Result<UpdateWorkspaceResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let changes = changes(&mut fields, &request);
    let (workspace_id, changes) = fields.finish((workspace_id, Some(changes)))?;
    let admitted = context.admit(Claim::on(workspace_id), Action::UpdateWorkspace)?;

    if changes.is_empty() {
        let row = rpc.store.workspace(&admitted).await?.ok_or(Denied::OutOfReach)?;
        let workspace = Some(message::workspace(row, admitted.role()));
        return Ok(UpdateWorkspaceResponse { workspace });
    }
    let now = rpc.clock.now();
    let effect = async |change: Change| {
        let (mut team, actor) =
            lock_for(change, context, &admitted, Action::UpdateWorkspace).await?;
        team.update_workspace(&changes, now).await?;
        let row = team.workspace().await?;
        Ok((
            team.into_change(),
            UpdateWorkspaceResponse { workspace: Some(message::workspace(row, actor.role.0)) },
        ))
    };
    rpc.store.change(effect).await
}

/// What the request changes: what its mask names, or without a mask what it sets.
fn changes(fields: &mut Fields, request: &UpdateWorkspaceRequest) -> WorkspaceChanges {
    let mask = request.update_mask.as_ref().map_or(&[][..], |mask| &mask.paths);
    let bounded = fields.count("update_mask", mask.len(), 0..=MASK_PATHS);
    if bounded && mask.iter().any(|path| !MASKABLE.contains(&path.as_str())) {
        fields.violate("update_mask", format!("may name only {}", MASKABLE.join(", ")));
    }
    let wanted = |name: &str, set: bool| {
        if mask.is_empty() { set } else { mask.iter().any(|path| path == name) }
    };
    let mut changes = WorkspaceChanges::default();
    if wanted("name", !request.name.is_empty()) {
        changes.name = fields.text("name", &request.name, NAME_CHARS);
    }
    if wanted("timezone", !request.timezone.is_empty()) {
        changes.timezone = settings::timezone(fields, &request.timezone);
    }
    if wanted("brand_color", !request.brand_color.is_empty()) {
        changes.brand_color = settings::brand_color(fields, &request.brand_color);
    }
    if wanted("logo_url", !request.logo_url.is_empty()) {
        changes.logo_url = settings::logo_url(fields, &request.logo_url);
    }
    if wanted("require_approval", request.require_approval.is_some()) {
        changes.require_approval = Some(request.require_approval.unwrap_or_default());
    }
    changes
}
