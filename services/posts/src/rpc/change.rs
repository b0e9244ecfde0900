//! How an existing post is changed, whatever the step: load and admit, then, in one transaction, lock, check the etag,
//! apply the rules of [`crate::post`], move the unit of the cap, write.

use std::future::Future;

use chrono::{DateTime, Utc};
use postbreeze_context::{Action, Admitted, Claim, Denied, WorkspaceContext};
use postbreeze_ids::PostId;
use postbreeze_proto::fields::Fields;
use sqlx::PgTransaction;

use super::{
    Rpc,
    accounts::{self, Accounts},
    composition,
    entitlements::Entitlements,
    message,
    timing::{self, Timing, month_of},
};
use crate::{
    error::Error,
    event::{Event, EventKind, Subject},
    post::{PostStatus, State, Step, TargetStatus, holds_unit},
    store::{
        events,
        heads::hold_workspace,
        posts::{Post, PostRow, lock_post, save_post},
        targets::{TargetRow, replace_targets, save_statuses},
        usage::{Charge, Recharged, recharge},
    },
};

/// How often a step is tried whose accounts changed between look-up and lock.
const TRIES: usize = 3;

/// Finds a post for an action: NOT_FOUND when there is none, or a deleted one in reach, before anything but the reach is
/// looked at.
pub(super) async fn load(
    rpc: &Rpc,
    context: &WorkspaceContext,
    post_id: PostId,
    action: Action,
) -> Result<Admitted<Post>, Error> {
    admit(context, living(context, find(rpc, post_id).await?)?, action)
}

/// Finds a post, whoever may reach it.
pub(super) async fn find(rpc: &Rpc, post_id: PostId) -> Result<Claim<Post>, Error> {
    rpc.store.find_post(post_id).await?.ok_or_else(|| not_found(post_id))
}

/// Admits to reading a post that is not deleted.
pub(super) fn living(
    context: &WorkspaceContext,
    claim: Claim<Post>,
) -> Result<Admitted<Post>, Error> {
    let post = context.admit(claim, Action::Read)?;
    if post.row.delete_time.is_some() { Err(not_found(post.row.id)) } else { Ok(post) }
}

/// Admits one who may read a post to an action.
pub(super) fn admit(
    context: &WorkspaceContext,
    post: Admitted<Post>,
    action: Action,
) -> Result<Admitted<Post>, Error> {
    Ok(context.admit(Claim::new(post.workspace_id(), post.into_row()), action)?)
}

fn not_found(post_id: PostId) -> Error {
    Error::NotFound { resource: "post", id: post_id.to_string() }
}

/// Reads the etag.
pub(super) fn parse_etag(fields: &mut Fields, etag: &str) -> Option<String> {
    fields.text("etag", etag, 0..=32)
}

/// Makes a step from the start again when the post got other accounts between their look-up and the lock.
pub(super) async fn retrying<T, F>(attempt: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for _ in 1..TRIES {
        match attempt().await {
            Err(Error::AccountsChanged) => {}
            answer => return answer,
        }
    }
    attempt().await
}

/// One change of a post.
pub(super) struct Change<'a> {
    pub(super) rpc: &'a Rpc,
    pub(super) admitted: &'a Admitted<Post>,
    /// What the client based the change on; empty: anything.
    pub(super) etag: &'a str,
    pub(super) step: Step,
    pub(super) now: DateTime<Utc>,
    /// Whether the post goes out at the time it has, which must be ahead.
    pub(super) keeps_time: bool,
    /// Needed by every step that can take a unit.
    pub(super) entitlements: Option<Entitlements>,
    /// Those that were looked up: all that the step can send something to.
    pub(super) accounts: Accounts,
    /// What replaces the targets, as many as the step says.
    pub(super) new_targets: Option<Vec<TargetRow>>,
}

