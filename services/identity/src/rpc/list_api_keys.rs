//! `ApiKeyService.ListApiKeys`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    page::{Binding, Page},
    v1::{ListApiKeysRequest, ListApiKeysResponse},
};

use super::{Rpc, message};
use crate::error::Error;

/// Entries of allow-lists on a page, 32 bytes each: with the keys themselves it stays far below the 4 MiB that clients take.
const ENTRIES_PER_PAGE: i64 = 50_000;

pub(super) async fn list_api_keys(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ListApiKeysRequest,
) -> Result<ListApiKeysResponse, Error> {
    let user_id = context.user_id()?;
    let filter =
        ListApiKeysRequest { include_revoked: request.include_revoked, ..Default::default() };
    let binding = Binding::new("ListApiKeys", user_id, &filter);
    let mut fields = Fields::new();
    let tokens = &rpc.page_tokens;
    let page = Page::read(&mut fields, tokens, binding, request.page_size, &request.page_token);
    let (page,) = fields.finish((page,))?;

    let (revoked, size) = (request.include_revoked, page.size());
    let (keys, more) =
        rpc.store.list_keys(user_id, revoked, page.after, size, ENTRIES_PER_PAGE).await?;
    let next_page_token = match keys.last() {
        Some(last) if more => page.token_after(tokens, last.row.id.uuid()),
        _ => String::new(),
    };
    let now = rpc.environment.clock.now();
    Ok(ListApiKeysResponse {
        api_keys: keys.into_iter().map(|key| message::api_key(key, now)).collect(),
        next_page_token,
    })
}
