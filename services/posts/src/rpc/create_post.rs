//! `PostService.CreatePost`.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use postbreeze_context::{Action, Admitted, Claim, Denied, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Claimed, Key};
use postbreeze_ids::MediaId;
use postbreeze_proto::{
    fields::Fields,
    status::Fault,
    v1::{CreatePostRequest, CreatePostResponse},
};

use super::{
    Rpc,
    accounts::{self, Account},
    change::at_the_cap,
    composition::{self, TargetInput},
    entitlements::entitlements,
    limits,
    media::{self, Named},
    message, options,
    taken::{FIRST_VERSION, Taken},
    timing::{self, Timing, month_of},
};
use crate::{
    error::Error,
    post::{PostStatus, holds_unit},
    store::{
        posts::{
            Post, PostRow,
            insert::{Written, insert_post},
        },
        usage::Charge,
    },
};

/// What a request asks for, checked.
struct Input {
    content: String,
    targets: Vec<TargetInput>,
    media_ids: Vec<MediaId>,
    timing: Option<Timing>,
    pinned: Option<DateTime<Utc>>,
    timezone: String,
    request_id: String,
}

pub(super) async fn create_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: CreatePostRequest,
) -> Result<CreatePostResponse, Error> {
    let user_id = context.user_id()?;
    let input = parse(&request)?;
    let ids: Vec<_> = input.targets.iter().map(|target| target.account_id).collect();
    let accounts = accounts::find(rpc, &ids).await?;
    let named = Named::of(&input.media_ids, &input.targets);
    let mut media = named.find(rpc).await?;
    accounts::check_reach(context, &accounts)?;
    named.check_reach(context, &media)?;
    let first = accounts.first().ok_or(Error::Unreadable("accounts"))?;
    let workspace = context.admit(Claim::on(first.workspace_id), Action::WritePosts)?;
    let workspace_id = workspace.workspace_id();
    accounts::check_span(workspace_id, &accounts)?;
    let goes_out = input.timing.is_some();
    let mut violations = named.unusable(workspace_id, &media);
    violations.extend(options::unsuited(&request.platforms, &accounts));
    violations.extend(composition::unfit_media(
        &request.platforms,
        request.media_items.len(),
        &request.media_ids,
        &media,
        goes_out,
    ));
    if goes_out {
        let (inputs, items) = (&request.platforms, request.media_items.len());
        let refused = limits::of_request(
            &input.content,
            inputs,
            &accounts,
            items,
            &request.media_ids,
            &media,
        );
        limits::add(&mut violations, refused);
    }
    composition::refuse(violations)?;
    let key = Key::of(user_id, "CreatePost", &input.request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(kept) = idempotency::look_up(rpc.store.statements(), key.as_ref(), now).await? {
        return Ok(kept);
    }
    let Beginning { at, status, charge, limit } =
        beginning(rpc, &workspace, &accounts, input.timing, now).await?;
    let id = rpc.environment.minter.mint(workspace_id.bucket());
    let reaches_outside = key.as_ref().filter(|_| !request.media_items.is_empty());
    let claim =
        match idempotency::claim(&rpc.environment, rpc.store.pool(), reaches_outside).await? {
            Claimed::Held(held) => held,
            Claimed::Answered(first_answer) => return Ok(first_answer),
        };
    let mut taken = Taken::nothing(rpc, id, claim);
    let ingested = taken.ingest(workspace_id, &request.media_items, &input.request_id).await?;
    let ids = ingested.iter().map(|(id, _)| *id);
    let media_ids: Vec<_> = ids.chain(input.media_ids).collect();
    media.extend(ingested);
    let row = PostRow {
        id,
        workspace_id,
        author_user_id: user_id,
        created_via_key_id: context.caller().key_id(),
        status: status.as_str().to_owned(),
        content: input.content,
        scheduled_time: at,
        draft_scheduled_time: input.pinned,
        timezone: input.timezone,
        approved_by_user_id: None,
        approved_time: None,
        rejection_note: String::new(),
        version: FIRST_VERSION,
        charged_owner_user_id: charge.map(|charge| charge.owner_user_id),
        charged_month: charge.map(|charge| charge.month),
        create_time: now,
        update_time: now,
        delete_time: None,
        alt_texts: media::alt_texts(&media_ids, &media),
        media_ids,
        publish_now: input.timing == Some(Timing::Now),
        released_form: None,
    };
    let targets = composition::rows(rpc, id, input.targets, &accounts, &media);
    let mut post = Post { row, targets };
    if status == PostStatus::Scheduled {
        post.row.released_form = Some(post.form());
    }
    if !request.media_items.is_empty() {
        // Only now is it known what they are.
        let items = request.media_items.len();
        let known = accounts.iter().map(|account| (account.id, *account)).collect();
        composition::refuse(composition::faults_of(&post, &known, &media, items, goes_out)?)?;
    }
    #[cfg(feature = "sabotage")]
    let limit = sabotaged_limit(rpc, &post, limit).await?;

    let kept = post.kept_media()?;
    taken.hold(&kept).await?;
    let answer = taken.until_written(write(rpc, &workspace, post, &kept, limit, key, now)).await?;
    if !kept.is_empty() {
        rpc.notices.wake();
    }
    rpc.wake.at(at, now);
    Ok(answer)
}

/// How a new post begins.
struct Beginning {
    /// When it goes out; none: it is a draft.
    at: Option<DateTime<Utc>>,
    status: PostStatus,
    /// The unit that it takes.
    charge: Option<Charge>,
    /// Units in that month; none: unlimited.
    limit: Option<i64>,
}

async fn beginning(
    rpc: &Rpc,
    workspace: &Admitted<()>,
    accounts: &[Account],
    timing: Option<Timing>,
    now: DateTime<Utc>,
) -> Result<Beginning, Error> {
    let Some(timing) = timing else {
        return Ok(Beginning { at: None, status: PostStatus::Draft, charge: None, limit: None });
    };
    let at = timing::instant_or_fault(timing, now)?;
    accounts::check_active(accounts)?;
    let entitlements = entitlements(rpc, workspace).await?;
    let waits = entitlements.needs_approval(workspace.role());
    let status = if waits { PostStatus::NeedsApproval } else { PostStatus::Scheduled };
    let (owner_user_id, month) = (entitlements.owner_user_id, month_of(at));
    let charge = holds_unit(status).then_some(Charge { owner_user_id, month });
    let limit = entitlements.posts_per_month.filter(|_| charge.is_some());
    Ok(Beginning { at: Some(at), status, charge, limit })
}

fn parse(request: &CreatePostRequest) -> Result<Input, Fault> {
    let mut fields = Fields::new();
    let content = composition::content(&mut fields, &request.content);
    let targets = composition::targets(&mut fields, &request.platforms);
    let media_ids = composition::media(&mut fields, &request.media_ids);
    composition::media_items(&mut fields, &request.media_items);
    let timing = timing::parse(&mut fields, request.scheduled_for.as_ref(), request.publish_now);
    let pinned = fields.time("draft_scheduled_for", request.draft_scheduled_for.as_ref());
    let timezone = composition::timezone(&mut fields, &request.timezone);
    let request_id = fields.request_id(&request.request_id);
    let is_scheduled = matches!(timing, Some(Some(_)));
    if is_scheduled && request.draft_scheduled_for.is_some() {
        fields.violate("draft_scheduled_for", "is for drafts alone");
    }
    if is_scheduled {
        let media = request.media_ids.len() + request.media_items.len();
        composition::check_new_text(&mut fields, &request.content, media, &request.platforms);
    }
    let (content, targets, media_ids, timing, pinned, timezone, request_id) =
        fields.finish((content, targets, media_ids, timing, pinned, timezone, request_id))?;
    Ok(Input { content, targets, media_ids, timing, pinned, timezone, request_id })
}

async fn write(
    rpc: &Rpc,
    workspace: &Admitted<()>,
    post: Post,
    kept: &BTreeSet<MediaId>,
    limit: Option<i64>,
    key: Option<Key>,
    now: DateTime<Utc>,
) -> Result<CreatePostResponse, Error> {
    if key.is_none() {
        let mut lease = rpc.store.lease().await?;
        let written = insert_post(lease.connection(), workspace, &post, kept, limit).await;
        return created(lease.end(written)?, post, limit);
    }
    idempotency::once(rpc.store.pool(), key.as_ref(), now, async |mut transaction| {
        let written = insert_post(&mut transaction, workspace, &post, kept, limit).await?;
        Ok((transaction, created(written, post, limit)?))
    })
    .await
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

    if !is_broken(Mechanism::Quota) {
        return Ok(limit);
    }
    let (Some(charge), Some(most)) = (Charge::of(&post.row), limit) else { return Ok(None) };
    let units = rpc.store.units(charge).await?;
    // Long enough for others to read the same.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    Ok((units >= most).then_some(0))
}
