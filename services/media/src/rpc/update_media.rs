//! `MediaService.UpdateMedia`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{UpdateMediaRequest, UpdateMediaResponse},
};

use super::{
    Rpc, links,
    load::{load, lock},
    text,
};
use crate::{error::Error, store::media::save_medium};

pub(super) async fn update_media(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: UpdateMediaRequest,
) -> Result<UpdateMediaResponse, Error> {
    let mut fields = Fields::new();
    let media_id = fields.id("media_id", &request.media_id);
    let known = ["filename", "alt_text"];
    let mut mask = text::Mask::read(&mut fields, request.update_mask.as_ref(), &known);
    let (mut filename, mut alt_text) = (None, None);
    if mask.names("filename", !request.filename.is_empty()) {
        filename = text::filename(&mut fields, &request.filename);
    }
    if mask.names("alt_text", !request.alt_text.is_empty()) {
        alt_text = text::alt_text(&mut fields, &request.alt_text);
    }
    mask.finish(&mut fields);
    let (media_id,) = fields.finish((media_id,))?;

    let medium = load(rpc, context, media_id, Action::WriteMedia).await?;
    let now = rpc.environment.clock.now();
    let mut transaction = rpc.store.begin().await?;
    let mut row = lock(&mut transaction, &medium).await?;
    if let Some(filename) = filename {
        row.filename = filename;
    }
    if let Some(alt_text) = alt_text {
        row.alt_text = alt_text;
    }
    row.update_time = now;
    save_medium(&mut transaction, &row).await?;
    transaction.commit().await?;
    Ok(UpdateMediaResponse { media: Some(links::media(rpc, &row, now).await?) })
}
