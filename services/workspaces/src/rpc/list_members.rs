//! `ListMembers`.

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_ids::UserId;
use postbreeze_proto::{
    fields::Fields,
    page::{Binding, Page},
    v1::{ListMembersRequest, ListMembersResponse},
};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn list_members(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ListMembersRequest,
) -> Result<ListMembersResponse, Error> {
    let mut fields = Fields::new();
    let filter =
        ListMembersRequest { workspace_id: request.workspace_id.clone(), ..Default::default() };
    let binding = Binding::new("ListMembers", context.user_id()?, &filter);
    let key = &rpc.page_tokens;
    let checked = (
        fields.id("workspace_id", &request.workspace_id),
        Page::read(&mut fields, key, binding, request.page_size, &request.page_token),
    );
    let (workspace_id, page) = fields.finish(checked)?;
    let admitted = context.admit(Claim::on(workspace_id), Action::Read)?;

    let mut rows = rpc.store.members(&admitted, page.after, page.sql_limit()).await?;
    let next_page_token = page.cut(key, &mut rows, |row| row.id.uuid());
    let user_ids: Vec<UserId> = rows.iter().map(|row| row.user_id).collect();
    let mut profiles = rpc.identity.profiles(&user_ids).await?;
    let members = rows
        .iter()
        .map(|row| message::member(row, profiles.remove(&row.user_id).unwrap_or_default()))
        .collect();
    Ok(ListMembersResponse { members, next_page_token })
}
