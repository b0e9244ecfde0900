//! Doors before the owners of a system in this process, that a test can close: an owner behind a closed one is stopped for
//! all who call it.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use postbreeze_proto::status::{Fault, Reason};
use postbreeze_runtime::{BoxService, stack::refuse};
use tonic::body::Body;
use tower::Service;

/// The doors, by owner.
#[derive(Default)]
pub(crate) struct Doors(Mutex<Vec<(&'static str, Arc<AtomicBool>)>>);

impl Doors {
    /// Puts an open door before an owner.
    pub(crate) fn put(&self, owner: &'static str, service: BoxService) -> BoxService {
        let is_closed = Arc::<AtomicBool>::default();
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        doors.push((owner, Arc::clone(&is_closed)));
        BoxService::new(Door { service, is_closed })
    }

    /// Closes the door of an owner, or opens it.
    pub(crate) fn set(&self, owner: &str, is_closed: bool) {
        let doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = doors.iter().find(|(name, _)| *name == owner);
        let (_, door) = found.expect("every owner has a door");
        door.store(is_closed, Ordering::SeqCst);
    }
}

#[derive(Clone)]
struct Door {
    service: BoxService,
    is_closed: Arc<AtomicBool>,
}

impl Service<Request<Body>> for Door {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if self.is_closed.load(Ordering::SeqCst) {
            let fault = Fault::new(Reason::SourceUnreachable, "the service is stopped");
            return Box::pin(async { Ok(refuse(fault)) });
        }
        Box::pin(self.service.call(request))
    }
}
