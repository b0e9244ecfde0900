//! What `media` knows of the media that posts show, what follows from it, and holding them for a post.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_ids::{MediaId, PostId, WorkspaceId};
use postbreeze_proto::{
    internal::v1::{
        HoldMediaRequest, LookUpMediaRequest, MediaSummary,
        media_source_service_client::MediaSourceServiceClient,
    },
    status::{Reason, Violation},
    v1::{self, MediaKind, MediaStatus},
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
    content_type: String,
    size_bytes: u64,
    width_px: Option<u32>,
    height_px: Option<u32>,
    duration: Option<Duration>,
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
        self.violations(|id| {
            let fault = media.get(&id)?.fault_in(workspace_id)?;
            Some((Reason::FieldInvalid, fault.to_owned()))
        })
    }

    /// The same, and what is unknown or out of the caller's reach.
    pub(super) fn unusable_to(
        &self,
        context: &WorkspaceContext,
        workspace_id: WorkspaceId,
        media: &Media,
    ) -> Vec<Violation> {
        self.violations(|id| {
            let Some(medium) = media.get(&id) else {
                return Some((Reason::ResourceNotFound, format!("no such media: {id}")));
            };
            if context.admit(Claim::on(medium.workspace_id), Action::Read).is_err() {
                let description = "is a medium of a workspace out of reach".to_owned();
                return Some((Reason::WorkspaceOutOfReach, description));
            }
            Some((Reason::FieldInvalid, medium.fault_in(workspace_id)?.to_owned()))
        })
    }

    fn violations(&self, fault: impl Fn(MediaId) -> Option<(Reason, String)>) -> Vec<Violation> {
        let violation = |(place, id): &(Place, MediaId)| {
            let (reason, description) = fault(*id)?;
            Some(Violation { field: place.path(), reason, description })
        };
        self.0.iter().filter_map(violation).collect()
    }
}

impl Medium {
    /// As the limits of networks are about it.
    pub(super) fn described(&self) -> postbreeze_networks::Medium<'_> {
        postbreeze_networks::Medium {
            kind: self.kind,
            content_type: &self.content_type,
            size_bytes: self.size_bytes,
            width_px: self.width_px,
            height_px: self.height_px,
            duration: self.duration,
        }
    }

    /// Why it cannot be used in a workspace.
    fn fault_in(&self, workspace_id: WorkspaceId) -> Option<&'static str> {
        if self.workspace_id != workspace_id {
            Some("is a medium of another workspace")
        } else if !self.ready {
            Some("is a medium that is not READY")
        } else {
            None
        }
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

/// A medium as its owner shows it to clients.
pub(super) fn of_message(medium: v1::Media) -> Result<(MediaId, Medium), Error> {
    let (status, kind) = (medium.status, medium.kind);
    read(MediaSummary {
        media_id: medium.id,
        workspace_id: medium.workspace_id,
        status,
        kind,
        content_type: medium.content_type,
        size_bytes: medium.size_bytes,
        width_px: medium.width_px,
        height_px: medium.height_px,
        duration: medium.duration,
        alt_text: medium.alt_text,
    })
}

fn read(summary: MediaSummary) -> Result<(MediaId, Medium), Error> {
    let id = summary.media_id.parse().map_err(|_| Error::Unreadable("media_id"))?;
    let workspace_id =
        summary.workspace_id.parse().map_err(|_| Error::Unreadable("workspace_id"))?;
    let pixels = |pixels: Option<i32>| pixels.and_then(|pixels| u32::try_from(pixels).ok());
    let medium = Medium {
        workspace_id,
        ready: summary.status() == MediaStatus::Ready,
        kind: summary.kind(),
        width_px: pixels(summary.width_px),
        height_px: pixels(summary.height_px),
        size_bytes: u64::try_from(summary.size_bytes).unwrap_or_default(),
        duration: summary.duration.and_then(|duration| duration.try_into().ok()),
        content_type: summary.content_type,
        alt_text: summary.alt_text,
    };
    Ok((id, medium))
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
