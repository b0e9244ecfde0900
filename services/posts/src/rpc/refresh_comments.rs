//! `CommentService.RefreshComments`.

use std::{collections::BTreeMap, time::Duration};

use chrono::TimeDelta;
use futures_util::{StreamExt as _, stream};
use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Claimed, Key};
use postbreeze_ids::AccountId;
use postbreeze_proto::{
    fields::Fields,
    v1::{RefreshCommentsRequest, RefreshCommentsResponse},
};
use postbreeze_runtime::call::Call;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tracing::Instrument as _;

use super::Rpc;
use crate::{
    error::Error,
    inbox::{Inbox, Missed},
    store::comment_sources::Source,
};

const SOURCES: i64 = 50;
/// Accounts whose networks are asked at once.
const AT_ONCE: usize = 4;
const COOLDOWN: TimeDelta = TimeDelta::minutes(1);
/// What writing down and answering need of the deadline.
const MARGIN: Duration = Duration::from_millis(500);
/// No call of this RPC lasts longer.
const LONGEST: Duration = Duration::from_mins(1);

pub(super) async fn refresh_comments(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: RefreshCommentsRequest,
) -> Result<RefreshCommentsResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let request_id = fields.request_id(&request.request_id);
    let (workspace_id, request_id) = fields.finish((workspace_id, request_id))?;

    let workspace = context.admit(Claim::on(workspace_id), Action::RefreshComments)?;
    let user_id = context.user_id()?;
    let key = Key::of(user_id, "CommentService.RefreshComments", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first) = idempotency::look_up(rpc.store.statements(), key.as_ref(), now).await? {
        return Ok(first);
    }
    let _held = match idempotency::claim(&rpc.environment, rpc.store.pool(), key.as_ref()).await? {
        Claimed::Held(held) => held,
        Claimed::Answered(first) => return Ok(first),
    };
    if let Some(last) = rpc.store.note_refresh(&workspace, now - COOLDOWN, now).await? {
        let wait = (last + COOLDOWN - now).to_std().unwrap_or_default();
        return Err(Error::RefreshedLately(wait));
    }
    let mut accounts: BTreeMap<AccountId, Vec<Source>> = BTreeMap::new();
    for source in rpc.store.newest_sources(&workspace, now, SOURCES).await? {
        accounts.entry(source.account_id).or_default().push(source);
    }
    let patience = Call::current().map_or(Duration::MAX, |call| call.remaining());
    let until = Instant::now() + patience.min(LONGEST).saturating_sub(MARGIN);
    let fetching = stream::iter(accounts).map(|(account_id, sources)| {
        // Also when the caller goes away: an account that was taken must be given back.
        let fetching = fetch(rpc.inbox.clone(), account_id, sources, until);
        let (tell, told) = oneshot::channel();
        let fetching = async move {
            // Nobody may wait any more.
            let _ = tell.send(fetching.await);
        };
        rpc.environment.background.spawn(fetching.in_current_span());
        told
    });
    let fetched: Vec<Outcome> =
        fetching.buffer_unordered(AT_ONCE).filter_map(async |told| told.ok()).collect().await;
    let answer = match sum(fetched) {
        Ok(answer) => answer,
        Err(error) => {
            rpc.store.forget_refresh(&workspace, now).await?;
            return Err(error);
        }
    };
    idempotency::once(rpc.store.pool(), key.as_ref(), now, async |transaction| {
        Ok((transaction, answer))
    })
    .await
}

/// What came of one account.
#[derive(Default)]
struct Outcome {
    new: usize,
    fetched: usize,
    missed: usize,
    /// Why nothing more was fetched, where that was not the network.
    trouble: Option<Error>,
}

/// Fetches the comments of an account's targets, the newest first, until a time.
async fn fetch(
    inbox: Inbox,
    account_id: AccountId,
    sources: Vec<Source>,
    until: Instant,
) -> Outcome {
    let mut done = Outcome { missed: sources.len(), ..Default::default() };
    let feed = match inbox.take(account_id).await {
        Ok(Some(feed)) => feed,
        // They are just being fetched, or the network wants to be left alone.
        Ok(None) => return done,
        Err(error) => return Outcome { trouble: Some(error.into()), ..done },
    };
    let mut why = None;
    for source in &sources {
        match timeout_at(until, inbox.fetch(source)).await {
            Ok(Ok(Ok(new))) => {
                done.new += new;
                done.fetched += 1;
                done.missed -= 1;
            }
            Ok(Ok(Err(Missed::Target))) => {}
            Ok(Ok(Err(missed))) => {
                why = Some(missed);
                break;
            }
            Ok(Err(error)) => {
                done.trouble = Some(error.into());
                break;
            }
            // The time is up.
            Err(_) => break,
        }
    }
    if let Err(error) = inbox.give_back(feed, why.as_ref()).await {
        tracing::warn!(%error, "an account cannot be given back");
    }
    if let Some(Missed::NotAsked(status)) = why {
        done.trouble = Some(Error::Peer { peer: "accounts", status });
    }
    done
}

/// Part of it is better than nothing; where our own trouble left nothing at all, that is told.
fn sum(all: Vec<Outcome>) -> Result<RefreshCommentsResponse, Error> {
    let count = |of: fn(&Outcome) -> usize| i32::try_from(all.iter().map(of).sum::<usize>());
    let new_count = count(|one| one.new).unwrap_or(i32::MAX);
    let missed_count = count(|one| one.missed).unwrap_or(i32::MAX);
    let nothing = all.iter().all(|one| one.fetched == 0);
    match all.into_iter().find_map(|one| one.trouble).filter(|_| nothing) {
        Some(trouble) => Err(trouble),
        None => Ok(RefreshCommentsResponse { new_count, missed_count }),
    }
}
