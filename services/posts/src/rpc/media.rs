//! What `media` knows of the media that posts show, what follows from it, and holding them for a post.

use std::collections::{BTreeSet, HashMap, HashSet};

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_ids::{MediaId, PostId, WorkspaceId};
use postbreeze_proto::{
    internal::v1::{
        HoldMediaRequest, LookUpMediaRequest, MediaSummary,
        media_source_service_client::MediaSourceServiceClient,
    },
    status::{Reason, Violation},
    v1::{MediaKind, MediaStatus},
};
use postbreeze_runtime::peer::Peer;
use tonic::{Code, Status};

use super::{Rpc, composition::TargetInput};
use crate::error::Error;

/// A medium that a post shows.
#[derive(Debug, Clone)]
pub(super) struct Medium {
    pub(super) workspace_id: WorkspaceId,
    pub(super) ready: bool,
    pub(super) kind: MediaKind,
    pub(super) alt_text: String,
}

/// Media that were looked up, by id.
pub(super) type Media = HashMap<MediaId, Medium>;

/// Media that a request names, each with the path of its field.
#[derive(Default)]
pub(super) struct Named(Vec<(Place, MediaId)>);

/// A place in a list of media: the post's or that of a target.
#[derive(Clone, Copy)]
struct Place {
    target: Option<usize>,
    index: usize,
}

impl Place {
    fn path(self) -> String {
        let index = self.index;
        match self.target {
            None => format!("media_ids[{index}]"),
            Some(target) => format!("platforms[{target}].media_ids[{index}]"),
        }
    }
}

impl Named {
    /// What the fields of a request name.
    pub(super) fn of(of_post: &[MediaId], targets: &[TargetInput]) -> Self {
        let mut named = Self::default();
        named.add(None, of_post.iter().copied().enumerate());
        for (target, input) in targets.iter().enumerate() {
            named.add(Some(target), input.media_ids.iter().copied().enumerate());
        }
        named
    }

    /// Adds what a list names, of the post or of a target.
    pub(super) fn add(
        &mut self,
        target: Option<usize>,
        ids: impl Iterator<Item = (usize, MediaId)>,
    ) {
        self.0.extend(ids.map(|(index, id)| (Place { target, index }, id)));
    }

    /// Looks all of them up, whoever may reach them.
    ///
    /// # Errors
    /// NOT_FOUND, naming the first that does not exist.
    pub(super) async fn find(&self, rpc: &Rpc) -> Result<Media, Error> {
        let known = self.look_up(rpc).await?;
        match self.0.iter().find(|(_, id)| !known.contains_key(id)) {
            None => Ok(known),
            Some((_, id)) => Err(Error::NotFound { resource: "media", id: id.to_string() }),
        }
    }

    /// Looks all of them up, as far as they are known.
    pub(super) async fn look_up(&self, rpc: &Rpc) -> Result<Media, Error> {
        look_up(rpc, self.0.iter().map(|(_, id)| *id)).await
    }

    /// Each must be in the caller's reach.
    pub(super) fn check_reach(
        &self,
        context: &WorkspaceContext,
        media: &Media,
    ) -> Result<(), Error> {
        for medium in self.0.iter().filter_map(|(_, id)| media.get(id)) {
            context.admit(Claim::on(medium.workspace_id), Action::Read)?;
        }
        Ok(())
    }

    /// What cannot be used in a workspace: of another one, or not ready.
    pub(super) fn unusable(&self, workspace_id: WorkspaceId, media: &Media) -> Vec<Violation> {
        let fault = |medium: &Medium| {
            if medium.workspace_id != workspace_id {
                Some("is a medium of another workspace")
            } else if !medium.ready {
                Some("is a medium that is not READY")
            } else {
                None
            }
        };
        let mut violations = Vec::new();
        for (place, id) in &self.0 {
            let description = media.get(id).and_then(fault);
            violations.extend(description.map(|description| Violation {
                field: place.path(),
                reason: Reason::FieldInvalid,
                description: description.to_owned(),
            }));
        }
        violations
    }

    /// What cannot be told about, with why: unknown, or out of the caller's reach.
    pub(super) fn unreachable(&self, context: &WorkspaceContext, media: &Media) -> Vec<Violation> {
        let fault = |id: &MediaId| match media.get(id) {
            None => Some((Reason::ResourceNotFound, format!("no such media: {id}"))),
            Some(medium) => {
                let read = context.admit(Claim::on(medium.workspace_id), Action::Read);
                let description = "is a medium of a workspace out of reach".to_owned();
                read.is_err().then_some((Reason::WorkspaceOutOfReach, description))
            }
        };
        let mut violations = Vec::new();
        for (place, id) in &self.0 {
            violations.extend(fault(id).map(|(reason, description)| Violation {
                field: place.path(),
                reason,
                description,
            }));
        }
        violations
    }
}

/// The descriptions of media that were looked up, in order.
pub(super) fn alt_texts(ids: &[MediaId], media: &Media) -> Vec<String> {
    let alt_text = |id| media.get(id).map(|medium| medium.alt_text.clone()).unwrap_or_default();
    ids.iter().map(alt_text).collect()
}

/// Media as far as they are known. Asks only when there is something to ask.
pub(super) async fn look_up(rpc: &Rpc, ids: impl Iterator<Item = MediaId>) -> Result<Media, Error> {
    // Each once: a request may name one in several places.
    let distinct: HashSet<MediaId> = ids.collect();
    if distinct.is_empty() {
        return Ok(Media::new());
    }
    let request =
        LookUpMediaRequest { media_ids: distinct.iter().map(ToString::to_string).collect() };
    let answer = source(&rpc.media).look_up_media(request).await.map_err(failed)?;
    answer.into_inner().media.into_iter().map(read).collect()
}

fn read(summary: MediaSummary) -> Result<(MediaId, Medium), Error> {
    let id = summary.media_id.parse().map_err(|_| Error::Unreadable("media_id"))?;
    let workspace_id =
        summary.workspace_id.parse().map_err(|_| Error::Unreadable("workspace_id"))?;
    let ready = summary.status() == MediaStatus::Ready;
    let kind = summary.kind();
    Ok((id, Medium { workspace_id, ready, kind, alt_text: summary.alt_text }))
}

/// Keeps media from being deleted for a post that is about to have this version.
///
/// # Errors
/// NOT_FOUND, naming the first that is deleted or not READY.
pub(super) async fn hold(
    rpc: &Rpc,
    post_id: PostId,
    post_version: i64,
    ids: &BTreeSet<MediaId>,
) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let request = HoldMediaRequest {
        post_id: post_id.to_string(),
        post_version,
        media_ids: ids.iter().map(ToString::to_string).collect(),
    };
    let held = source(&rpc.media).hold_media(request).await;
    held.map(drop).map_err(|status| match status.code() {
        Code::NotFound => Error::Refused(status),
        _ => failed(status),
    })
}

pub(super) fn source(media: &Peer) -> MediaSourceServiceClient<Peer> {
    MediaSourceServiceClient::new(media.clone())
}

pub(super) fn failed(status: Status) -> Error {
    Error::Peer { peer: "media", status }
}
