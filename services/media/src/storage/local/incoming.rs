//! The objects that are being PUT: each by one request at a time, so that a URL takes up the room of one object and no more.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::storage::Key;

#[derive(Default)]
pub(super) struct Incoming(Mutex<HashSet<Key>>);

/// An object that is being PUT, until this is dropped.
pub(super) struct Entered<'a> {
    incoming: &'a Incoming,
    key: &'a Key,
}

impl Incoming {
    /// Enters an object, unless it is being PUT already.
    pub fn enter<'a>(&'a self, key: &'a Key) -> Option<Entered<'a>> {
        let is_new = self.keys().insert(key.clone());
        is_new.then(|| Entered { incoming: self, key })
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.incoming.keys().remove(self.key);
    }
}
