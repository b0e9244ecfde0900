//! `MediaService.PresignUpload`: the size counts in the owner's storage from the transaction on that writes the row.

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_ids::Folder;
use postbreeze_proto::{
    fields::Fields,
    status::Reason,
    time::to_proto,
    v1::{PresignUploadRequest, PresignUploadResponse},
};

use super::{Rpc, entitlements::entitlements, folders, links, message, text};
use crate::{
    content::ContentType,
    error::Error,
    intake::kind_number,
    medium::{MediaStatus, UPLOAD_BYTES, upload_expires},
    store::{
        media::{MediaRow, insert_medium},
        usage::{Charged, charge},
    },
};

pub(super) async fn presign_upload(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: PresignUploadRequest,
) -> Result<PresignUploadResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let filename = text::filename(&mut fields, &request.filename);
    let content_type = content_type(&mut fields, &request.content_type);
    let size_bytes = size_bytes(&mut fields, request.size_bytes);
    let folder_id = fields.optional_id::<Folder>("folder_id", &request.folder_id);
    let request_id = fields.request_id(&request.request_id);
    let (workspace_id, filename, content_type, size_bytes, folder_id, request_id) =
        fields.finish((workspace_id, filename, content_type, size_bytes, folder_id, request_id))?;

    let folder = folders::find_named(rpc, folder_id).await?;
    let folder = folders::check_reach(context, folder)?;
    let workspace = context.admit(Claim::on(workspace_id), Action::WriteMedia)?;
    folders::check_workspace("folder_id", &workspace, folder.as_ref())?;
    let key = Key::of(context.user_id()?, "MediaService.PresignUpload", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first_answer) =
        idempotency::look_up(rpc.store.statements(), key.as_ref(), now).await?
    {
        return links::upload(rpc, first_answer, now).await;
    }
    let entitlements = entitlements(rpc, &workspace).await?;
    let expires = upload_expires(now);
    let row = MediaRow {
        folder_id,
        kind: kind_number(content_type),
        content_type: content_type.as_str().to_owned(),
        size_bytes,
        upload_expire_time: Some(expires),
        charged_bytes: size_bytes,
        lapse_time: MediaStatus::PendingUpload.lapses(now, Some(expires), size_bytes),
        ..MediaRow::new(
            rpc.environment.minter.mint(workspace_id.bucket()),
            workspace_id,
            MediaStatus::PendingUpload,
            filename,
            entitlements.owner_user_id,
            now,
        )
    };
    let kept = idempotency::once(rpc.store.pool(), key.as_ref(), now, async |mut transaction| {
        folders::hold(&mut transaction, &workspace, folder_id).await?;
        insert_medium(&mut transaction, &workspace, &row).await?;
        let (owner, limit) = (entitlements.owner_user_id, entitlements.media_bytes);
        if let Charged::AtTheLimit { current } =
            charge(&mut transaction, owner, size_bytes, limit).await?
        {
            return Err(entitlements.refusal(current));
        }
        let response = PresignUploadResponse {
            media: Some(message::media(&row)?),
            expire_time: Some(to_proto(expires)),
            ..Default::default()
        };
        Ok((transaction, response))
    });
    links::upload(rpc, kept.await?, now).await
}

fn content_type(fields: &mut Fields, value: &str) -> Option<ContentType> {
    let content_type = value.parse().ok();
    if content_type.is_none() {
        let problem = "must be one of the media types of this field";
        fields.violate_with("content_type", Reason::MediaTypeUnsupported, problem);
    }
    content_type
}

fn size_bytes(fields: &mut Fields, value: i64) -> Option<i64> {
    if UPLOAD_BYTES.contains(&value) {
        return Some(value);
    }
    fields.violate("size_bytes", format!("must be 1 to {}", UPLOAD_BYTES.end()));
    None
}
