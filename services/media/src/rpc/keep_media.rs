//! `MediaSourceService.KeepMedia`.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::Media;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{KeepMediaRequest, KeepMediaResponse},
};

use super::{Rpc, look_up_media::MEDIA};
use crate::{
    error::Error,
    store::uses::{User, keep},
};

pub(super) async fn keep_media(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: KeepMediaRequest,
) -> Result<KeepMediaResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let version = version(&mut fields, request.post_version);
    let ids = fields.ids::<Media>("media_ids", &request.media_ids, 0..=MEDIA);
    let (post_id, version, ids) = fields.finish((post_id, version, ids))?;
    let transaction = rpc.store.begin().await?;
    let now = rpc.environment.clock.now();
    // Their hold had lapsed, or there was none: the post will fail to publish what it shows.
    for gone in keep(transaction, User { post_id, version }, &ids, now).await? {
        tracing::warn!(%post_id, version, media_id = %gone, "a medium that a post keeps has gone");
    }
    Ok(KeepMediaResponse {})
}

/// The version of a post.
pub(super) fn version(fields: &mut Fields, value: i64) -> Option<i64> {
    if value >= 1 {
        return Some(value);
    }
    fields.violate("post_version", "must be at least 1");
    None
}
