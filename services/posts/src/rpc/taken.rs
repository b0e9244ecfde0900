//! What a post that is not written yet has taken at `media`: media that were fetched from the web for it, and a hold on
//! those that it will keep. Given back when it becomes clear that the post will not be.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest;
use futures_util::{StreamExt as _, stream};
use postbreeze_context::token::Issuer;
use postbreeze_idempotency::Held;
use postbreeze_ids::{MediaId, PostId, WorkspaceId};
use postbreeze_proto::{
    internal::v1::{DiscardMediaRequest, IngestMediaRequest, KeepMediaRequest},
    status::{Fault, Reason, Violation, reason_of},
    v1::{CreatePostResponse, IngestFromUrlRequest, MediaItemInput},
};
use postbreeze_runtime::{call::Call, peer::Peer};
use prost::Message as _;
use tokio::sync::oneshot;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tracing::Instrument as _;

use super::{
    Rpc,
    media::{self, Medium},
};
use crate::{error::Error, text::hex};

/// Media that are fetched at once for one post: half of what `media` fetches of one owner.
const AT_ONCE: usize = 2;
/// How long giving back may take.
const PATIENCE: Duration = Duration::from_secs(10);
const AUDIENCE: &[&str] = &["media"];
/// The version of a new post.
pub(super) const FIRST_VERSION: i64 = 1;

/// What was taken. Dropped before the post is written, also with the call that was to write it, all of it is given back.
pub(super) struct Taken<'a> {
    rpc: &'a Rpc,
    post_id: PostId,
    held: bool,
    ingested: Arc<Mutex<Ingested>>,
    /// Until everything was given back, twins of the request wait.
    claim: Arc<Held>,
    /// Whether the post may have been written.
    settled: bool,
}

/// What was fetched so far.
#[derive(Default)]
struct Ingested {
    ids: Vec<MediaId>,
    /// Whether it was given back: what comes later is, too.
    is_given_back: bool,
}

impl<'a> Taken<'a> {
    /// Nothing yet.
    pub(super) fn nothing(rpc: &'a Rpc, post_id: PostId, claim: Held) -> Self {
        let claim = Arc::new(claim);
        Self { rpc, post_id, held: false, ingested: Arc::default(), claim, settled: false }
    }

    /// Fetches media into the library of a workspace, in order. With a `request_id` of the client's, the same request
    /// finds what an earlier try of it has fetched.
    ///
    /// # Errors
    /// What is wrong with any of them; the violations of all.
    pub(super) async fn ingest(
        &mut self,
        workspace_id: WorkspaceId,
        items: &[MediaItemInput],
        request_id: &str,
    ) -> Result<Vec<(MediaId, Medium)>, Error> {
        let fetching: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.fetch(workspace_id, index, item, request_id))
            .collect();
        let mut fetching = stream::iter(fetching).buffered(AT_ONCE);
        let (mut fetched, mut violations, mut failure) = (Vec::new(), Vec::new(), None);
        while let Some(answer) = fetching.next().await {
            match answer {
                Ok(medium) => fetched.push(medium),
                Err(Error::Invalid(fault)) => violations.extend_from_slice(fault.violations()),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            _ if !violations.is_empty() => Err(Fault::invalid(violations).into()),
            Some(error) => Err(error),
            None => Ok(fetched),
        }
    }

    /// Holds what the post will keep.
    ///
    /// # Errors
    /// NOT_FOUND, naming the first that is deleted or not READY.
    pub(super) async fn hold(&mut self, ids: &BTreeSet<MediaId>) -> Result<(), Error> {
        self.held = !ids.is_empty();
        media::hold(self.rpc, self.post_id, FIRST_VERSION, ids).await
    }

    /// Writes the post. From the beginning of this on it may be there, unless it is refused, or a twin of the request was
    /// first.
    pub(super) async fn until_written(
        mut self,
        writing: impl Future<Output = Result<CreatePostResponse, Error>>,
    ) -> Result<CreatePostResponse, Error> {
        self.settled = true;
        let written = writing.await;
        match &written {
            Err(Error::PlanLimitPosts { .. } | Error::Denied(_)) => {}
            Ok(CreatePostResponse { post: Some(post) }) if post.id != self.post_id.to_string() => {
                let shown: HashSet<_> = post.media.iter().map(|one| &one.media_id).collect();
                self.ingested().ids.retain(|id| !shown.contains(&id.to_string()));
            }
            _ => return written,
        }
        if let Some(given_back) = self.give_back() {
            // It goes on without us when the caller no longer waits.
            drop(given_back.await);
        }
        written
    }

    fn ingested(&self) -> MutexGuard<'_, Ingested> {
        self.ingested.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(
        &self,
        workspace_id: WorkspaceId,
        index: usize,
        item: &MediaItemInput,
        request_id: &str,
    ) -> Result<(MediaId, Medium), Error> {
        let request = IngestFromUrlRequest {
            workspace_id: workspace_id.to_string(),
            url: item.url.clone(),
            alt_text: item.alt_text.clone(),
            request_id: request_id.to_owned(),
            ..Default::default()
        };
        let request = IngestFromUrlRequest { request_id: derived_id(index, &request), ..request };
        let (id, medium) = self.fetch_once(index, request.clone()).await?;
        if request_id.is_empty()
            || media::look_up(self.rpc, [id].into_iter()).await?.contains_key(&id)
        {
            return Ok((id, medium));
        }
        // What an earlier try has fetched was given back.
        let anew = IngestFromUrlRequest { request_id: String::new(), ..request };
        self.fetch_once(index, anew).await
    }

