//! `PostService.ApprovePost`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_ids::PostId;
use postbreeze_proto::{
    fields::Fields,
    v1::{ApprovePostRequest, ApprovePostResponse},
};

use super::{
    Rpc, accounts,
    change::{self, Change},
    entitlements::entitlements,
    timing::{self, Timing},
};
use crate::{error::Error, post::Step};

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
    let key = Key::of(context.user_id()?, "ApprovePost", &request_id, &request);
    change::retrying(|| approve(rpc, context, post_id, timing, &etag, key.as_ref())).await
}

async fn approve(
    rpc: &Rpc,
    context: &WorkspaceContext,
    post_id: PostId,
    timing: Option<Timing>,
    etag: &str,
    key: Option<&Key>,
) -> Result<ApprovePostResponse, Error> {
    let post = change::load(rpc, context, post_id, Action::ReviewPosts).await?;
    let user_id = context.user_id()?;
    if post.row.author_user_id == user_id {
        return Err(Error::OwnPost);
    }
    let now = rpc.environment.clock.now();
    if let Some(first_answer) = idempotency::look_up(rpc.store.statements(), key, now).await? {
        return Ok(first_answer);
    }
    let time = match timing {
        Some(timing) => Some((timing, timing::instant_or_fault(timing, now)?)),
        None => None,
    };
    let entitlements = entitlements(rpc, &post).await?;
    let accounts = accounts::of_post(rpc, &post).await?;
    let change = Change {
        etag,
        keeps_time: time.is_none(),
        entitlements: Some(entitlements),
        accounts,
        edit: Box::new(|post| {
            if let Some((timing, at)) = time {
                change::set_time(&mut post.row, timing, at);
            } else if post.row.publish_now {
                post.row.scheduled_time = Some(now);
            }
            post.row.approved_by_user_id = Some(user_id);
            post.row.approved_time = Some(now);
        }),
        ..Change::of(&post, Step::Approve, now)
    };
    change.make_once(rpc, key, |post| ApprovePostResponse { post: Some(post) }).await
}
