//! `CreateWorkspace`.

use postbreeze_context::{Role, WorkspaceContext};
use postbreeze_idempotency::Key;
use postbreeze_ids::WorkspaceId;
use postbreeze_proto::{
    fields::Fields,
    v1::{CreateWorkspaceRequest, CreateWorkspaceResponse},
};

use super::{Rpc, message, settings};
use crate::{
    error::Error,
    slug,
    store::{Change, MemberRow, StoredRole, WorkspaceRow},
    workspace::NAME_CHARS,
};

pub(super) async fn create_workspace(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: CreateWorkspaceRequest,
) -> Result<CreateWorkspaceResponse, Error> {
    let user_id = context.user_id()?;
    let mut fields = Fields::new();
    let checked = (
        fields.text("name", &request.name, NAME_CHARS),
        given_slug(&mut fields, &request.slug),
        settings::timezone(&mut fields, &request.timezone),
        settings::brand_color(&mut fields, &request.brand_color),
        settings::logo_url(&mut fields, &request.logo_url),
        fields.request_id(&request.request_id),
    );
    let (name, given_slug, timezone, brand_color, logo_url, request_id) = fields.finish(checked)?;
    context.admit_write()?;

    let now = rpc.clock.now();
    let key = Key::of(user_id, "WorkspaceService.CreateWorkspace", &request_id, &request);
    let id: WorkspaceId = rpc.minter.mint(user_id.bucket());
    let slugs = match given_slug {
        Some(slug) => vec![slug],
        None => slug::candidates(&name, &id.to_string()),
    };
    let owner = MemberRow {
        id: rpc.minter.mint(id.bucket()),
        workspace_id: id,
        user_id,
        role: StoredRole(Role::Owner),
        create_time: now,
    };
    let row = WorkspaceRow {
        id,
        slug: String::new(),
        name,
        timezone,
        brand_color,
        logo_url,
        require_approval: request.require_approval,
        owner_user_id: user_id,
        create_time: now,
        update_time: now,
    };
    let effect = async |mut change: Change| {
        let slug = take_first_free(&mut change, slugs, id).await?;
        let row = WorkspaceRow { slug, ..row };
        change.insert_workspace(&row).await?;
        let change = change.insert_owner(&owner).await?;
        Ok((
            change,
            CreateWorkspaceResponse { workspace: Some(message::workspace(row, Role::Owner)) },
        ))
    };
    rpc.store.once(key.as_ref(), now, effect).await
}

/// The slug of the request, if it has one.
fn given_slug(fields: &mut Fields, value: &str) -> Option<Option<String>> {
    if value.is_empty() {
        return Some(None);
    }
    if slug::is_slug(value) {
        return Some(Some(value.to_owned()));
    }
    fields.violate("slug", "must have 1 to 63 lower-case letters, digits and dashes");
    None
}

async fn take_first_free(
    change: &mut Change,
    slugs: Vec<String>,
    id: WorkspaceId,
) -> Result<String, Error> {
    let mut last = String::new();
    for slug in slugs {
        if change.take_slug(&slug, id).await? {
            return Ok(slug);
        }
        last = slug;
    }
    Err(Error::SlugTaken(last))
}
