//! Objects whose bytes come one after another.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use object_store::{
    MultipartUpload, ObjectStore, PutMultipartOptions, PutPayload,
    multipart::{MultipartStore, PartId},
    path::Path,
};

use super::{
    Key, StorageError,
    bounds::{QUICK, TRANSFER, within},
    local::{Replace, Staged},
    remote,
};

/// The size of parts. Not less than 5 MiB; all alike; and at most 10,000 of them.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// An object being written. Dropped, it leaves behind what [`super::Storage::abandon`] takes away.
pub struct Writing {
    to: To,
    /// What does not make a part yet.
    pending: BytesMut,
    size_bytes: u64,
}

enum To {
    Local { staged: Staged, key: Key },
    Parts { store: Arc<dyn MultipartStore>, path: Path, upload_id: String, sent: Vec<PartId> },
    Blocks(Box<dyn MultipartUpload>),
}

impl Writing {
    fn new(to: To) -> Self {
        Self { to, pending: BytesMut::new(), size_bytes: 0 }
    }

    pub(super) fn local(staged: Staged, key: Key) -> Self {
        Self::new(To::Local { staged, key })
    }

    /// To a store that names its unfinished uploads.
    pub(super) async fn parts(
        store: Arc<dyn MultipartStore>,
        path: Path,
        content_type: &str,
    ) -> Result<Self, StorageError> {
        let options = remote::attributes(content_type).into();
        let upload_id = within(QUICK, store.create_multipart_opts(&path, options)).await?;
        Ok(Self::new(To::Parts { store, path, upload_id, sent: Vec::new() }))
    }

    /// To a store that forgets unfinished uploads.
    pub(super) async fn blocks(
        store: Arc<dyn ObjectStore>,
        path: &Path,
        content_type: &str,
    ) -> Result<Self, StorageError> {
        let options = PutMultipartOptions::from(remote::attributes(content_type));
        let upload = within(QUICK, store.put_multipart_opts(path, options)).await?;
        Ok(Self::new(To::Blocks(upload)))
    }

    /// Names the unfinished write, for [`super::Storage::abandon`]: to be written down before any bytes are. None where the
    /// store itself forgets it.
    #[must_use]
    pub fn upload_id(&self) -> Option<String> {
        match &self.to {
            To::Local { staged, .. } => Some(staged.name().to_owned()),
            To::Parts { upload_id, .. } => Some(upload_id.clone()),
            To::Blocks(_) => None,
        }
    }

    /// Appends bytes. Holds back at most one part.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), StorageError> {
        self.size_bytes += bytes.len() as u64;
        if let To::Local { staged, .. } = &mut self.to {
            return staged.write(&bytes).await;
        }
        while self.pending.len() + bytes.len() >= PART_BYTES {
            let rest = bytes.split_to(PART_BYTES - self.pending.len());
            self.pending.extend_from_slice(&rest);
            let part = self.pending.split().freeze();
            self.send(part).await?;
        }
        self.pending.extend_from_slice(&bytes);
        Ok(())
    }

    async fn send(&mut self, part: Bytes) -> Result<(), StorageError> {
        let part = PutPayload::from(part);
        match &mut self.to {
            To::Local { .. } => Ok(()),
            To::Parts { store, path, upload_id, sent } => {
                let put = store.put_part(path, upload_id, sent.len(), part);
                sent.push(within(TRANSFER, put).await?);
                Ok(())
            }
            To::Blocks(upload) => within(TRANSFER, upload.put_part(part)).await,
        }
    }

    /// Makes the object appear, and says how many bytes it has.
    pub async fn finish(mut self) -> Result<u64, StorageError> {
        if matches!(self.to, To::Parts { .. } | To::Blocks(_)) {
            // The last part may be small. An object without bytes has one as well.
            let last = self.pending.split().freeze();
            if !last.is_empty() || self.size_bytes == 0 {
                self.send(last).await?;
            }
        }
        match self.to {
            To::Local { staged, key } => {
                staged.publish(&key, Replace::Yes).await?;
            }
            To::Parts { store, path, upload_id, sent } => {
                within(TRANSFER, store.complete_multipart(&path, &upload_id, sent)).await?;
            }
            To::Blocks(mut upload) => {
                within(TRANSFER, upload.complete()).await?;
            }
        }
        Ok(self.size_bytes)
    }

    /// Drops what was written.
    pub async fn abort(self) -> Result<(), StorageError> {
        match self.to {
            To::Local { staged, .. } => {
                drop(staged);
                Ok(())
            }
            To::Parts { store, path, upload_id, .. } => {
                match within(QUICK, store.abort_multipart(&path, &upload_id)).await {
                    Err(StorageError::NotFound) => Ok(()),
                    aborted => aborted,
                }
            }
            To::Blocks(mut upload) => within(QUICK, upload.abort()).await,
        }
    }
}
