//! `MediaSourceService.LookUpMedia`: what `posts` asks, and admits by itself.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::Media;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{LookUpMediaRequest, LookUpMediaResponse},
};

use super::{Rpc, message};
use crate::error::Error;

/// Media that one request of another service names at the most.
pub(super) const MEDIA: usize = 1_000;

pub(super) async fn look_up_media(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: LookUpMediaRequest,
) -> Result<LookUpMediaResponse, Error> {
    let mut fields = Fields::new();
    let ids = fields.ids::<Media>("media_ids", &request.media_ids, 0..=MEDIA);
    let (ids,) = fields.finish((ids,))?;
    let rows = rpc.store.find_media(&ids).await?;
    let living = rows.iter().filter(|row| row.delete_time.is_none());
    Ok(LookUpMediaResponse { media: living.map(message::summary).collect::<Result<_, _>>()? })
}
