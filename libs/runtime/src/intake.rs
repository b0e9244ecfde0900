//! Takes messages in whole. Requests at the edge, so that a slow client keeps nobody waiting but itself; answers before
//! they leave, so that whatever goes wrong in them still becomes a status.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use postbreeze_proto::status::{self, Fault, Reason};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};
use tonic::{Status, body::Body};

/// A request at the most: the longest post there can be, with all captions in characters of four bytes.
const REQUEST_BYTES: usize = 2 * 1_024 * 1_024;
/// How long a client may take to send its request.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of requests that are still arriving, in units of [`UNIT`]: 64 MiB.
const ARRIVING_UNITS: usize = 64 * 1_024;
const UNIT: usize = 1_024;
const RETRY: Duration = Duration::from_millis(200);

/// Bounds what arriving requests may hold of the memory, all together.
pub(crate) struct Intake(Semaphore);

impl Intake {
    pub(crate) fn new() -> Self {
        Self(Semaphore::new(ARRIVING_UNITS))
    }

    /// The same request with its body at hand.
    pub(crate) async fn take(
        &self,
        request: Request<Body>,
        deadline: Instant,
    ) -> Result<Request<Body>, Status> {
        let (parts, body) = request.into_parts();
        let until = deadline.min(Instant::now() + PATIENCE);
        let whole = timeout_at(until, self.read(body)).await;
        let whole = whole.unwrap_or_else(|_| Err(status::deadline_exceeded()))?;
        Ok(Request::from_parts(parts, Body::new(Full::new(whole))))
    }

    async fn read(&self, mut body: Body) -> Result<Bytes, Status> {
        let mut held: Vec<SemaphorePermit<'_>> = Vec::new();
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let unreadable = |_| Fault::new(Reason::MessageInvalid, "the message cannot be read");
            let Ok(data) = frame.map_err(unreadable)?.into_data() else { continue };
            if whole.len() + data.len() > REQUEST_BYTES {
                return Err(Fault::new(Reason::MessageTooLarge, "the message is too large")
                    .with("limit", REQUEST_BYTES)
                    .into());
            }
            let units = u32::try_from(data.len().div_ceil(UNIT)).unwrap_or(u32::MAX);
            held.push(self.0.try_acquire_many(units).map_err(|_| {
                Fault::new(Reason::Overloaded, "too much is arriving at once").retry_after(RETRY)
            })?);
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }
}

/// The same answer with its body at hand: what fails while it is made fails here.
///
/// # Errors
/// What the body fails with.
pub(crate) async fn whole<E>(
    response: Response<impl http_body::Body<Data = Bytes, Error = E> + Send>,
) -> Result<Response<Body>, E> {
    let (parts, body) = response.into_parts();
    if body.is_end_stream() {
        return Ok(Response::from_parts(parts, Body::empty()));
    }
    let whole = body.collect().await?;
    Ok(Response::from_parts(parts, Body::new(whole.map_err(|never| match never {}))))
}
