//! How an existing post is changed, whatever the step: load and admit, hold the media it will keep, then, in one
//! transaction, lock, check the etag, apply the rules of [`crate::post`], move the unit of the cap, write, note what
//! `media` and webhooks must be told.

use std::future::Future;

use chrono::{DateTime, Utc};
use postbreeze_context::{Action, Admitted, Claim, Denied, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_ids::PostId;
use postbreeze_proto::{fields::Fields, v1};
use prost::Message;
use sqlx::PgTransaction;

use super::{
    Rpc,
    accounts::{self, Accounts},
    composition,
    entitlements::Entitlements,
    media::{self, Media},
    message,
    timing::{self, Timing, month_of},
};
use crate::{
    error::Error,
    event::{Event, EventKind, Subject},
    post::{PostStatus, State, Step, due_after, holds_unit},
    store::{
        events,
        heads::hold_workspace,
        media_notices::save_notice,
        posts::{Post, PostRow, lock_post, save_post},
        targets::{Standing, TargetRow, describe_targets, replace_targets, save_standings},
        usage::{Charge, Recharged, recharge},
    },
};

/// How often a step is tried whose post changed between look-up and lock.
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

pub(super) fn not_found(post_id: PostId) -> Error {
    Error::NotFound { resource: "post", id: post_id.to_string() }
}

/// Reads the etag.
pub(super) fn parse_etag(fields: &mut Fields, etag: &str) -> Option<String> {
    fields.text("etag", etag, 0..=32)
}

/// Makes a step from the start again when the post changed, so that what was looked up for it does not do any more.
pub(super) async fn retrying<T, F>(attempt: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for _ in 1..TRIES {
        match attempt().await {
            Err(Error::PostChanged) => {}
            answer => return answer,
        }
    }
    attempt().await
}

/// One change of a post.
pub(super) struct Change<'a> {
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
    /// Those that were looked up: all that the step can put where only some kinds may be.
    pub(super) media: Media,
    /// Whether the caller may retry only what is as it was when it was let out, and else asks for approval.
    pub(super) retry_needs_approval: bool,
    /// Whether the change was worked out for the post as it was admitted, and is none for another.
    pub(super) is_exact: bool,
    /// Sets what the step itself does not.
    pub(super) edit: Box<dyn Fn(&mut Post) + Send + Sync + 'a>,
}

/// What a change makes of a post.
struct Outcome {
    step: Step,
    before: State,
    after: State,
    post: Post,
}

impl<'a> Change<'a> {
    /// A change that takes no unit, sends nothing and asks for no etag.
    pub(super) fn of(admitted: &'a Admitted<Post>, step: Step, now: DateTime<Utc>) -> Self {
        Self {
            admitted,
            etag: "",
            step,
            now,
            keeps_time: false,
            entitlements: None,
            accounts: Accounts::new(),
            new_targets: None,
            media: Media::new(),
            retry_needs_approval: false,
            is_exact: false,
            edit: Box::new(|_| ()),
        }
    }

    /// Makes the change.
    pub(super) async fn make(mut self, rpc: &Rpc) -> Result<Post, Error> {
        self.look_up_media(rpc).await?;
        self.hold(rpc).await?;
        let mut transaction = rpc.store.begin().await?;
        let now = self.now;
        let (post, is_noted) = self.apply(rpc, &mut transaction).await?;
        transaction.commit().await?;
        if is_noted {
            rpc.notices.wake();
        }
        rpc.wake.at(due(&post, now), now);
        Ok(post)
    }

    /// Makes the change and keeps the answer, or gives the first answer again.
    pub(super) async fn make_once<M: Message + Default>(
        mut self,
        rpc: &Rpc,
        key: Option<&Key>,
        answer: impl FnOnce(v1::Post) -> M,
    ) -> Result<M, Error> {
        self.look_up_media(rpc).await?;
        self.hold(rpc).await?;
        let (pool, now) = (rpc.store.pool(), self.now);
        let (mut is_noted, mut due_time) = (false, None);
        let done = (&mut is_noted, &mut due_time);
        let answered = idempotency::once(pool, key, now, async |mut transaction| {
            let (post, is_noted) = self.apply(rpc, &mut transaction).await?;
            *done.0 = is_noted;
            *done.1 = due(&post, now);
            Ok::<_, Error>((transaction, answer(message::post(post)?)))
        });
        let answered = answered.await?;
        if is_noted {
            rpc.notices.wake();
        }
        rpc.wake.at(due_time, now);
        Ok(answered)
    }

