//! `MediaService.IngestFromUrl`. The work is a task of its own: a call that ends early leaves it the time to clean up.

use std::time::Duration;

use postbreeze_context::{Action, Admitted, Claim, Denied, WorkspaceContext};
use postbreeze_egress::Url;
use postbreeze_idempotency::{self as idempotency, Claimed, Held, Key};
use postbreeze_ids::Folder;
use postbreeze_proto::{
    fields::Fields,
    v1::{IngestFromUrlRequest, IngestFromUrlResponse},
};
use postbreeze_runtime::call::Call;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Rpc,
    entitlements::{Entitlements, entitlements},
    folders, links, message, text,
};
use crate::{
    error::Error,
    ingest::{Errand, INGESTED_BYTES, Ingester, reason},
    medium::{MediaStatus, filename_of_url},
    store::{
        media::{
            MediaRow,
            endings::{Found, accept},
            insert_medium, lock_medium,
        },
        usage::Charged,
    },
    turns::Turn,
};

/// What is left of the call when the work has ended, for the answer.
const RESERVE: Duration = Duration::from_millis(500);
/// What a medium is called that nobody has named.
const NAMELESS: &str = "media";

pub(super) async fn ingest_from_url(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: IngestFromUrlRequest,
) -> Result<IngestFromUrlResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let url = url(rpc, &mut fields, &request.url);
    let filename = text::optional_filename(&mut fields, &request.filename);
    let alt_text = text::alt_text(&mut fields, &request.alt_text);
    let folder_id = fields.optional_id::<Folder>("folder_id", &request.folder_id);
    let request_id = fields.request_id(&request.request_id);
    let (workspace_id, url, filename, alt_text, folder_id, request_id) =
        fields.finish((workspace_id, url, filename, alt_text, folder_id, request_id))?;

    let folder = folders::find_named(rpc, folder_id).await?;
    let folder = folders::check_reach(context, folder)?;
    let workspace = context.admit(Claim::on(workspace_id), Action::WriteMedia)?;
    folders::check_workspace("folder_id", &workspace, folder.as_ref())?;
    let key = Key::of(context.user_id()?, "MediaService.IngestFromUrl", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first_answer) =
        idempotency::look_up(rpc.store.statements(), key.as_ref(), now).await?
    {
        return answer(rpc, first_answer).await;
    }
    let entitlements = entitlements(rpc, &workspace).await?;
    let (max_bytes, too_large) = room(rpc, entitlements).await?;
    let filename = filename.or_else(|| last_part(&url)).unwrap_or_else(|| NAMELESS.to_owned());
    let row = MediaRow {
        folder_id,
        alt_text,
        ..MediaRow::new(
            rpc.environment.minter.mint(workspace_id.bucket()),
            workspace_id,
            MediaStatus::Ingesting,
            filename,
            entitlements.owner_user_id,
            now,
        )
    };
    let held = match idempotency::claim(&rpc.environment, rpc.store.pool(), key.as_ref()).await? {
        Claimed::Held(held) => held,
        Claimed::Answered(first_answer) => return answer(rpc, first_answer).await,
    };
    let by = ends();
    let left = by.saturating_duration_since(Instant::now());
    let turn = rpc.ingestions.take(entitlements.owner_user_id, left).await.ok_or(Error::Busy)?;
    begin(rpc, &workspace, &row).await?;
    let errand = Errand { url: url.into(), row: row.clone(), max_bytes, too_large, by };
    let work = Work { ingester: rpc.ingester(), entitlements, key, row, _turn: turn, _held: held };
    let ended = CancellationToken::new();
    let working = tokio::spawn(work.run(errand, ended.clone()));
    let _ends_with_the_call = ended.drop_guard();
    // A task ends without an answer when it panics, which was told already.
    let kept = working.await.map_err(|_| Error::Unreadable("end of an ingestion"))??;
    answer(rpc, kept).await
}

/// The row, which nobody sees yet.
async fn begin(rpc: &Rpc, workspace: &Admitted<()>, row: &MediaRow) -> Result<(), Error> {
    let mut transaction = rpc.store.begin().await?;
    folders::hold(&mut transaction, workspace, row.folder_id).await?;
    insert_medium(&mut transaction, workspace, row).await?;
    Ok(transaction.commit().await?)
}

