//! `ListInvitations`.

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    page::{Binding, Page},
    v1::{ListInvitationsRequest, ListInvitationsResponse},
};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn list_invitations(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ListInvitationsRequest,
) -> Result<ListInvitationsResponse, Error> {
    let mut fields = Fields::new();
    let filter =
        ListInvitationsRequest { workspace_id: request.workspace_id.clone(), ..Default::default() };
    let binding = Binding::new("ListInvitations", context.user_id()?, &filter);
    let key = &rpc.page_tokens;
    let checked = (
        fields.id("workspace_id", &request.workspace_id),
        Page::read(&mut fields, key, binding, request.page_size, &request.page_token),
    );
    let (workspace_id, page) = fields.finish(checked)?;
    let admitted = context.admit(Claim::on(workspace_id), Action::ManageMembers)?;

    let now = rpc.clock.now();
    let limit = page.sql_limit();
    let mut rows = rpc.store.pending_invitations(&admitted, now, page.after, limit).await?;
    let next_page_token = page.cut(key, &mut rows, |row| row.id.uuid());
    let invitations = rows.into_iter().map(|row| message::invitation(row, now)).collect();
    Ok(ListInvitationsResponse { invitations, next_page_token })
}
