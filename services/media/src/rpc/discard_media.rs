//! `MediaSourceService.DiscardMedia`: `MediaService.DeleteMedia` as `posts` asks for it.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    internal::v1::{DiscardMediaRequest, DiscardMediaResponse},
    v1::DeleteMediaRequest,
};

use super::{Rpc, delete_media::delete_media};
use crate::error::Error;

pub(super) async fn discard_media(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: DiscardMediaRequest,
) -> Result<DiscardMediaResponse, Error> {
    let request = DeleteMediaRequest { media_id: request.media_id, ..Default::default() };
    delete_media(rpc, context, request).await?;
    Ok(DiscardMediaResponse {})
}
