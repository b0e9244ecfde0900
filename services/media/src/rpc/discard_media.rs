//! `MediaSourceService.DiscardMedia`.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::{Media, MediaId};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{DiscardMediaRequest, DiscardMediaResponse},
};

use super::{Rpc, look_up_media::MEDIA};
use crate::{
    error::Error,
    store::{
        media::{endings::discard, lock_medium},
        uses::users_of,
    },
};

pub(super) async fn discard_media(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: DiscardMediaRequest,
) -> Result<DiscardMediaResponse, Error> {
    let mut fields = Fields::new();
    let ids = fields.ids::<Media>("media_ids", &request.media_ids, 0..=MEDIA);
    let (ids,) = fields.finish((ids,))?;
    for id in ids {
        discard_unused(rpc, id).await?;
    }
    rpc.purge.notify_one();
    Ok(DiscardMediaResponse {})
}

async fn discard_unused(rpc: &Rpc, id: MediaId) -> Result<(), Error> {
    let now = rpc.environment.clock.now();
    let mut transaction = rpc.store.begin().await?;
    let Some(mut row) = lock_medium(&mut transaction, id).await? else { return Ok(()) };
    if users_of(&mut transaction, id, now, 1).await?.count == 0 {
        discard(&mut transaction, &mut row, now).await?;
        transaction.commit().await?;
    }
    Ok(())
}