impl<'a> Change<'a> {
    /// A change that takes no unit, sends nothing and asks for no etag.
    pub(super) fn of(
        rpc: &'a Rpc,
        admitted: &'a Admitted<Post>,
        step: Step,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            rpc,
            admitted,
            etag: "",
            step,
            now,
            keeps_time: false,
            entitlements: None,
            accounts: Accounts::new(),
            new_targets: None,
        }
    }

    /// Makes the change in a transaction. `edit` sets what the step itself does not.
    pub(super) async fn apply(
        mut self,
        transaction: &mut PgTransaction<'static>,
        edit: impl FnOnce(&mut Post),
    ) -> Result<Post, Error> {
        if self.step.opens() && !hold_workspace(transaction, self.admitted).await? {
            return Err(Denied::OutOfReach.into());
        }
        let locked = lock_post(transaction, self.admitted).await?;
        let mut post = locked.ok_or_else(|| not_found(self.admitted.row.id))?;
        self.check_time(&post)?;
        if !self.etag.is_empty() && self.etag != message::etag(post.row.version) {
            return Err(Error::EtagStale);
        }
        let before = state_of(&post)?;
        let after = before.clone().after(self.step)?;
        let replaces_targets = self.new_targets.is_some();
        if let Some(targets) = self.new_targets.take() {
            post.targets = targets;
        }
        set_state(&mut post, &after);
        edit(&mut post);
        self.check_composition(&post, after.status)?;
        self.check_accounts(&post, &before, &after)?;
        self.charge(transaction, &mut post, before.status, after.status).await?;
        post.row.version += 1;
        post.row.update_time = self.now;
        save_post(transaction, &post.row).await?;
        if replaces_targets {
            replace_targets(transaction, post.row.id, &post.targets).await?;
        } else {
            let ids: Vec<_> = post.targets.iter().map(|target| target.id.uuid()).collect();
            let bucket = post.row.id.bucket().as_i16();
            save_statuses(transaction, bucket, &ids, &after.targets).await?;
        }
        if let Some(kind) = EventKind::of_end(before.status, after.status) {
            self.tell(transaction, &post, kind).await?;
        }
        Ok(post)
    }

    /// A post in another status is refused later, for that.
    fn check_time(&self, post: &Post) -> Result<(), Error> {
        let waits = post.row.status == PostStatus::NeedsApproval.as_str();
        if let Some(at) = post.row.scheduled_time.filter(|_| self.keeps_time && waits) {
            timing::instant_or_fault(Timing::At(at), self.now)?;
        }
        Ok(())
    }

    fn check_composition(&self, post: &Post, status: PostStatus) -> Result<(), Error> {
        let mut fields = Fields::new();
        if status != PostStatus::Draft && post.row.draft_scheduled_time.is_some() {
            fields.violate("draft_scheduled_for", "is for drafts alone");
        }
        let goes_out = status == PostStatus::NeedsApproval || holds_unit(status);
        let is_edited = self.step.opens() || matches!(self.step, Step::Update { .. });
        if goes_out && is_edited {
            let captions = post.targets.iter().map(|target| target.caption_override.as_deref());
            composition::check_text(&mut fields, &post.row.content, captions);
        }
        Ok(fields.finish(())?)
    }

    fn check_accounts(&self, post: &Post, before: &State, after: &State) -> Result<(), Error> {
        let mut sent_to = Vec::new();
        for place in self.step.sends(before, after) {
            let account = self.accounts.get(&post.targets[place].account_id);
            sent_to.push(account.ok_or(Error::AccountsChanged)?);
        }
        accounts::check_active(sent_to)
    }

    /// Webhooks are told of how the post ended.
    async fn tell(
        &self,
        transaction: &mut PgTransaction<'static>,
        post: &Post,
        kind: EventKind,
    ) -> Result<(), Error> {
        let event = Event {
            id: self.rpc.environment.minter.mint(post.row.id.bucket()),
            workspace_id: post.row.workspace_id,
            kind,
            subject: Subject::Post(post.row.id),
        };
        Ok(events::record(transaction, &[event], self.now).await?)
    }

    async fn charge(
        &self,
        transaction: &mut PgTransaction<'static>,
        post: &mut Post,
        before: PostStatus,
        after: PostStatus,
    ) -> Result<(), Error> {
        let from = Charge::of(&post.row);
        let retried = before == PostStatus::Failed && self.step == Step::Retry;
        let month =
            if retried { Some(month_of(self.now)) } else { post.row.scheduled_time.map(month_of) };
        let to = charge_after(self.step, after, from, month, self.entitlements)?;
        let limit = self.entitlements.and_then(|entitlements| entitlements.posts_per_month);
        if let Recharged::AtTheCap { current } = recharge(transaction, from, to, limit).await? {
            return Err(at_the_cap(limit, current));
        }
        post.row.charged_owner_user_id = to.map(|charge| charge.owner_user_id);
        post.row.charged_month = to.map(|charge| charge.month);
        Ok(())
    }
}

/// A cap that was reached. The counter is read after the refusal: it was full then, whatever was given back since.
pub(super) fn at_the_cap(limit: Option<i64>, current: i64) -> Error {
    let limit = limit.unwrap_or(0);
    Error::PlanLimitPosts { limit, current: current.max(limit) }
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
    // What only stops or edits takes no unit.
    if !step.opens() {
        return Ok(from);
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
        (_, None) => Err(Error::Unreadable("time of a post that goes out")),
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

fn set_state(post: &mut Post, state: &State) {
    post.row.status = state.status.as_str().to_owned();
    for (target, status) in post.targets.iter_mut().zip(&state.targets) {
        target.status = status.as_str().to_owned();
    }
}

/// Sets what every scheduling sets: the time, and no trace of an earlier review.
pub(super) fn set_time(row: &mut PostRow, at: DateTime<Utc>) {
    row.scheduled_time = Some(at);
    row.draft_scheduled_time = None;
    row.approved_by_user_id = None;
    row.approved_time = None;
    row.rejection_note.clear();
}
