//! Claims what is due: one short transaction that decides, under the locks of the posts, what is done about each target,
//! and writes the right to do it down. Who has committed it may call the network once.

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::{AccountId, Minter, PostId, TargetId, WorkspaceId};
use postbreeze_proto::{
    internal::v1::{PublishCommentRequest, PublishRequest},
    time::to_proto,
    v1::PlatformOptions,
};
use postbreeze_runtime::Environment;
use prost::Message as _;

use super::{Terms, key, media::Shown, settle};
use crate::{
    error::Error,
    post::{IN_PROGRESS, Move, Next, Part, PostStatus, next, shown_media},
    store::{
        Store,
        attempts::{EndedAttempt, NewAttempt, begin_attempts, end_attempts},
        due::DueTarget,
        outgoing::{Failure, OutgoingPost, OutgoingTarget, class, lock, read, save},
    },
};

/// What this process has the right, and the duty, to do.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) post_id: PostId,
    pub(super) workspace_id: WorkspaceId,
    pub(super) target_id: TargetId,
    pub(super) account_id: AccountId,
    pub(super) platform: i16,
    /// The right that it is done by.
    pub(super) version: i64,
    /// When that was written down. It is used soon, or not at all.
    pub(super) claim_time: DateTime<Utc>,
    pub(super) errand: Errand,
    /// How late a target is that is sent for the first time.
    pub(super) lateness: Option<TimeDelta>,
}

/// What is done.
#[derive(Debug, Clone)]
pub(super) enum Errand {
    /// A post is sent, with what it shows.
    Publish(PublishRequest, Vec<Shown>),
    /// It is looked for.
    FindPost(PublishRequest, Vec<Shown>),
    /// A first comment is sent.
    Comment(PublishCommentRequest),
    /// It is looked for.
    FindComment(PublishCommentRequest),
}

impl Errand {
    /// Whether something goes out by it.
    pub(super) fn sends(&self) -> bool {
        matches!(self, Self::Publish(..) | Self::Comment(_))
    }

    pub(super) fn part(&self) -> Part {
        match self {
            Self::Publish(..) | Self::FindPost(..) => Part::Post,
            Self::Comment(_) | Self::FindComment(_) => Part::FirstComment,
        }
    }
}

/// What came of a claim.
#[derive(Default)]
pub(super) struct Claimed {
    pub(super) jobs: Vec<Job>,
    /// Whether a row was changed: a poll that changed none must not be followed by another at once.
    pub(super) progressed: bool,
    /// Targets that were due, and still are: another transaction holds their posts.
    pub(super) left: Vec<TargetId>,
    /// Whether `media` must be told of something.
    pub(super) noted: bool,
}

/// By which rules targets are claimed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) terms: Terms,
    /// Whether networks can be asked. If not, only what needs none of them is done.
    pub(super) is_open: bool,
}

/// Claims targets that are due.
///
/// # Errors
/// When the database fails or holds what this version does not know: nothing is claimed then.
#[tracing::instrument(skip_all, name = "publisher.claim", err(level = "debug"))]
pub(super) async fn claim(
    store: &Store,
    environment: &Environment,
    rules: Rules,
    due: &[DueTarget],
    now: DateTime<Utc>,
) -> Result<Claimed, Error> {
    let mut ids: Vec<PostId> = due.iter().map(|target| target.post_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut transaction = store.begin().await?;
    // One that is being changed right now is due a moment later as well.
    let locked = lock(&mut transaction, &ids, false).await?;
    let mut posts = read(&mut transaction, &locked, true).await?;
    let mut claim = Claim::new(&environment.minter, rules, now);
    for target in due {
        let Some(post) = posts.iter_mut().find(|post| post.id == target.post_id) else {
            claim.claimed.left.push(target.id);
            continue;
        };
        if let Some(place) = post.place_of(target.id) {
            claim.decide(post, place)?;
        }
    }
    let Claim { mut claimed, begun, ended, .. } = claim;
    claimed.progressed = posts.iter().any(OutgoingPost::is_changed);
    claimed.noted = save(&mut transaction, &environment.minter, &posts, now).await?;
    begin_attempts(&mut transaction, &begun, now).await?;
    end_attempts(&mut transaction, &ended, now).await?;
    transaction.commit().await?;
    Ok(claimed)
}

struct Claim<'a> {
    minter: &'a Minter,
    terms: Terms,
    is_open: bool,
    now: DateTime<Utc>,
    claimed: Claimed,
    begun: Vec<NewAttempt>,
    ended: Vec<EndedAttempt>,
}

