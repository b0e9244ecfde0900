//! `PostService.RetryFirstComment`.

use chrono::TimeDelta;
use postbreeze_context::{Action, Denied, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_ids::{PostId, Target, TargetId};
use postbreeze_proto::{
    fields::Fields,
    v1::{RetryFirstCommentRequest, RetryFirstCommentResponse},
};

use super::{Rpc, accounts, change, message};
use crate::{
    error::Error,
    post::{CommentStatus, PostStatus, TargetStatus},
    store::{
        heads::hold_workspace,
        posts::{Post, lock_post, save_post},
        targets::{TargetRow, retry_comment},
    },
};

/// After an attempt, before the next.
const COOLDOWN: TimeDelta = TimeDelta::seconds(30);

pub(super) async fn retry_first_comment(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: RetryFirstCommentRequest,
) -> Result<RetryFirstCommentResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let target_id = fields.id::<Target>("target_id", &request.target_id);
    let request_id = fields.request_id(&request.request_id);
    let (post_id, target_id, request_id) = fields.finish((post_id, target_id, request_id))?;
    let key = Key::of(context.user_id()?, "RetryFirstComment", &request_id, &request);
    retry(rpc, context, post_id, target_id, key.as_ref()).await
}

async fn retry(
    rpc: &Rpc,
    context: &WorkspaceContext,
    post_id: PostId,
    target_id: TargetId,
    key: Option<&Key>,
) -> Result<RetryFirstCommentResponse, Error> {
    let claim = change::find(rpc, post_id).await?;
    let post = change::living(context, claim)?;
    place(&post, target_id)?;
    let post = change::admit(context, post, Action::WritePosts)?;
    let now = rpc.environment.clock.now();
    if let Some(first_answer) = idempotency::look_up(rpc.store.statements(), key, now).await? {
        return Ok(first_answer);
    }
    let accounts = accounts::of_post(rpc, &post).await?;
    let answer = idempotency::once(rpc.store.pool(), key, now, async |mut transaction| {
        if !hold_workspace(&mut transaction, &post).await? {
            return Err(Denied::OutOfReach.into());
        }
        let locked = lock_post(&mut transaction, &post).await?;
        let mut post = locked.ok_or_else(|| change::not_found(post_id))?;
        let place = place(&post, target_id)?;
        check_state(&post, &post.targets[place])?;
        if let Some(tried) = post.targets[place].comment.try_time
            && let Ok(wait) = (tried + COOLDOWN - now).to_std()
            && !wait.is_zero()
        {
            return Err(Error::Cooldown(wait));
        }
        let account = accounts.get(&post.targets[place].account_id);
        accounts::check_active(account)?;
        retry_comment(&mut transaction, target_id, now).await?;
        CommentStatus::Pending.as_str().clone_into(&mut post.targets[place].comment.status);
        post.row.version += 1;
        post.row.update_time = now;
        save_post(&mut transaction, &post.row).await?;
        let post = Some(message::post(post)?);
        Ok::<_, Error>((transaction, RetryFirstCommentResponse { post }))
    })
    .await?;
    rpc.wake.at(Some(now), now);
    Ok(answer)
}

fn place(post: &Post, target_id: TargetId) -> Result<usize, Error> {
    let place = post.targets.iter().position(|target| target.id == target_id);
    place.ok_or_else(|| Error::NotFound { resource: "target", id: target_id.to_string() })
}

fn check_state(post: &Post, target: &TargetRow) -> Result<(), Error> {
    if target.status != TargetStatus::Published.as_str() {
        let status = PostStatus::parse(&post.row.status);
        return Err(Error::PostState(status.ok_or(Error::Unreadable("post status"))?));
    }
    if target.comment.status != CommentStatus::Failed.as_str() {
        return Err(Error::NothingToRetry);
    }
    Ok(())
}