    /// Has `media` fetch one, to the end: who gave up midway would not know what to give back.
    async fn fetch_once(
        &self,
        index: usize,
        request: IngestFromUrlRequest,
    ) -> Result<(MediaId, Medium), Error> {
        let call = Call::current().ok_or(Error::Unreadable("call"))?;
        let (peer, ingested) = (self.rpc.media.clone(), Arc::clone(&self.ingested));
        let (media, background) = (self.media(), self.rpc.environment.background.clone());
        let claim = Arc::clone(&self.claim);
        let (done, answer) = oneshot::channel();
        let fetching = call.scope(async move {
            let request = IngestMediaRequest { ingestion: Some(request) };
            let answer = media::source(&peer).ingest_media(request).await;
            let fetched = answer.map_err(|status| refusal(index, status)).and_then(|answer| {
                let medium = answer.into_inner().media.ok_or(Error::Unreadable("media"))?;
                media::of_message(medium)
            });
            if let Ok((id, _)) = &fetched {
                let is_late = {
                    let mut ingested = ingested.lock().unwrap_or_else(PoisonError::into_inner);
                    ingested.ids.push(*id);
                    ingested.is_given_back
                };
                if is_late {
                    let (ids, claim) = (vec![*id], Arc::clone(&claim));
                    background.spawn(async move {
                        media.return_all(None, ids).await;
                        drop(claim);
                    });
                }
            }
            // Nobody may wait.
            let _ = done.send(fetched);
            drop(claim);
        });
        self.rpc.environment.background.spawn(fetching.in_current_span());
        answer.await.map_err(|_| Error::Unreadable("end of an ingestion"))?
    }

    /// How to give back.
    fn media(&self) -> Media {
        Media { peer: self.rpc.media.clone(), issuer: self.rpc.issuer.clone() }
    }

    /// Gives back in the background.
    fn give_back(&self) -> Option<oneshot::Receiver<()>> {
        let ingested = {
            let mut ingested = self.ingested();
            ingested.is_given_back = true;
            std::mem::take(&mut ingested.ids)
        };
        if !self.held && ingested.is_empty() {
            return None;
        }
        let (media, held) = (self.media(), self.held.then_some(self.post_id));
        let claim = Arc::clone(&self.claim);
        let (done, given_back) = oneshot::channel();
        let giving_back = async move {
            media.return_all(held, ingested).await;
            drop(claim);
            // Nobody may wait.
            let _ = done.send(());
        };
        self.rpc.environment.background.spawn(giving_back.in_current_span());
        Some(given_back)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.give_back();
        }
    }
}

/// `media`, asked in the name of this service: the caller may have lost the authority to give back, or have gone.
struct Media {
    peer: Peer,
    issuer: Issuer,
}

impl Media {
    /// Gives back what can be; of what is gone already nothing has to be.
    async fn return_all(&self, held: Option<PostId>, ingested: Vec<MediaId>) {
        if let Some(post_id) = held {
            let keep = KeepMediaRequest {
                post_id: post_id.to_string(),
                post_version: FIRST_VERSION,
                media_ids: Vec::new(),
            };
            let kept = match self.issuer.request(keep, AUDIENCE, PATIENCE) {
                Ok(request) => media::source(&self.peer).keep_media(request).await.map(drop),
                Err(cause) => Err(Status::internal(cause.to_string())),
            };
            note(kept);
        }
        if !ingested.is_empty() {
            let media_ids = ingested.iter().map(ToString::to_string).collect();
            let discard = DiscardMediaRequest { media_ids };
            let discarded = match self.issuer.request(discard, AUDIENCE, PATIENCE) {
                Ok(request) => media::source(&self.peer).discard_media(request).await.map(drop),
                Err(cause) => Err(Status::internal(cause.to_string())),
            };
            note(discarded);
        }
    }
}

fn note(given_back: Result<(), Status>) {
    if let Err(cause) = given_back {
        tracing::warn!(%cause, "create post: media of a post that was not written stay in the library");
    }
}

/// A refusal to fetch, with the field of our own request in the place of the one at fault.
fn refusal(index: usize, status: Status) -> Error {
    match status.code() {
        Code::InvalidArgument => {
            let details = status.get_error_details();
            let named = details.bad_request().map(|bad| bad.field_violations.as_slice());
            let mut violations: Vec<_> = named
                .unwrap_or_default()
                .iter()
                .map(|found| Violation {
                    field: field(index, &found.field),
                    reason: reason(&found.reason),
                    description: found.description.clone(),
                })
                .collect();
            if violations.is_empty() {
                violations.push(Violation {
                    field: field(index, "url"),
                    reason: reason_of(&status).unwrap_or(Reason::FieldInvalid),
                    description: status.message().to_owned(),
                });
            }
            Fault::invalid(violations).into()
        }
        Code::PermissionDenied => Error::Refused(status),
        _ => media::failed(status),
    }
}

fn field(index: usize, named: &str) -> String {
    let name = if named == "alt_text" { named } else { "url" };
    format!("media_items[{index}].{name}")
}

fn reason(name: &str) -> Reason {
    Reason::from_str_name(&format!("ERROR_REASON_{name}")).unwrap_or(Reason::FieldInvalid)
}

/// The `request_id` of a fetch, made of all there is to it with the client's own; none when the client gave none. Another
/// fetch for a post that was refused is another request, whatever the post's `request_id`.
fn derived_id(index: usize, request: &IngestFromUrlRequest) -> String {
    if request.request_id.is_empty() {
        return String::new();
    }
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&index.to_be_bytes());
    hash.update(&request.encode_to_vec());
    hex(hash.finish().as_ref())
}