impl<'a> Claim<'a> {
    fn new(minter: &'a Minter, rules: Rules, now: DateTime<Utc>) -> Self {
        let Rules { terms, is_open } = rules;
        let claimed = Claimed::default();
        Self { minter, terms, is_open, now, claimed, begun: vec![], ended: vec![] }
    }

    /// Decides about a target. Afterwards it is due later, or never: no state of it can make the publisher spin. Only while
    /// networks cannot be asked, a target that needs one stays as it is.
    fn decide(&mut self, post: &mut OutgoingPost, place: usize) -> Result<(), Error> {
        let now = self.now;
        let is_due = |target: &OutgoingTarget| target.due_time.is_some_and(|due| due <= now);
        // Another replica has dealt with it since it was read.
        if !is_due(&post.targets[place]) {
            return Ok(());
        }
        self.act(post, place)?;
        let target = &post.targets[place];
        if self.is_open && is_due(target) {
            let until = self.now + settle::deferral(target, self.now);
            tracing::error!(
                target.id = %target.id,
                target.status = %target.status,
                post.id = %post.id,
                post.status = %post.status,
                %until,
                "publisher: a due target could not be moved on; it is put off"
            );
            post.touch(place).due_time = Some(until);
        }
        Ok(())
    }

    fn act(&mut self, post: &mut OutgoingPost, place: usize) -> Result<(), Error> {
        let target = &post.targets[place];
        let next = match next(post.status, target.status, target.comment) {
            Next::Send(_) if post.is_gone => Next::Nothing,
            next => next,
        };
        let is_ahead = post.status == PostStatus::Scheduled
            && post.scheduled_time.is_some_and(|scheduled| scheduled > self.now);
        match next {
            Next::Nothing => post.touch(place).due_time = None,
            // An older version of this service moves a post without moving what is due.
            Next::Send(Part::Post) if is_ahead => post.touch(place).due_time = post.scheduled_time,
            Next::Send(Part::Post) if target.account_gone => {
                post.end_without_account(place);
            }
            Next::Send(Part::Post) if self.is_too_late(post, target) => {
                settle::end_too_late(post, place);
            }
            Next::Send(Part::FirstComment) if target.is_stopped => {
                settle::stop_comment(post, place);
            }
            Next::Send(_) | Next::Look(_) if !self.is_open => {}
            Next::Send(Part::Post) => self.begin(post, place)?,
            Next::Send(Part::FirstComment) => self.begin_comment(post, place),
            Next::TakeOver(part) => self.take_over(post, place, part),
            Next::Look(part) => {
                post.touch(place).due_time = Some(self.now + self.terms.lease);
                let target = &post.targets[place];
                let errand = match part {
                    Part::Post => Errand::FindPost(letter(post, target)?, shown(post, target)),
                    Part::FirstComment => Errand::FindComment(comment(target)),
                };
                self.claimed.jobs.push(self.job(post, target, errand, None));
            }
        }
        Ok(())
    }

    /// Whether a target was to go out so long ago that it may not go out any more. One whose attempt has begun is never ended
    /// by its lateness.
    fn is_too_late(&self, post: &OutgoingPost, target: &OutgoingTarget) -> bool {
        // An older version moves a post without its targets.
        let scheduled = post.scheduled_time.filter(|_| post.status == PostStatus::Scheduled);
        let since = target.waits_since().max(scheduled);
        !target.has_begun() && since.is_some_and(|since| self.now - since > self.terms.max_lateness)
    }

