//! How an existing post is changed, whatever the step: load and admit, then, in one transaction, lock, check the etag,
//! apply the rules of [`crate::post`], move the unit of the cap, write.

use chrono::{DateTime, Utc};
use postbreeze_context::{Action, Admitted, Denied, WorkspaceContext};
use postbreeze_ids::{AccountId, PostId, UserId, WorkspaceId};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{
        GetWorkspaceEntitlementsRequest, entitlement_service_client::EntitlementServiceClient,
    },
    status::Fault,
};
use sqlx::PgTransaction;
use tonic::Code;

use super::{Rpc, composition, message, timing::month_of};
use crate::{
    error::Error,
    post::{PostStatus, State, Step, TargetStatus, holds_unit},
    store::{
        posts::{Post, PostRow, lock_post, save_post},
        targets::{replace_targets, save_statuses},
        usage::{Charge, recharge},
    },
};

/// Finds a post for an action: NOT_FOUND when there is none, out of reach before NOT_FOUND when it is deleted.
pub(super) async fn load(
    rpc: &Rpc,
    context: &WorkspaceContext,
    post_id: PostId,
    action: Action,
) -> Result<Admitted<Post>, Error> {
    let not_found = || Error::NotFound { resource: "post", id: post_id.to_string() };
    let claim = rpc.store.find_post(post_id).await?.ok_or_else(not_found)?;
    let post = context.admit(claim, action)?;
    if post.row.delete_time.is_some() { Err(not_found()) } else { Ok(post) }
}

/// Reads the id of the post and the etag.
pub(super) fn parse_etag(fields: &mut Fields, etag: &str) -> Option<String> {
    fields.text("etag", etag, 0..=32)
}

/// What the owner's plan allows in a workspace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entitlements {
    pub(super) owner_user_id: UserId,
    /// Units in a month; none: unlimited.
    pub(super) posts_per_month: Option<i64>,
    pub(super) require_approval: bool,
}

/// Asks `workspaces` what the owner's plan allows, at this moment.
pub(super) async fn entitlements(
    rpc: &Rpc,
    workspace_id: WorkspaceId,
) -> Result<Entitlements, Error> {
    let request = GetWorkspaceEntitlementsRequest { workspace_id: workspace_id.to_string() };
    let answer = EntitlementServiceClient::new(rpc.workspaces.clone())
        .get_workspace_entitlements(request)
        .await
        .map_err(|status| match status.code() {
            // It was in reach a moment ago: it has been deleted meanwhile.
            Code::NotFound => Error::Denied(Denied::OutOfReach),
            _ => Error::Peer { peer: "workspaces", status },
        })?
        .into_inner();
    let owner = answer.entitlements.unwrap_or_default();
    Ok(Entitlements {
        owner_user_id: owner
            .owner_user_id
            .parse()
            .map_err(|_| Error::Unreadable("owner_user_id"))?,
        posts_per_month: owner.posts_per_month,
        require_approval: answer.require_approval,
    })
}

/// The accounts that a post's targets went out to or would.
pub(super) fn account_ids(post: &Post) -> Vec<AccountId> {
    post.targets.iter().map(|target| target.account_id).collect()
}

/// Asks `accounts` which of a post's accounts cannot publish. To be answered only after the state was checked.
pub(super) async fn inactive_accounts(
    rpc: &Rpc,
    context: &WorkspaceContext,
    post: &Post,
) -> Result<Result<(), Error>, Error> {
    let ids = account_ids(post);
    let accounts = composition::accounts(rpc, context, &ids).await?;
    Ok(composition::check_active(&ids, &accounts))
}

/// One change of a post.
pub(super) struct Change<'a> {
    pub(super) admitted: &'a Admitted<Post>,
    /// What the client based the change on; empty: anything.
    pub(super) etag: &'a str,
    pub(super) step: Step,
    pub(super) now: DateTime<Utc>,
    /// Needed by every step that can take a unit.
    pub(super) entitlements: Option<Entitlements>,
    /// Whether the post's accounts can publish, where the step needs it.
    pub(super) accounts: Result<(), Error>,
    /// Whether the targets themselves are replaced, not only their statuses.
    pub(super) replaces_targets: bool,
}

