//! `PostService.RetryPost`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_proto::{
    fields::Fields,
    v1::{RetryPostRequest, RetryPostResponse},
};

use super::{
    Rpc,
    change::{self, Change},
    message,
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

    let post = change::load(rpc, context, post_id, Action::WritePosts).await?;
    let key = Key::of(context.user_id()?, "RetryPost", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first_answer) = idempotency::find(rpc.store.pool(), key.as_ref(), now).await? {
        return Ok(first_answer);
    }
    let entitlements = change::entitlements(rpc, post.workspace_id()).await?;
    let accounts = change::inactive_accounts(rpc, context, &post).await?;
    idempotency::once(rpc.store.pool(), key.as_ref(), now, async |mut transaction| {
        let change = Change {
            admitted: &post,
            etag: "",
            step: Step::Retry,
            now,
            entitlements: Some(entitlements),
            accounts,
            replaces_targets: false,
        };
        let post = change.apply(&mut transaction, |_| ()).await?;
        Ok::<_, Error>((transaction, RetryPostResponse { post: Some(message::post(post)?) }))
    })
    .await
}