    fn begin(&mut self, post: &mut OutgoingPost, place: usize) -> Result<(), Error> {
        let Some(state) = post.state().moved(place, Move::Begin) else { return Ok(()) };
        let target = &post.targets[place];
        let since = target.waits_since();
        let lateness = since.filter(|_| target.tries == 0).map(|since| self.now - since);
        let send_key = key_of(post, target);
        post.set_state(state);
        self.count_try(post.touch(place));
        let target = post.touch(place);
        target.send_key = send_key;
        target.attempt_count += 1;
        // An attempt that the network still works on has begun, whatever becomes of this one.
        if target.error.code != IN_PROGRESS {
            target.error = Failure::default();
        }
        let target = &post.targets[place];
        self.begun.push(NewAttempt {
            id: self.minter.mint(post.id.bucket()),
            workspace_id: post.workspace_id,
            post_id: post.id,
            target_id: target.id,
            account_id: target.account_id,
            platform: target.platform,
            attempt_number: target.attempt_count,
        });
        let errand = Errand::Publish(letter(post, target)?, shown(post, target));
        self.claimed.jobs.push(self.job(post, target, errand, lateness));
        Ok(())
    }

    fn begin_comment(&mut self, post: &mut OutgoingPost, place: usize) {
        let Some(began) = post.targets[place].comment.moved(Move::Begin) else { return };
        post.note_change();
        let target = post.touch(place);
        target.comment = began;
        target.comment_error = Failure::default();
        target.comment_try_time = Some(self.now);
        self.count_try(target);
        let errand = Errand::Comment(comment(target));
        self.claimed.jobs.push(self.job(post, &post.targets[place], errand, None));
    }

    fn count_try(&self, target: &mut OutgoingTarget) {
        target.version += 1;
        target.due_time = Some(self.now + self.terms.lease);
        target.in_transit_until = Some(self.now + self.terms.in_transit());
        target.first_try_time.get_or_insert(self.now);
        target.tries += 1;
        target.looks = 0;
    }

    fn job(
        &self,
        post: &OutgoingPost,
        target: &OutgoingTarget,
        errand: Errand,
        lateness: Option<TimeDelta>,
    ) -> Job {
        Job {
            post_id: post.id,
            workspace_id: post.workspace_id,
            target_id: target.id,
            account_id: target.account_id,
            platform: target.platform,
            version: target.version,
            claim_time: self.now,
            errand,
            lateness,
        }
    }

    /// Whoever sent it has died, before or after the network had it.
    fn take_over(&mut self, post: &mut OutgoingPost, place: usize, part: Part) {
        let (code, message) = settle::INTERRUPTED;
        let error = settle::failure(code, message, class::UNKNOWN);
        let ended = settle::lose(post, place, part, error, false, self.now);
        self.ended.extend(ended);
    }
}

fn text<'a>(post: &'a OutgoingPost, target: &'a OutgoingTarget) -> &'a str {
    target.caption_override.as_deref().unwrap_or(&post.content)
}

fn key_of(post: &OutgoingPost, target: &OutgoingTarget) -> String {
    let media = shown_media(&post.media_ids, &target.media_ids);
    let media: Vec<u8> = media.iter().flat_map(|id| id.uuid().into_bytes()).collect();
    key::of_post(target.id, &[text(post, target).as_bytes(), &target.options, &media])
}

/// The media that a target shows, each with the description that was approved with it.
fn shown(post: &OutgoingPost, target: &OutgoingTarget) -> Vec<Shown> {
    let alt_texts = if target.media_ids.is_empty() { &post.alt_texts } else { &target.alt_texts };
    let media = shown_media(&post.media_ids, &target.media_ids).iter().enumerate();
    media.map(|(index, id)| Shown { id: *id, alt_text: alt_texts.get(index).cloned() }).collect()
}

/// What is sent, or was. It stays the same while a target is under way: its post cannot be changed then.
fn letter(post: &OutgoingPost, target: &OutgoingTarget) -> Result<PublishRequest, Error> {
    let options = match target.options.as_slice() {
        [] => None,
        bytes => Some(
            PlatformOptions::decode(bytes).map_err(|_| Error::Unreadable("platform options"))?,
        ),
    };
    Ok(PublishRequest {
        account_id: target.account_id.to_string(),
        key: target.send_key.clone(),
        text: text(post, target).to_owned(),
        media: Vec::new(),
        options,
        first_attempt_time: target.first_try_time.map(to_proto),
    })
}

fn comment(target: &OutgoingTarget) -> PublishCommentRequest {
    PublishCommentRequest {
        account_id: target.account_id.to_string(),
        key: key::of_comment(target.id),
        external_post_id: target.external_post_id.clone(),
        external_comment_id: String::new(),
        text: target.first_comment.clone(),
        first_attempt_time: target.first_try_time.map(to_proto),
    }
}

#[cfg(test)]
mod tests;
