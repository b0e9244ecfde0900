//! What a key is given: its name, its access, its end. Shared by creating and updating.

use chrono::{DateTime, Utc};
use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_ids::{Workspace, WorkspaceId};
use postbreeze_proto::{
    fields::Fields,
    status::Fault,
    v1::{KeyPermission, ScopedAccess},
};

use crate::error::Error;

const NAME_CHARS: usize = 80;
const WORKSPACES: usize = 1_000;

/// The key's name.
pub(super) fn display_name(fields: &mut Fields, name: &str) -> Option<String> {
    fields.text("display_name", name.trim(), 1..=NAME_CHARS)
}

/// The allow-list; it is never empty. A workspace that is named twice counts once.
pub(super) fn allow_list(fields: &mut Fields, scoped: &ScopedAccess) -> Option<Vec<WorkspaceId>> {
    const FIELD: &str = "scoped.workspace_ids";
    let given = &scoped.workspace_ids;
    if !fields.count(FIELD, given.len(), 1..=WORKSPACES) {
        return None;
    }
    let mut ids = Vec::with_capacity(given.len());
    for (index, id) in given.iter().enumerate() {
        ids.extend(fields.id::<Workspace>(format!("{FIELD}[{index}]"), id));
    }
    let sound = ids.len() == given.len();
    ids.sort_unstable();
    ids.dedup();
    sound.then_some(ids)
}

/// Whether the key may only read; the default is that it may also write.
pub(super) fn read_only(fields: &mut Fields, permission: i32) -> Option<bool> {
    let permission = fields.optional_choice::<KeyPermission>("permission", permission)?;
    Some(permission == Some(KeyPermission::ReadOnly))
}

/// The allow-list may only name workspaces that the owner belongs to.
pub(super) fn check_reach(
    context: &WorkspaceContext,
    workspaces: &[WorkspaceId],
) -> Result<(), Error> {
    for id in workspaces {
        context.admit(Claim::on(*id), Action::Read)?;
    }
    Ok(())
}

/// A key's end must be in the future.
pub(super) fn check_end(expires: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), Error> {
    if expires.is_some_and(|expires| expires <= now) {
        let mut fields = Fields::new();
        fields.violate("expire_time", "must be in the future");
        return Err(Fault::invalid(fields.into_violations()).into());
    }
    Ok(())
}
