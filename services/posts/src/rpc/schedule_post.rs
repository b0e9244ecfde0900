//! `PostService.SchedulePost`.

use postbreeze_context::{Action, Role, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_proto::{
    fields::Fields,
    v1::{SchedulePostRequest, SchedulePostResponse},
};

use super::{
    Rpc,
    change::{self, Change},
    message, timing,
};
use crate::{error::Error, post::Step};

pub(super) async fn schedule_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: SchedulePostRequest,
) -> Result<SchedulePostResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let timing =
        timing::parse_required(&mut fields, request.scheduled_for.as_ref(), request.publish_now);
    let etag = change::parse_etag(&mut fields, &request.etag);
    let request_id = fields.request_id(&request.request_id);
    let (post_id, timing, etag, request_id) = fields.finish((post_id, timing, etag, request_id))?;

    let post = change::load(rpc, context, post_id, Action::WritePosts).await?;
    let key = Key::of(context.user_id()?, "SchedulePost", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first_answer) = idempotency::find(rpc.store.pool(), key.as_ref(), now).await? {
        return Ok(first_answer);
    }
    let at = timing::instant_or_fault(timing, now)?;
    let entitlements = change::entitlements(rpc, post.workspace_id()).await?;
    let needs_approval = entitlements.require_approval && post.role() == Role::Editor;
    let accounts = change::inactive_accounts(rpc, context, &post).await?;
    idempotency::once(rpc.store.pool(), key.as_ref(), now, async |mut transaction| {
        let change = Change {
            admitted: &post,
            etag: &etag,
            step: Step::Schedule { needs_approval },
            now,
            entitlements: Some(entitlements),
            accounts,
            replaces_targets: false,
        };
        let post =
            change.apply(&mut transaction, |post| change::set_time(&mut post.row, at)).await?;
        Ok::<_, Error>((transaction, SchedulePostResponse { post: Some(message::post(post)?) }))
    })
    .await
}
