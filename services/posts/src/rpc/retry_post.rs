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
    timing::Timing,
};
use crate::{
    error::Error,
    post::{PostStatus, Step},
};

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
    if let Some(first_answer) = idempotency::look_up(rpc.store.statements(), key, now).await? {
        return Ok(first_answer);
    }
    let entitlements = entitlements(rpc, &post).await?;
    let needs_approval = entitlements.needs_approval(post.role());
    let accounts = accounts::of_post(rpc, &post).await?;
    let change = Change {
        entitlements: Some(entitlements),
        accounts,
        retry_needs_approval: needs_approval,
        edit: Box::new(|post| {
            if post.row.status == PostStatus::NeedsApproval.as_str() {
                change::set_time(&mut post.row, Timing::Now, now);
            }
        }),
        ..Change::of(&post, Step::Retry, now)
    };
    change.make_once(rpc, key, |post| RetryPostResponse { post: Some(post) }).await
}