    /// Looks up what the post shows already, where networks may have something against it.
    async fn look_up_media(&mut self, rpc: &Rpc) -> Result<(), Error> {
        if !self.step.opens() && !matches!(self.step, Step::Update { .. }) {
            return Ok(());
        }
        let post: &Post = self.admitted;
        let own = post.targets.iter().flat_map(|target| &target.media_ids);
        let shown = post.row.media_ids.iter().chain(own).copied();
        let unknown: Vec<_> = shown.filter(|id| !self.media.contains_key(id)).collect();
        self.media.extend(media::look_up(rpc, unknown.into_iter()).await?);
        Ok(())
    }

    /// Holds the media that the post will keep and does not yet, for the version it will have. A change that is refused as
    /// far as can be told by now holds none: why it is refused is told under the lock.
    async fn hold(&self, rpc: &Rpc) -> Result<(), Error> {
        let current: &Post = self.admitted;
        let Ok(outcome) = self.outcome(current.clone()) else { return Ok(()) };
        let added = &outcome.post.kept_media()? - &current.kept_media()?;
        media::hold(rpc, current.row.id, current.row.version + 1, &added).await
    }

    /// Makes the change in a transaction. Answers also whether `media` must be told of it.
    async fn apply(
        self,
        rpc: &Rpc,
        transaction: &mut PgTransaction<'static>,
    ) -> Result<(Post, bool), Error> {
        if self.step.opens() && !hold_workspace(transaction, self.admitted).await? {
            return Err(Denied::OutOfReach.into());
        }
        let locked = lock_post(transaction, self.admitted).await?;
        let locked = locked.ok_or_else(|| not_found(self.admitted.row.id))?;
        let has_moved = locked.row.version != self.admitted.row.version;
        let kept = locked.kept_media()?;
        let is_undescribed = locked.targets.iter().any(|target| target.alt_texts.is_none());
        let Outcome { step, before, after, mut post } = self.outcome(locked)?;
        let keeps = post.kept_media()?;
        // What was held was for the version after the one that was admitted.
        if has_moved && (self.is_exact || !keeps.is_subset(&kept)) {
            return Err(Error::PostChanged);
        }
        self.charge(transaction, &mut post, step, before.status, after.status).await?;
        post.row.version += 1;
        post.row.update_time = self.now;
        save_post(transaction, &post.row).await?;
        let scheduled = post.row.scheduled_time.filter(|_| after.status == PostStatus::Scheduled);
        if self.new_targets.is_some() {
            replace_targets(transaction, post.row.id, &post.targets, scheduled).await?;
        } else {
            let bucket = post.row.id.bucket().as_i16();
            let due = due_after(Some(step), &before, &after);
            let standings = post.targets.iter().zip(&after.targets).zip(due);
            let standings: Vec<_> = standings
                .map(|((target, status), due)| Standing { id: target.id, status: *status, due })
                .collect();
            let opens = self.step.opens();
            save_standings(transaction, bucket, &standings, scheduled, opens, self.now).await?;
            if is_undescribed && step.opens() {
                describe_targets(transaction, bucket, &post.targets).await?;
            }
        }
        let is_noted = keeps != kept;
        if is_noted {
            save_notice(transaction, post.row.id, post.row.version, &keeps).await?;
        }
        if let Some(kind) = EventKind::of_end(before.status, after.status) {
            let id = rpc.environment.minter.mint(post.row.id.bucket());
            let (workspace_id, subject) = (post.row.workspace_id, Subject::Post(post.row.id));
            let event = Event { id, workspace_id, kind, subject };
            events::record(transaction, &[event], self.now).await?;
        }
        Ok((post, is_noted))
    }

    /// What the change makes of a post, or why it may not be made.
    fn outcome(&self, mut post: Post) -> Result<Outcome, Error> {
        self.check_time(&post)?;
        if !self.etag.is_empty() && self.etag != message::etag(post.row.version) {
            return Err(Error::EtagStale);
        }
        let before = post.state()?;
        let step = self.step_for(&post, before.status);
        let after = before.clone().after(step)?;
        if let Some(targets) = &self.new_targets {
            post.targets.clone_from(targets);
        }
        set_state(&mut post, &after);
        (self.edit)(&mut post);
        if step.opens() {
            self.describe(&mut post);
        }
        if matches!(after.status, PostStatus::Scheduled | PostStatus::Publishing)
            && (step.opens() || matches!(step, Step::Update { .. }))
        {
            post.row.released_form = Some(post.form());
        }
        self.check_composition(&post, after.status)?;
        self.check_accounts(step, &post, &before, &after)?;
        Ok(Outcome { step, before, after, post })
    }

