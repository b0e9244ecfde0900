//! `SandboxService.ListSandboxCalls`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    page::{Binding, Page},
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
    let filter = ListSandboxCallsRequest {
        account_id: request.account_id,
        kind: request.kind,
        ..Default::default()
    };
    let binding = Binding::new("ListSandboxCalls", context.user_id()?, &filter);
    let key = &rpc.page_tokens;
    let page = Page::read(&mut fields, key, binding, request.page_size, &request.page_token);
    let (account_id, kind, page) = fields.finish((account_id, kind, page))?;

    let account = load(rpc, context, account_id, Action::Read).await?;
    let kind = kind.and_then(|kind| i16::try_from(i32::from(kind)).ok());
    let limit = page.sql_limit();
    let mut rows = rpc.store.list_sandbox_calls(&account, kind, page.after, limit).await?;
    let next_page_token = page.cut(key, &mut rows, |row| row.id.uuid());
    Ok(ListSandboxCallsResponse { calls: rows.into_iter().map(call).collect(), next_page_token })
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
        media_alt_texts: row.media_alt_texts,
    }
}
