//! `PostService.ApprovePost`.

use chrono::{DateTime, Utc};
use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_proto::{
    fields::Fields,
    v1::{ApprovePostRequest, ApprovePostResponse},
};

use super::{
    Rpc,
    change::{self, Change},
    message,
    timing::{self, Timing},
};
use crate::{
    error::Error,
    post::{PostStatus, Step},
    store::posts::Post,
};

pub(super) async fn approve_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ApprovePostRequest,
) -> Result<ApprovePostResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let timing = timing::parse(&mut fields, request.scheduled_for.as_ref(), request.publish_now);
    let etag = change::parse_etag(&mut fields, &request.etag);
    let request_id = fields.request_id(&request.request_id);
    let (post_id, timing, etag, request_id) = fields.finish((post_id, timing, etag, request_id))?;

    let post = change::load(rpc, context, post_id, Action::ReviewPosts).await?;
    let user_id = context.user_id()?;
    if post.row.author_user_id == user_id {
        return Err(Error::OwnPost);
    }
    let key = Key::of(user_id, "ApprovePost", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first_answer) = idempotency::find(rpc.store.pool(), key.as_ref(), now).await? {
        return Ok(first_answer);
    }
    let at = time(&post, timing, now)?;
    let entitlements = change::entitlements(rpc, post.workspace_id()).await?;
    let accounts = change::inactive_accounts(rpc, context, &post).await?;
    idempotency::once(rpc.store.pool(), key.as_ref(), now, async |mut transaction| {
        let change = Change {
            admitted: &post,
            etag: &etag,
            step: Step::Approve,
            now,
            entitlements: Some(entitlements),
            accounts,
            replaces_targets: false,
        };
        let post = change
            .apply(&mut transaction, |post| {
                if let Some(at) = at {
                    change::set_time(&mut post.row, at);
                }
                post.row.approved_by_user_id = Some(user_id);
                post.row.approved_time = Some(now);
            })
            .await?;
        Ok::<_, Error>((transaction, ApprovePostResponse { post: Some(message::post(post)?) }))
    })
    .await
}

/// The new time, or the one that was asked for if it has not passed. A post in another status is refused later, for that.
fn time(
    post: &Post,
    timing: Option<Timing>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Error> {
    let waits = post.row.status == PostStatus::NeedsApproval.as_str();
    let timing = timing.or(post.row.scheduled_time.filter(|_| waits).map(Timing::At));
    Ok(timing.map(|timing| timing::instant_or_fault(timing, now)).transpose()?)
}
