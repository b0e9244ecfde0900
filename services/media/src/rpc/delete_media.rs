//! `MediaService.DeleteMedia`: whoever uses the medium locks its row too, so that one of the two comes first.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{DeleteMediaRequest, DeleteMediaResponse},
};

use super::{
    Rpc,
    load::{load, lock},
};
use crate::{
    error::Error,
    store::{media::endings::discard, uses::users_of},
};

/// Posts that a refusal names at the most.
const POSTS_NAMED: i64 = 20;

pub(super) async fn delete_media(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: DeleteMediaRequest,
) -> Result<DeleteMediaResponse, Error> {
    let mut fields = Fields::new();
    let media_id = fields.id("media_id", &request.media_id);
    let (media_id,) = fields.finish((media_id,))?;

    let medium = load(rpc, context, media_id, Action::WriteMedia).await?;
    let now = rpc.environment.clock.now();
    let mut transaction = rpc.store.begin().await?;
    let mut row = lock(&mut transaction, &medium).await?;
    let users = users_of(&mut transaction, media_id, now, POSTS_NAMED).await?;
    if users.count > 0 {
        return Err(Error::InUse(users));
    }
    discard(&mut transaction, &mut row, now).await?;
    transaction.commit().await?;
    rpc.purge.notify_one();
    Ok(DeleteMediaResponse {})
}
