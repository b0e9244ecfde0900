//! `PostService.ReschedulePost`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_ids::PostId;
use postbreeze_proto::{
    fields::Fields,
    v1::{ReschedulePostRequest, ReschedulePostResponse},
};

use super::{
    Rpc, accounts,
    change::{self, Change},
    entitlements::entitlements,
    timing::{self, Timing},
};
use crate::{error::Error, post::Step};

pub(super) async fn reschedule_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ReschedulePostRequest,
) -> Result<ReschedulePostResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let timing =
        timing::parse_required(&mut fields, request.scheduled_for.as_ref(), request.publish_now);
    let etag = change::parse_etag(&mut fields, &request.etag);
    let request_id = fields.request_id(&request.request_id);
    let (post_id, timing, etag, request_id) = fields.finish((post_id, timing, etag, request_id))?;
    let key = Key::of(context.user_id()?, "ReschedulePost", &request_id, &request);
    change::retrying(|| reschedule(rpc, context, post_id, timing, &etag, key.as_ref())).await
}

async fn reschedule(
    rpc: &Rpc,
    context: &WorkspaceContext,
    post_id: PostId,
    timing: Timing,
    etag: &str,
    key: Option<&Key>,
) -> Result<ReschedulePostResponse, Error> {
    let post = change::load(rpc, context, post_id, Action::WritePosts).await?;
    let now = rpc.environment.clock.now();
    if let Some(first_answer) = idempotency::look_up(rpc.store.statements(), key, now).await? {
        return Ok(first_answer);
    }
    let at = timing::instant_or_fault(timing, now)?;
    let entitlements = entitlements(rpc, &post).await?;
    let needs_approval = entitlements.needs_approval(post.role());
    let accounts = accounts::of_post(rpc, &post).await?;
    let change = Change {
        etag,
        entitlements: Some(entitlements),
        accounts,
        edit: Box::new(|post| {
            // A SCHEDULED post keeps its approval: only its time moves.
            let row = &mut post.row;
            let review = (row.approved_by_user_id, row.approved_time);
            change::set_time(row, timing, at);
            if row.charged_month.is_some() {
                (row.approved_by_user_id, row.approved_time) = review;
            }
        }),
        ..Change::of(&post, Step::Reschedule { needs_approval }, now)
    };
    change.make_once(rpc, key, |post| ReschedulePostResponse { post: Some(post) }).await
}
