//! `PostService.ListPublishAttempts`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::ListPosition,
    page::Binding,
    v1::{ListPublishAttemptsRequest, ListPublishAttemptsResponse},
};

use super::{Rpc, change, message};
use crate::error::Error;

pub(super) async fn list_publish_attempts(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ListPublishAttemptsRequest,
) -> Result<ListPublishAttemptsResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let page_size = fields.page_size(request.page_size);
    let filter = ListPublishAttemptsRequest { post_id: request.post_id, ..Default::default() };
    let binding = Binding::new("ListPublishAttempts", context.user_id()?, &filter);
    let after = fields.page_token::<ListPosition>(&rpc.page_tokens, &binding, &request.page_token);
    let (post_id, page_size, after) = fields.finish((post_id, page_size, after))?;

    let post = change::load(rpc, context, post_id, Action::Read).await?;
    let after = after.and_then(|position| position.uuid());
    let limit = i64::try_from(page_size + 1).unwrap_or(i64::MAX);
    let mut rows = rpc.store.list_attempts(&post, after, limit).await?;
    let more = rows.len() > page_size;
    rows.truncate(page_size);
    let next = rows.last().filter(|_| more).map(|row| ListPosition::after_id(row.id.uuid()));
    Ok(ListPublishAttemptsResponse {
        attempts: rows.into_iter().map(message::attempt).collect::<Result<_, _>>()?,
        next_page_token: next
            .map(|position| rpc.page_tokens.seal(&binding, &position))
            .unwrap_or_default(),
    })
}
