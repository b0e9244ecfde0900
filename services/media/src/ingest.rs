//! Fetches a medium from the web. Its row is there before its first byte, so that whatever ends this work halfway, the bytes
//! are found and deleted; nobody sees it, and nobody is charged, before all of it is there.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use postbreeze_context::Denied;
use postbreeze_egress::{Download, Egress, Error as EgressError, Invalid, Limits};
use postbreeze_proto::status::Reason;
use postbreeze_runtime::clock::Clock;
use tokio::{sync::Notify, time::Instant};

use crate::{
    content,
    error::Error,
    intake::{Unfit, examine},
    storage::{Key, Storage, StorageError},
    store::{
        Store,
        media::{MediaRow, endings::Found},
    },
};

/// Bytes of one medium at the most.
pub(crate) const INGESTED_BYTES: i64 = 1_024 * 1_024 * 1_024;
/// How long fetching takes at the most, whatever the call allows.
const TAKES: Duration = Duration::from_mins(1);
/// How long the other side may be silent.
const IDLE: Duration = Duration::from_secs(10);
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// The type under which bytes are stored whose type is known only when all of them are there; whoever reads them is told
/// that one.
const UNKNOWN_YET: &str = "application/octet-stream";

/// What the work needs.
#[derive(Clone)]
pub(crate) struct Ingester {
    pub(crate) store: Store,
    pub(crate) storage: Storage,
    pub(crate) egress: Egress,
    pub(crate) clock: Clock,
    pub(crate) purge: Arc<Notify>,
}

/// What is to be fetched.
pub(crate) struct Errand {
    pub(crate) url: String,
    /// Its row, which is there already.
    pub(crate) row: MediaRow,
    /// What may be stored at the most, and the refusal of more.
    pub(crate) max_bytes: u64,
    pub(crate) too_large: Error,
    /// When the work must have ended.
    pub(crate) by: Instant,
}

impl Ingester {
    /// Fetches, stores and examines a medium.
    pub(crate) async fn fetch(&self, errand: Errand) -> Result<Found, Error> {
        match self.fetch_and_examine(errand).await {
            // Deleted from under us, with its workspace.
            Err(Error::Storage(StorageError::NotFound)) => Err(Denied::OutOfReach.into()),
            fetched => fetched,
        }
    }

    async fn fetch_and_examine(&self, errand: Errand) -> Result<Found, Error> {
        let Errand { url, row, max_bytes, too_large, by } = errand;
        let total = TAKES.min(by.saturating_duration_since(Instant::now()));
        let limits = Limits { max_bytes, total, idle: IDLE, connect: CONNECT };
        let size_bytes = match self.store_bytes(&url, &row, limits).await {
            Ok(size_bytes) => size_bytes,
            Err(Failed::Fetching(EgressError::TooLarge)) => return Err(too_large),
            Err(Failed::Fetching(error)) => return Err(refusal(error)),
            Err(Failed::Otherwise(error)) => return Err(error),
        };
        let examined = examine(&self.storage, &row, size_bytes, by).await?;
        examined.map_err(|unfit| unfit.on("url"))
    }

    /// Streams the bytes into the store, and answers how many there were.
    async fn store_bytes(&self, url: &str, row: &MediaRow, limits: Limits) -> Result<u64, Failed> {
        let mut download = self.egress.get(url, limits).await?;
        let head = head(&mut download).await?;
        if !content::begins_well(&head) {
            // Nothing is stored, and no more is fetched.
            return Err(Failed::Otherwise(Unfit::of_type().on("url")));
        }
        let key = Key::of_medium(row.workspace_id, row.id);
        let mut writing = self.storage.begin(&key, UNKNOWN_YET).await?;
        if let Some(upload_id) = writing.upload_id() {
            self.store.note_upload(row.id, &upload_id).await?;
        }
        writing.write(head).await?;
        while let Some(chunk) = download.chunk().await? {
            writing.write(chunk).await?;
        }
        Ok(writing.finish().await?)
    }

    /// Deletes what an ingestion that failed has left. Should this fail too, it is done when the row lapses.
    pub(crate) async fn clean_up(&self, row: &MediaRow) {
        match self.store.discard_ingestion(row.id, self.clock.now()).await {
            Ok(()) => self.purge.notify_one(),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "an ingestion stays behind"
                );
            }
        }
    }
}

/// The first bytes, as many as tell the type, or all there are.
async fn head(download: &mut Download) -> Result<Bytes, EgressError> {
    let mut head = BytesMut::new();
    while head.len() < content::BEGINNING_BYTES {
        let Some(chunk) = download.chunk().await? else { break };
        head.extend_from_slice(&chunk);
    }
    Ok(head.freeze())
}

/// Which side a transfer failed on.
enum Failed {
    Fetching(EgressError),
    Otherwise(Error),
}

impl From<EgressError> for Failed {
    fn from(error: EgressError) -> Self {
        Self::Fetching(error)
    }
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Otherwise(error.into())
    }
}

/// What a URL that cannot be fetched is answered. What would lead to an address that is not public is told apart.
pub(crate) fn refusal(error: EgressError) -> Error {
    Error::field("url", reason(error), error.to_string())
}

/// The reason of a URL that cannot be fetched.
pub(crate) fn reason(error: EgressError) -> Reason {
    match error {
        EgressError::Forbidden
        | EgressError::ForbiddenPort
        | EgressError::Invalid(Invalid::Local | Invalid::Spelling)
        | EgressError::Redirect(Invalid::Local | Invalid::Spelling) => Reason::UrlForbidden,
        _ => Reason::FieldInvalid,
    }
}
