//! `MediaSourceService.IngestMedia`: `MediaService.IngestFromUrl` as `posts` asks for it.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::internal::v1::{IngestMediaRequest, IngestMediaResponse};

use super::{Rpc, ingest_from_url::ingest_from_url};
use crate::error::Error;

pub(super) async fn ingest_media(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: IngestMediaRequest,
) -> Result<IngestMediaResponse, Error> {
    let answer = ingest_from_url(rpc, context, request.ingestion.unwrap_or_default()).await?;
    Ok(IngestMediaResponse { media: answer.media })
}
