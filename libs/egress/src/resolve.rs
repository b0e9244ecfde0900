//! From a host's name to its addresses.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use tokio::{net::lookup_host, sync::Semaphore};

/// Lookups of one process at once, at the most: each holds a thread until the system gives up, however long ago the
/// request that waited for it did.
const LOOKUPS: usize = 64;

/// Finds the addresses of a name. Trusted with nothing: every address is judged, whatever the source.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a name, never an IP literal.
    ///
    /// # Errors
    /// When the name has none, or nobody knows.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver. Names are absolute: no search list turns `admin` into a service of the cluster, and the hosts
/// file does not count.
#[derive(Debug, Clone)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let permit =
                Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
            let absolute = format!("{name}.");
            // A task, so that the permit is kept for as long as the thread, even where nobody waits any more.
            let lookup = tokio::spawn(async move {
                let found = lookup_host((absolute, 0)).await;
                drop(permit);
                Ok(found?.map(|address: SocketAddr| address.ip()).collect())
            });
            lookup.await.map_err(io::Error::other)?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lookups_that_fail_leave_room_for_others() {
        let resolver = SystemResolver::default();
        // No label is that long: the system asks no server.
        let name = "a".repeat(64);
        for _ in 0..=LOOKUPS {
            assert!(resolver.resolve(&name).await.is_err());
        }
    }
}