    /// The step that is made of the one that was asked for: who may let nothing new out asks a reviewer. Once a target is out
    /// a post cannot be changed any more, so that all that is retried then was let out before.
    fn step_for(&self, post: &Post, status: PostStatus) -> Step {
        let is_submitted = self.step == Step::Retry
            && self.retry_needs_approval
            && status == PostStatus::Failed
            && !post.is_released();
        if is_submitted { Step::SubmitRetry } else { self.step }
    }

    /// Takes the descriptions of media from the library where an earlier version left them there: what is let out now goes out
    /// as it is now.
    fn describe(&self, post: &mut Post) {
        let is_known = |target: &&mut TargetRow| {
            target.alt_texts.is_none()
                && target.media_ids.iter().all(|id| self.media.contains_key(id))
        };
        for target in post.targets.iter_mut().filter(is_known) {
            target.alt_texts = Some(media::alt_texts(&target.media_ids, &self.media));
        }
    }

    /// A post in another status is refused later, for that.
    fn check_time(&self, post: &Post) -> Result<(), Error> {
        let waits = post.row.status == PostStatus::NeedsApproval.as_str();
        let keeps_time = self.keeps_time && waits && !post.row.publish_now;
        if let Some(at) = post.row.scheduled_time.filter(|_| keeps_time) {
            timing::instant_or_fault(Timing::At(at), self.now)?;
        }
        Ok(())
    }

    fn check_composition(&self, post: &Post, status: PostStatus) -> Result<(), Error> {
        let mut fields = Fields::new();
        if status != PostStatus::Draft && post.row.draft_scheduled_time.is_some() {
            fields.violate("draft_scheduled_for", "is for drafts alone");
        }
        let mut violations = fields.into_violations();
        if self.step.opens() || matches!(self.step, Step::Update { .. }) {
            let goes_out = status == PostStatus::NeedsApproval || holds_unit(status);
            violations.extend(composition::faults_of(
                post,
                &self.accounts,
                &self.media,
                0,
                goes_out,
            )?);
        }
        Ok(composition::refuse(violations)?)
    }

    fn check_accounts(
        &self,
        step: Step,
        post: &Post,
        before: &State,
        after: &State,
    ) -> Result<(), Error> {
        let mut sent_to = Vec::new();
        for place in step.sends(before, after) {
            let account = self.accounts.get(&post.targets[place].account_id);
            sent_to.push(account.ok_or(Error::PostChanged)?);
        }
        accounts::check_active(sent_to)
    }

    async fn charge(
        &self,
        transaction: &mut PgTransaction<'static>,
        post: &mut Post,
        step: Step,
        before: PostStatus,
        after: PostStatus,
    ) -> Result<(), Error> {
        let from = Charge::of(&post.row);
        let retried = before == PostStatus::Failed && step == Step::Retry;
        let month =
            if retried { Some(month_of(self.now)) } else { post.row.scheduled_time.map(month_of) };
        let to = charge_after(step, after, from, month, self.entitlements)?;
        let limit = self.entitlements.and_then(|entitlements| entitlements.posts_per_month);
        if let Recharged::AtTheCap { current } = recharge(transaction, from, to, limit).await? {
            return Err(at_the_cap(limit, current));
        }
        post.row.charged_owner_user_id = to.map(|charge| charge.owner_user_id);
        post.row.charged_month = to.map(|charge| charge.month);
        Ok(())
    }
}

/// When something of a post is due that the publisher may not know of; none: nothing is.
fn due(post: &Post, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match PostStatus::parse(&post.row.status)? {
        PostStatus::Scheduled => post.row.scheduled_time,
        PostStatus::Publishing => Some(now),
        _ => None,
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

fn set_state(post: &mut Post, state: &State) {
    post.row.status = state.status.as_str().to_owned();
    for (target, status) in post.targets.iter_mut().zip(&state.targets) {
        target.status = status.as_str().to_owned();
    }
}

/// Sets what every scheduling sets: the time, and no trace of an earlier review. `at`: the instant of the timing.
pub(super) fn set_time(row: &mut PostRow, timing: Timing, at: DateTime<Utc>) {
    row.scheduled_time = Some(at);
    row.publish_now = timing == Timing::Now;
    row.draft_scheduled_time = None;
    row.approved_by_user_id = None;
    row.approved_time = None;
    row.rejection_note.clear();
}
