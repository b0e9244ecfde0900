//! A stream that ends with the process: a body that is cut, with a status, when its process stops.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::Frame;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};

/// The body of a stream.
pub(crate) struct UntilStop {
    body: Body,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    cut: bool,
}

impl UntilStop {
    pub(crate) fn new(body: Body, stopping: CancellationToken) -> Self {
        Self { body, stop: Box::pin(stopping.cancelled_owned()), cut: false }
    }
}

impl http_body::Body for UntilStop {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.cut {
            return Poll::Ready(None);
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_ready() {
            return frame;
        }
        if self.stop.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.cut = true;
        let end = Status::unavailable("the process is stopping").into_http::<Body>();
        Poll::Ready(Some(Ok(Frame::trailers(end.headers().clone()))))
    }

    fn is_end_stream(&self) -> bool {
        self.cut || self.body.is_end_stream()
    }
}
