//! `ApiKeyService.ListApiKeys`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    page::{Binding, Page},
    v1::{ListApiKeysRequest, ListApiKeysResponse},
};

use super::{Rpc, message};
use crate::error::Error;

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

    let (revoked, limit) = (request.include_revoked, page.sql_limit());
    let mut keys = rpc.store.list_keys(user_id, revoked, page.after, limit).await?;
    let next_page_token = page.cut(tokens, &mut keys, |key| key.row.id.uuid());
    let now = rpc.environment.clock.now();
    Ok(ListApiKeysResponse {
        api_keys: keys.into_iter().map(|key| message::api_key(key, now)).collect(),
        next_page_token,
    })
}
