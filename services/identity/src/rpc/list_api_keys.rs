//! `ApiKeyService.ListApiKeys`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::ListPosition,
    page::Binding,
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
    let page_size = fields.page_size(request.page_size);
    let after: Option<Option<ListPosition>> =
        fields.page_token(&rpc.page_tokens, &binding, &request.page_token);
    let (page_size, after) = fields.finish((page_size, after))?;

    let after = after.and_then(|position| position.uuid());
    let limit = i64::try_from(page_size + 1).unwrap_or(i64::MAX);
    let mut keys = rpc.store.list_keys(user_id, request.include_revoked, after, limit).await?;
    let more = keys.len() > page_size;
    keys.truncate(page_size);
    let next = keys.last().filter(|_| more).map(|key| ListPosition::after_id(key.row.id.uuid()));
    let now = rpc.environment.clock.now();
    Ok(ListApiKeysResponse {
        api_keys: keys.into_iter().map(|key| message::api_key(key, now)).collect(),
        next_page_token: next
            .map(|position| rpc.page_tokens.seal(&binding, &position))
            .unwrap_or_default(),
    })
}