impl Change<'_> {
    /// Makes the change in a transaction. `edit` sets what the step itself does not.
    pub(super) async fn apply(
        self,
        transaction: &mut PgTransaction<'static>,
        edit: impl FnOnce(&mut Post),
    ) -> Result<Post, Error> {
        let not_found =
            || Error::NotFound { resource: "post", id: self.admitted.row.id.to_string() };
        let mut post = lock_post(transaction, self.admitted).await?.ok_or_else(not_found)?;
        let etag_is_stale = !self.etag.is_empty() && self.etag != message::etag(post.row.version);
        // What was looked up about the accounts was about those of the version that was admitted.
        let accounts_changed = account_ids(&post) != account_ids(self.admitted);
        if etag_is_stale || accounts_changed {
            return Err(Error::EtagStale);
        }
        let before = post.row.status.clone();
        let state = state_of(&post)?.after(self.step)?;
        self.accounts?;
        post.row.status = state.status.as_str().to_owned();
        for (target, status) in post.targets.iter_mut().zip(&state.targets) {
            target.status = status.as_str().to_owned();
        }
        edit(&mut post);
        if holds_unit(state.status) && post.row.content.is_empty() && self.step != Step::Delete {
            let mut fields = Fields::new();
            fields.violate("content", "must not be empty in a post that goes out");
            return Err(Fault::invalid(fields.into_violations()).into());
        }

        let from = Charge::of(&post.row);
        let retried = before == PostStatus::Failed.as_str() && self.step == Step::Retry;
        let month =
            if retried { Some(month_of(self.now)) } else { post.row.scheduled_time.map(month_of) };
        let to = charge_after(self.step, state.status, from, month, self.entitlements)?;
        let limit = self.entitlements.and_then(|entitlements| entitlements.posts_per_month);
        if !recharge(transaction, from, to, limit).await? {
            return Err(at_the_cap(limit));
        }
        post.row.charged_owner_user_id = to.map(|charge| charge.owner_user_id);
        post.row.charged_month = to.map(|charge| charge.month);
        post.row.version += 1;
        post.row.update_time = self.now;
        save_post(transaction, &post.row).await?;
        if self.replaces_targets {
            replace_targets(transaction, post.row.id, &post.targets).await?;
        } else {
            save_statuses(transaction, post.row.id, &post.targets).await?;
        }
        Ok(post)
    }
}

/// A cap that was reached under the lock of its counter: whoever is refused sees it full.
pub(super) fn at_the_cap(limit: Option<i64>) -> Error {
    let limit = limit.unwrap_or(0);
    Error::PlanLimitPosts { limit, current: limit }
}

/// Whom and which month a post is charged to after a step.
fn charge_after(
    step: Step,
    status: PostStatus,
    from: Option<Charge>,
    month: Option<i32>,
    entitlements: Option<Entitlements>,
) -> Result<Option<Charge>, Error> {
    if !holds_unit(status) {
        return Ok(None);
    }
    let gone_out = matches!(status, PostStatus::Published | PostStatus::PartiallyPublished);
    if step == Step::Delete && !gone_out {
        return Ok(None);
    }
    match (from, month) {
        // Once something went out, or when the month stays, the post keeps the unit it has, whoever owns it now.
        (Some(charge), month) if status != PostStatus::Scheduled || month == Some(charge.month) => {
            Ok(Some(charge))
        }
        (_, Some(month)) => {
            let owner = entitlements.ok_or(Error::Unreadable("entitlements of the step"))?;
            Ok(Some(Charge { owner_user_id: owner.owner_user_id, month }))
        }
        // Deleting a published post whose unit was never charged: nothing to keep.
        (from, None) => Ok(from),
    }
}

fn state_of(post: &Post) -> Result<State, Error> {
    Ok(State {
        status: PostStatus::parse(&post.row.status).ok_or(Error::Unreadable("post status"))?,
        targets: post
            .targets
            .iter()
            .map(|target| TargetStatus::parse(&target.status))
            .collect::<Option<_>>()
            .ok_or(Error::Unreadable("target status"))?,
    })
}

/// Sets what every scheduling sets: the time, and no trace of an earlier review.
pub(super) fn set_time(row: &mut PostRow, at: DateTime<Utc>) {
    row.scheduled_time = Some(at);
    row.draft_scheduled_time = None;
    row.approved_by_user_id = None;
    row.approved_time = None;
    row.rejection_note.clear();
}
