//! `PostService.RetryPost`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_ids::PostId;
use postbreeze_proto::{
    fields::Fields,
    v1::{RetryPostRequest, RetryPostResponse},
};

use super::{
    Rpc, accounts,
    change::{self, Change},
    entitlements::entitlements,
};
use crate::{error::Error, post::Step};

pub(super) async fn retry_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: RetryPostRequest,
) -> Result<RetryPostResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let request_id = fields.request_id(&request.request_id);
    let (post_id, request_id) = fields.finish((post_id, request_id))?;
    let key = Key::of(context.user_id()?, "RetryPost", &request_id, &request);
    change::retrying(|| retry(rpc, context, post_id, key.as_ref())).await
}

async fn retry(
    rpc: &Rpc,
    context: &WorkspaceContext,
    post_id: PostId,
    key: Option<&Key>,
) -> Result<RetryPostResponse, Error> {
    let post = change::load(rpc, context, post_id, Action::WritePosts).await?;
    let now = rpc.environment.clock.now();
    if let Some(first_answer) = idempotency::find(rpc.store.pool(), key, now).await? {
        return Ok(first_answer);
    }
    let entitlements = entitlements(rpc, &post).await?;
    let accounts = accounts::of_post(rpc, &post).await?;
    let change = Change {
        entitlements: Some(entitlements),
        accounts,
        ..Change::of(&post, Step::Retry, now)
    };
    change.make_once(rpc, key, |post| RetryPostResponse { post: Some(post) }).await
}
