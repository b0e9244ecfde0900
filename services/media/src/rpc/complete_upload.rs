//! `MediaService.CompleteUpload`: what was PUT is looked at outside of any transaction; the one that settles asks again
//! whether the upload is still open, so that of several one settles.

use std::time::Duration;

use chrono::{DateTime, Utc};
use postbreeze_context::{Action, Admitted, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_proto::{
    fields::Fields,
    v1::{CompleteUploadRequest, CompleteUploadResponse},
};
use postbreeze_runtime::call::Call;
use tokio::time::Instant;

use super::{
    Rpc, links,
    load::{load, lock},
    message,
};
use crate::{
    error::Error,
    intake::{Unfit, examine},
    medium::MediaStatus,
    storage::{self, StorageError},
    store::media::{
        MediaRow,
        endings::{Found, accept, reject},
    },
};

/// What is left of the call when the small picture has been made, or given up.
const RESERVE: Duration = Duration::from_secs(1);
/// How long making it may take in any case.
const PICTURE_TAKES: Duration = Duration::from_secs(5);

pub(super) async fn complete_upload(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: CompleteUploadRequest,
) -> Result<CompleteUploadResponse, Error> {
    let mut fields = Fields::new();
    let media_id = fields.id("media_id", &request.media_id);
    let request_id = fields.request_id(&request.request_id);
    let (media_id, request_id) = fields.finish((media_id, request_id))?;

    let medium = load(rpc, context, media_id, Action::WriteMedia).await?;
    let key = Key::of(context.user_id()?, "MediaService.CompleteUpload", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first_answer) =
        idempotency::look_up(rpc.store.statements(), key.as_ref(), now).await?
    {
        return answer(rpc, first_answer, now).await;
    }
    let found = match medium.status()? {
        MediaStatus::Ready => None,
        MediaStatus::PendingUpload => match look(rpc, &medium).await? {
            Ok(found) => Some(found),
            Err(unfit) => return refuse(rpc, &medium, unfit, now).await,
        },
        status => return Err(Error::UploadIncomplete(status)),
    };
    let kept = idempotency::once(rpc.store.pool(), key.as_ref(), now, async |mut transaction| {
        let mut row = lock(&mut transaction, &medium).await?;
        match (row.status()?, found) {
            (MediaStatus::Ready, _) => {}
            // What was announced was charged, and what was found is no more than that.
            (MediaStatus::PendingUpload, Some(found)) => {
                accept(&mut transaction, &mut row, found, None, now).await?;
            }
            (status, _) => return Err(Error::UploadIncomplete(status)),
        }
        Ok((transaction, CompleteUploadResponse { media: Some(message::media(&row)?) }))
    });
    answer(rpc, kept.await?, now).await
}

/// Looks at what was PUT. From here on no PUT changes it.
async fn look(rpc: &Rpc, medium: &Admitted<MediaRow>) -> Result<Result<Found, Unfit>, Error> {
    let nothing = || Error::UploadIncomplete(MediaStatus::PendingUpload);
    let key = storage::Key::of_medium(medium.workspace_id(), medium.id);
    rpc.storage.settle(&key).await?;
    let size_bytes = rpc.storage.size(&key).await?.ok_or_else(nothing)?;
    if i64::try_from(size_bytes) != Ok(medium.size_bytes) {
        return Ok(Err(Unfit::of_size(size_bytes, medium.size_bytes)));
    }
    match examine(&rpc.storage, medium, size_bytes, picture_by()).await {
        // Deleted from under us, with its medium.
        Err(Error::Storage(StorageError::NotFound)) => Err(nothing()),
        examined => examined,
    }
}

/// Until when the small picture is made.
fn picture_by() -> Instant {
    let latest = Instant::now() + PICTURE_TAKES;
    Call::current().map_or(latest, |call| latest.min(call.deadline - RESERVE))
}

/// Rejects an upload that is still open, and answers why.
async fn refuse(
    rpc: &Rpc,
    medium: &Admitted<MediaRow>,
    unfit: Unfit,
    now: DateTime<Utc>,
) -> Result<CompleteUploadResponse, Error> {
    let mut transaction = rpc.store.begin().await?;
    let mut row = lock(&mut transaction, medium).await?;
    if row.status()? == MediaStatus::PendingUpload {
        reject(&mut transaction, &mut row, now).await?;
        transaction.commit().await?;
        rpc.purge.notify_one();
    }
    Err(unfit.on("media_id"))
}

async fn answer(
    rpc: &Rpc,
    kept: CompleteUploadResponse,
    now: DateTime<Utc>,
) -> Result<CompleteUploadResponse, Error> {
    let media = kept.media.ok_or(Error::Unreadable("kept medium"))?;
    Ok(CompleteUploadResponse { media: Some(links::linked(rpc, media, now).await?) })
}
