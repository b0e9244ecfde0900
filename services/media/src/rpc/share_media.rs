//! `MediaSourceService.ShareMedia`.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::Media;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{ShareMediaRequest, ShareMediaResponse, SharedMedia},
    time::to_proto,
};

use super::{Rpc, links, look_up_media::MEDIA, message};
use crate::{error::Error, medium::MediaStatus};

pub(super) async fn share_media(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: ShareMediaRequest,
) -> Result<ShareMediaResponse, Error> {
    let mut fields = Fields::new();
    let ids = fields.ids::<Media>("media_ids", &request.media_ids, 0..=MEDIA);
    let (ids,) = fields.finish((ids,))?;
    let now = rpc.environment.clock.now();
    let mut rows = rpc.store.find_media(&ids).await?;
    rows.retain(|row| row.delete_time.is_none() && row.status == MediaStatus::Ready.as_str());
    let shared = rows.iter().map(async |row| {
        let links::Reading { url, internal_url, expires } = links::reading(rpc, row, now).await?;
        let summary = Some(message::summary(row)?);
        let expire_time = Some(to_proto(expires));
        Ok::<_, Error>(SharedMedia { summary, url, expire_time, internal_url })
    });
    Ok(ShareMediaResponse { media: links::some_at_once(shared.collect()).await? })
}
