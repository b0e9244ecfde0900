//! `PostService.CreatePost`.

use super::{
    Rpc, accounts,
    change::at_the_cap,
    composition,
    entitlements::entitlements,
    message, options,
    timing::{self, month_of},
};
use crate::{
    error::Error,
    post::{PostStatus, holds_unit},
    store::posts::{
        Post, PostRow,
        insert::{Written, insert_post},
    },
};
use postbreeze_context::{Action, Claim, Denied, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_proto::{
    fields::Fields,
    v1::{CreatePostRequest, CreatePostResponse},
};

pub(super) async fn create_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: CreatePostRequest,
) -> Result<CreatePostResponse, Error> {
    let user_id = context.user_id()?;
    let mut fields = Fields::new();
    let content = composition::content(&mut fields, &request.content);
    let targets = composition::targets(&mut fields, &request.platforms);
    let media = composition::media(&mut fields, &request.media_ids, &request.media_items);
    let timing = timing::parse(&mut fields, request.scheduled_for.as_ref(), request.publish_now);
    let pinned = fields.time("draft_scheduled_for", request.draft_scheduled_for.as_ref());
    let timezone = composition::timezone(&mut fields, &request.timezone);
    let request_id = fields.request_id(&request.request_id);
    let is_scheduled = matches!(timing, Some(Some(_)));
    if is_scheduled && request.draft_scheduled_for.is_some() {
        fields.violate("draft_scheduled_for", "is for drafts alone");
    }
    if is_scheduled {
        let has_media = !request.media_ids.is_empty() || !request.media_items.is_empty();
        composition::check_new_text(&mut fields, &request.content, has_media, &request.platforms);
    }
    let (content, targets, media, timing, pinned, timezone, request_id) =
        fields.finish((content, targets, media, timing, pinned, timezone, request_id))?;

    let ids: Vec<_> = targets.iter().map(|target| target.account_id).collect();
    let accounts = accounts::find(rpc, &ids).await?;
    composition::check_media(&media, &targets)?;
    accounts::check_reach(context, &accounts)?;
    let first = accounts.first().ok_or(Error::Unreadable("accounts"))?;
    let workspace = context.admit(Claim::on(first.workspace_id), Action::WritePosts)?;
    accounts::check_span(workspace.workspace_id(), &accounts)?;
    options::check_suit(&request.platforms, &accounts)?;
    let key = Key::of(user_id, "CreatePost", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first_answer) = idempotency::find(rpc.store.pool(), key.as_ref(), now).await? {
        return Ok(first_answer);
    }
    let at = timing.map(|timing| timing::instant_or_fault(timing, now)).transpose()?;

    let mut status = PostStatus::Draft;
    let mut charge = None;
    let mut limit = None;
    if let Some(at) = at {
        accounts::check_active(&accounts)?;
        let entitlements = entitlements(rpc, &workspace).await?;
        let waits = entitlements.needs_approval(workspace.role());
        status = if waits { PostStatus::NeedsApproval } else { PostStatus::Scheduled };
        if holds_unit(status) {
            charge = Some((entitlements.owner_user_id, month_of(at)));
            limit = entitlements.posts_per_month;
        }
    }
    let id = rpc.environment.minter.mint(workspace.workspace_id().bucket());
    let targets = composition::rows(rpc, id, targets, &accounts);
    let row = PostRow {
        id,
        workspace_id: workspace.workspace_id(),
        author_user_id: user_id,
        created_via_key_id: context.caller().key_id(),
        status: status.as_str().to_owned(),
        content,
        scheduled_time: at,
        draft_scheduled_time: pinned,
        timezone,
        approved_by_user_id: None,
        approved_time: None,
        rejection_note: String::new(),
        version: 1,
        charged_owner_user_id: charge.map(|(owner, _)| owner),
        charged_month: charge.map(|(_, month)| month),
        create_time: now,
        update_time: now,
        delete_time: None,
    };
    let post = Post { row, targets };
    #[cfg(feature = "sabotage")]
    let limit = sabotaged_limit(rpc, &post, limit).await?;

    let answer = if key.is_none() {
        let mut lease = rpc.store.lease().await?;
        let written = insert_post(lease.connection(), &workspace, &post, limit).await;
        created(lease.end(written)?, post, limit)?
    } else {
        idempotency::once(rpc.store.pool(), key.as_ref(), now, async |mut transaction| {
            let written = insert_post(&mut transaction, &workspace, &post, limit).await?;
            Ok::<_, Error>((transaction, created(written, post, limit)?))
        })
        .await?
    };
    rpc.wake.at(at, now);
    Ok(answer)
}

fn created(written: Written, post: Post, limit: Option<i64>) -> Result<CreatePostResponse, Error> {
    match written {
        Written::Yes => Ok(CreatePostResponse { post: Some(message::post(post)?) }),
        Written::AtTheCap { current } => Err(at_the_cap(limit, current)),
        Written::WorkspaceDeleted => Err(Denied::OutOfReach.into()),
    }
}

/// The broken mechanism: the counter is read first, and then written without looking.
#[cfg(feature = "sabotage")]
async fn sabotaged_limit(rpc: &Rpc, post: &Post, limit: Option<i64>) -> Result<Option<i64>, Error> {
    use postbreeze_runtime::sabotage::{Mechanism, is_broken};

    use crate::store::usage::Charge;
    if !is_broken(Mechanism::Quota) {
        return Ok(limit);
    }
    match (Charge::of(&post.row), limit) {
        (Some(charge), Some(most)) if rpc.store.units(charge).await? >= most => Ok(Some(0)),
        _ => Ok(None),
    }
}
