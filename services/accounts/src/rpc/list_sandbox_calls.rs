//! `SandboxService.ListSandboxCalls`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::ListPosition,
    page::Binding,
    time::to_proto,
    v1::{ListSandboxCallsRequest, ListSandboxCallsResponse, SandboxCall, SandboxCallKind},
};

use super::{Rpc, sandbox::load};
use crate::{error::Error, store::sandbox::CallRow};

pub(super) async fn list_sandbox_calls(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ListSandboxCallsRequest,
) -> Result<ListSandboxCallsResponse, Error> {
    let mut fields = Fields::new();
    let account_id = fields.id("account_id", &request.account_id);
    let kind = fields.optional_choice::<SandboxCallKind>("kind", request.kind);
    let page_size = fields.page_size(request.page_size);
    let filter = ListSandboxCallsRequest {
        account_id: request.account_id,
        kind: request.kind,
        ..Default::default()
    };
    let binding = Binding::new("ListSandboxCalls", context.user_id()?, &filter);
    let after = fields.page_token::<ListPosition>(&rpc.page_tokens, &binding, &request.page_token);
    let (account_id, kind, page_size, after) =
        fields.finish((account_id, kind, page_size, after))?;

    let account = load(rpc, context, account_id, Action::Read).await?;
    let kind = kind.and_then(|kind| i16::try_from(i32::from(kind)).ok());
    let after = after.and_then(|position| position.uuid());
    let limit = i64::try_from(page_size + 1).unwrap_or(i64::MAX);
    let mut rows = rpc.store.list_sandbox_calls(&account, kind, after, limit).await?;
    let more = rows.len() > page_size;
    rows.truncate(page_size);
    let next = rows.last().filter(|_| more).map(|row| ListPosition::after_id(row.id.uuid()));
    Ok(ListSandboxCallsResponse {
        calls: rows.into_iter().map(call).collect(),
        next_page_token: next
            .map(|position| rpc.page_tokens.seal(&binding, &position))
            .unwrap_or_default(),
    })
}

fn call(row: CallRow) -> SandboxCall {
    SandboxCall {
        id: row.id.to_string(),
        kind: row.kind.into(),
        time: Some(to_proto(row.create_time)),
        key: row.key,
        text: row.text,
        accepted: row.accepted,
        external_id: if row.accepted { row.id.to_string() } else { String::new() },
        fault: row.fault.into(),
        external_post_id: row.external_post_id,
        media_content_types: row.media_content_types,
    }
}
