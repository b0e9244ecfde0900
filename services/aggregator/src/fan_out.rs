//! Asks every source of a list for its part, merges the parts, and remembers where each source stands.
//!
//! A source that does not answer in its share of the caller's time costs its workspaces, not the list: the page has the
//! rows of the others, and the token keeps the missing source where it stood, so that a later page delivers its rows.

use std::{collections::HashMap, future::Future};

use futures_util::future::join_all;
use postbreeze_context::{Caller, resolve::ReachResolver};
use postbreeze_ids::WorkspaceId;
use postbreeze_proto::{
    internal::v1::{ListPosition, MergeState, SourceState},
    page::{Binding, TokenKey},
    status::{Reason, reason_of},
    v1::{ErrorReason, UnreachableWorkspace},
};
use postbreeze_runtime::{call::Call, peer::Peer};
use prost::Message;
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::{
    error::Error,
    merge::{Limit, Merged, Part, SortKey, merge},
    owners::{Source, Sources},
};

/// Of the rows of a page, so that clients can take it in with their usual limit of 4 MiB.
const PAGE_BYTES: usize = 3 * 1_024 * 1_024;
/// How many unreachable workspaces an answer names.
const NAMED: usize = 100;
/// The share of the remaining time that a source has: what is left is for the merge and the answer.
const SHARE: (u32, u32) = (3, 4);

/// What a list asks for.
pub(crate) struct Query<'a> {
    /// Whose list.
    pub(crate) caller: &'a Caller,
    /// What its tokens are bound to.
    pub(crate) binding: &'a Binding,
    /// Where the sources stand, as the client's token says; none for the first page.
    pub(crate) state: Option<MergeState>,
    /// Rows on the page.
    pub(crate) page_size: usize,
    /// The one workspace the list is about; none: all in reach.
    pub(crate) workspace_id: Option<WorkspaceId>,
    /// Whether a missing source is an error.
    pub(crate) require_complete: bool,
}

/// A page of a merged list.
pub(crate) struct Page<T> {
    /// In the list's order.
    pub(crate) rows: Vec<T>,
    /// Empty on the last page.
    pub(crate) next_page_token: String,
    /// Workspaces whose rows are missing.
    pub(crate) unreachable: Vec<UnreachableWorkspace>,
    /// How many there are.
    pub(crate) unreachable_count: i32,
}

/// The rows that a source gave, and whether it has more.
pub(crate) type Given<T> = (Vec<T>, bool);

/// Reads one page. `read(peer, after, limit)` asks one source; `key` tells a row's place.
pub(crate) async fn fan_out<T: Message, F>(
    tokens: &TokenKey,
    resolver: &ReachResolver,
    sources: &Sources,
    query: Query<'_>,
    read: impl Fn(Peer, Option<ListPosition>, i32) -> F,
    key: impl Fn(&T) -> Option<SortKey>,
) -> Result<Page<T>, Error>
where
    F: Future<Output = Result<Given<T>, Status>>,
{
    let asked = asked(sources, query.state.as_ref(), query.workspace_id);
    let limit = i32::try_from(query.page_size).unwrap_or(i32::MAX);
    let call = Call::current().ok_or_else(|| Error::Unreadable("current call"))?;
    let deadline = Instant::now() + call.remaining() * SHARE.0 / SHARE.1;
    let answers = join_all(asked.iter().map(|(source, after)| {
        call.clone().until(deadline).scope(read(source.peer.clone(), after.clone(), limit))
    }))
    .await;

    let mut parts = Vec::with_capacity(asked.len());
    let mut missing: Vec<&Source> = Vec::new();
    for ((source, _), answer) in asked.iter().zip(answers) {
        match answer {
            Ok((rows, more)) => parts.push(Part { rows: keyed(rows, &key)?, more }),
            Err(status) if is_missing(&status) => {
                missing.push(source);
                // It stays where it stands, and holds up nobody.
                parts.push(Part { rows: Vec::new(), more: true });
            }
            Err(status) => return Err(status.into()),
        }
    }
    if !missing.is_empty() && (query.require_complete || missing.len() == asked.len()) {
        return Err(Error::SourcesMissing { missing: missing.len(), sources: asked.len() });
    }
    let (unreachable, unreachable_count) = name(resolver, &query, &missing).await?;
    let (rows, state) = advance(&asked, parts, query.page_size);
    let next_page_token =
        if state.sources.is_empty() { String::new() } else { tokens.seal(query.binding, &state) };
    Ok(Page { rows, next_page_token, unreachable, unreachable_count })
}

