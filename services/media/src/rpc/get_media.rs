//! `MediaService.GetMedia`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{GetMediaRequest, GetMediaResponse},
};

use super::{Rpc, links, load::load};
use crate::error::Error;

pub(super) async fn get_media(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: GetMediaRequest,
) -> Result<GetMediaResponse, Error> {
    let mut fields = Fields::new();
    let media_id = fields.id("media_id", &request.media_id);
    let (media_id,) = fields.finish((media_id,))?;
    let medium = load(rpc, context, media_id, Action::Read).await?;
    let media = links::media(rpc, &medium, rpc.environment.clock.now()).await?;
    Ok(GetMediaResponse { media: Some(media) })
}
