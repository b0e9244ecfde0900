//! Reads an object here and there, within bounds.

use std::ops::Range;

use bytes::Bytes;

use super::Refused;
use crate::storage::{Key, Storage};

/// How much is read first. Most pictures and videos say all there is to say within it.
const HEAD_BYTES: u64 = 64 * 1024;
/// How much is read at the most at once: each read takes twice as much as the one before, up to this.
const WINDOW_BYTES: u64 = 1024 * 1024;
/// How often is read at the most, after the head. With the windows it bounds the bytes, too: 29 MiB.
const READS: u32 = 32;
/// How many parts of a structure are looked at.
const STEPS: u32 = 16 * 1024;

pub(super) struct Reader<'a> {
    source: Source<'a>,
    size_bytes: u64,
    head: Bytes,
    /// The bytes that were read last, and where they begin.
    window: (u64, Bytes),
    window_bytes: u64,
    reads_left: u32,
    steps_left: u32,
}

enum Source<'a> {
    Stored(&'a Storage, &'a Key),
    #[cfg(test)]
    Held(Bytes),
}

impl<'a> Reader<'a> {
    pub async fn stored(
        storage: &'a Storage,
        key: &'a Key,
        size_bytes: u64,
    ) -> Result<Self, Refused> {
        Self::begin(Source::Stored(storage, key), size_bytes).await
    }

    #[cfg(test)]
    pub async fn held(bytes: Bytes) -> Result<Self, Refused> {
        let size_bytes = bytes.len() as u64;
        Self::begin(Source::Held(bytes), size_bytes).await
    }

    async fn begin(source: Source<'a>, size_bytes: u64) -> Result<Self, Refused> {
        let mut reader = Self {
            source,
            size_bytes,
            head: Bytes::new(),
            window: (0, Bytes::new()),
            window_bytes: HEAD_BYTES,
            reads_left: READS,
            steps_left: STEPS,
        };
        if size_bytes > 0 {
            reader.head = reader.fetch(0..HEAD_BYTES.min(size_bytes)).await?;
        }
        Ok(reader)
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The first bytes: all of them, or 64 KiB.
    pub fn head(&self) -> Bytes {
        self.head.clone()
    }

    /// These bytes, all of them. At most [`WINDOW_BYTES`].
    pub async fn bytes(&mut self, at: u64, length: u64) -> Result<Bytes, Refused> {
        let end = at.checked_add(length).filter(|end| *end <= self.size_bytes);
        let end = end.ok_or(Refused::Broken)?;
        if length > WINDOW_BYTES {
            return Err(Refused::Broken);
        }
        if let Some(held) = slice(0, &self.head, at..end) {
            return Ok(held);
        }
        if let Some(held) = slice(self.window.0, &self.window.1, at..end) {
            return Ok(held);
        }
        self.reads_left = self.reads_left.checked_sub(1).ok_or(Refused::Broken)?;
        self.window_bytes = (self.window_bytes * 2).min(WINDOW_BYTES);
        let window_end = at.saturating_add(self.window_bytes).min(self.size_bytes).max(end);
        self.window = (at, self.fetch(at..window_end).await?);
        slice(self.window.0, &self.window.1, at..end).ok_or(Refused::Broken)
    }

    /// These bytes, as an array.
    pub async fn array<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Refused> {
        let bytes = self.bytes(at, N as u64).await?;
        bytes.as_ref().try_into().map_err(|_| Refused::Broken)
    }

    /// One more part of a structure is looked at.
    pub fn step(&mut self) -> Result<(), Refused> {
        self.steps_left = self.steps_left.checked_sub(1).ok_or(Refused::Broken)?;
        Ok(())
    }

    async fn fetch(&self, range: Range<u64>) -> Result<Bytes, Refused> {
        match &self.source {
            Source::Stored(storage, key) => Ok(storage.read_range(key, range).await?),
            #[cfg(test)]
            Source::Held(bytes) => {
                let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
                Ok(bytes.slice(start..end))
            }
        }
    }
}

/// A range of the object, out of bytes of it that begin there, if they have it.
fn slice(begin: u64, bytes: &Bytes, range: Range<u64>) -> Option<Bytes> {
    let start = usize::try_from(range.start.checked_sub(begin)?).ok()?;
    let end = usize::try_from(range.end.checked_sub(begin)?).ok()?;
    (end <= bytes.len()).then(|| bytes.slice(start..end))
}