/// The sources to ask, with where each stands. One that the token does not name has ended.
fn asked<'a>(
    sources: &'a Sources,
    state: Option<&MergeState>,
    workspace_id: Option<WorkspaceId>,
) -> Vec<(&'a Source, Option<ListPosition>)> {
    let holds = |source: &&Source| workspace_id.is_none_or(|id| source.holds(id));
    let all = sources.all().iter().filter(holds);
    let Some(state) = state else {
        return all.map(|source| (source, None)).collect();
    };
    let mut standing: HashMap<u32, Option<ListPosition>> =
        state.sources.iter().map(|source| (source.first_bucket, source.after.clone())).collect();
    all.filter_map(|source| Some((source, standing.remove(&first_bucket(source))?))).collect()
}

fn first_bucket(source: &Source) -> u32 {
    u32::from(*source.buckets.start())
}

fn keyed<T>(
    rows: Vec<T>,
    key: &impl Fn(&T) -> Option<SortKey>,
) -> Result<Vec<(SortKey, T)>, Error> {
    rows.into_iter()
        .map(|row| Some((key(&row)?, row)))
        .collect::<Option<_>>()
        .ok_or(Error::Unreadable("row of a source"))
}

/// Whether an answer means that the source is not there, rather than that it refuses.
fn is_missing(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Internal | Code::Unknown
    ) || reason_of(status) == Some(Reason::Overloaded)
}

/// Takes the page's rows, and tells where each source stands after it. A source is left out once it has ended.
fn advance<T: Message>(
    asked: &[(&Source, Option<ListPosition>)],
    parts: Vec<Part<T>>,
    page_size: usize,
) -> (Vec<T>, MergeState) {
    let keys: Vec<Vec<SortKey>> =
        parts.iter().map(|part| part.rows.iter().map(|(key, _)| *key).collect()).collect();
    let more: Vec<bool> = parts.iter().map(|part| part.more).collect();
    let limit = Limit { rows: page_size, bytes: PAGE_BYTES };
    let Merged { rows, taken } = merge(parts, limit, Message::encoded_len);
    let mut state = MergeState::default();
    for (index, (source, before)) in asked.iter().enumerate() {
        let (keys, taken) = (&keys[index], taken[index]);
        if taken == keys.len() && !more[index] {
            continue;
        }
        let last = taken.checked_sub(1).map(|last| position(keys[sabotaged(last)]));
        state.sources.push(SourceState {
            first_bucket: first_bucket(source),
            after: last.or_else(|| before.clone()),
        });
    }
    (rows, state)
}

/// The broken mechanism of the paging test: the token forgets one row.
fn sabotaged(last: usize) -> usize {
    #[cfg(feature = "sabotage")]
    if postbreeze_runtime::sabotage::is_broken(postbreeze_runtime::sabotage::Mechanism::Paging) {
        return last.saturating_sub(1);
    }
    last
}

fn position(key: SortKey) -> ListPosition {
    ListPosition { time_us: key.time_us, id: key.id.as_bytes().to_vec() }
}

/// The workspaces of missing sources, the first of them by name.
async fn name(
    resolver: &ReachResolver,
    query: &Query<'_>,
    missing: &[&Source],
) -> Result<(Vec<UnreachableWorkspace>, i32), Error> {
    if missing.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let reach = resolver.reach(query.caller).await?;
    let ids: Vec<WorkspaceId> = reach
        .iter()
        .map(|(id, _)| id)
        .filter(|id| query.workspace_id.is_none_or(|only| only == *id))
        .filter(|id| missing.iter().any(|source| source.holds(*id)))
        .collect();
    let named = ids.iter().take(NAMED).map(|id| UnreachableWorkspace {
        workspace_id: id.to_string(),
        reason: ErrorReason::SourceUnreachable.into(),
    });
    Ok((named.collect(), i32::try_from(ids.len()).unwrap_or(i32::MAX)))
}
