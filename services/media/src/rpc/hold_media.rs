//! `MediaSourceService.HoldMedia`.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::Media;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{HoldMediaRequest, HoldMediaResponse},
};

use super::{Rpc, keep_media::version, look_up_media::MEDIA};
use crate::{
    error::Error,
    medium::HOLD_LASTS,
    store::uses::{User, hold},
};

pub(super) async fn hold_media(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: HoldMediaRequest,
) -> Result<HoldMediaResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let version = version(&mut fields, request.post_version);
    let ids = fields.ids::<Media>("media_ids", &request.media_ids, 0..=MEDIA);
    let (post_id, version, ids) = fields.finish((post_id, version, ids))?;
    let now = rpc.environment.clock.now();
    let transaction = rpc.store.begin().await?;
    match hold(transaction, User { post_id, version }, &ids, now, now + HOLD_LASTS).await? {
        None => Ok(HoldMediaResponse {}),
        Some(gone) => Err(Error::NoMedium(gone)),
    }
}
