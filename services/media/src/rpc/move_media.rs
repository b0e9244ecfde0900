//! `MediaService.MoveMedia`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_ids::Folder;
use postbreeze_proto::{
    fields::Fields,
    v1::{MoveMediaRequest, MoveMediaResponse},
};

use super::{Rpc, folders, links, load};
use crate::{error::Error, store::media::save_medium};

pub(super) async fn move_media(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: MoveMediaRequest,
) -> Result<MoveMediaResponse, Error> {
    let mut fields = Fields::new();
    let media_id = fields.id("media_id", &request.media_id);
    let folder_id = fields.optional_id::<Folder>("folder_id", &request.folder_id);
    let (media_id, folder_id) = fields.finish((media_id, folder_id))?;

    let medium = load::living(rpc, context, load::find(rpc, media_id).await?).await;
    // What is not there is told before what is out of reach.
    let medium = match medium {
        Err(gone @ Error::NoMedium(_)) => return Err(gone),
        medium => medium,
    };
    let folder = folders::find_named(rpc, folder_id).await?;
    let folder = folders::check_reach(context, folder)?;
    let medium = load::admit(context, medium?, Action::WriteMedia)?;
    folders::check_workspace("folder_id", &medium, folder.as_ref())?;
    let now = rpc.environment.clock.now();
    let mut transaction = rpc.store.begin().await?;
    folders::hold(&mut transaction, &medium, folder_id).await?;
    let mut row = load::lock(&mut transaction, &medium).await?;
    row.folder_id = folder_id;
    row.update_time = now;
    save_medium(&mut transaction, &row).await?;
    transaction.commit().await?;
    Ok(MoveMediaResponse { media: Some(links::media(rpc, &row, now).await?) })
}