/// What is done beside the call.
struct Work {
    ingester: Ingester,
    entitlements: Entitlements,
    key: Option<Key>,
    row: MediaRow,
    _turn: Turn,
    /// Until nothing is left of what failed, twins wait.
    _held: Held,
}

impl Work {
    async fn run(
        self,
        errand: Errand,
        ended: CancellationToken,
    ) -> Result<IngestFromUrlResponse, Error> {
        let fetched = ended.run_until_cancelled(self.ingester.fetch(errand)).await;
        let settled = match fetched {
            Some(Ok(found)) => self.settle(found).await,
            Some(Err(error)) => Err(error),
            None => Err(Error::CallEnded),
        };
        let own = self.row.id.to_string();
        let is_own = |media: &postbreeze_proto::v1::Media| media.id == own;
        // A twin of this request may have been first: its medium is the answer, and this one is not.
        if !settled.as_ref().is_ok_and(|answer| answer.media.as_ref().is_some_and(is_own)) {
            self.ingester.clean_up(&self.row).await;
        }
        settled
    }

    /// Makes the medium READY and charges its owner, if it is still there and fits.
    async fn settle(&self, found: Found) -> Result<IngestFromUrlResponse, Error> {
        let now = self.ingester.clock.now();
        let (pool, key) = (self.ingester.store.pool(), self.key.as_ref());
        idempotency::once(pool, key, now, async |mut transaction| {
            let row = lock_medium(&mut transaction, self.row.id).await?;
            // Deleted with its workspace meanwhile.
            let mut row = row.ok_or(Denied::OutOfReach)?;
            let limit = self.entitlements.media_bytes;
            if let Charged::AtTheLimit { current } =
                accept(&mut transaction, &mut row, found, limit, now).await?
            {
                return Err(self.entitlements.refusal(current));
            }
            Ok((transaction, IngestFromUrlResponse { media: Some(message::media(&row)?) }))
        })
        .await
    }
}

/// How many bytes may come, and the refusal of more.
async fn room(rpc: &Rpc, entitlements: Entitlements) -> Result<(u64, Error), Error> {
    let current = rpc.store.bytes_of(entitlements.owner_user_id).await?;
    let room = entitlements.media_bytes.map_or(i64::MAX, |limit| limit - current);
    if room < 1 {
        return Err(entitlements.refusal(current));
    }
    let too_large = if room < INGESTED_BYTES {
        entitlements.refusal(current)
    } else {
        let problem = format!("has more than {INGESTED_BYTES} bytes");
        Error::field("url", postbreeze_proto::status::Reason::FieldInvalid, problem)
    };
    Ok((u64::try_from(room.min(INGESTED_BYTES)).unwrap_or(0), too_large))
}

/// When the work must have ended.
fn ends() -> Instant {
    let now = Instant::now();
    let remaining = Call::current().map_or(Duration::from_mins(1), |call| call.remaining());
    now + remaining.saturating_sub(RESERVE)
}

/// A URL that may be asked, as far as it tells itself.
fn url(rpc: &Rpc, fields: &mut Fields, value: &str) -> Option<Url> {
    match rpc.egress.check(value) {
        Ok(url) => Some(url),
        Err(error) => {
            fields.violate_with("url", reason(error), error.to_string());
            None
        }
    }
}

/// The last part of a URL's path as a filename.
fn last_part(url: &Url) -> Option<String> {
    let part = url.path_segments()?.next_back()?;
    let text = percent_encoding::percent_decode_str(part).decode_utf8_lossy();
    filename_of_url(&text)
}

async fn answer(rpc: &Rpc, kept: IngestFromUrlResponse) -> Result<IngestFromUrlResponse, Error> {
    let media = kept.media.ok_or(Error::Unreadable("kept medium"))?;
    let now = rpc.environment.clock.now();
    Ok(IngestFromUrlResponse { media: Some(links::linked(rpc, media, now).await?) })
}
