//! Connections to the directory's HTTP side. HTTP/1.1 in plain text: a proxy before it makes it HTTPS.

use std::{
    convert::Infallible,
    future::{pending, poll_fn},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use http::{Request, Response, header::CONTENT_LENGTH};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use postbreeze_runtime::serve::DRAIN;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Local,
    answer::{Body, answer},
};
use crate::medium::transfer_lasts;

const CONNECTIONS: usize = 512;
/// For headers, and for what is read and written at a time.
const BUFFER_BYTES: usize = 64 * 1024;
/// For a request's line and headers, the first as the next.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// For a client that does not take what it asked for.
const STALLED: Duration = Duration::from_secs(30);
/// How long, and how much, is read from a client that was answered before it had sent everything: closing at once could take
/// the answer from it.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: u64 = 16 * 1024 * 1024;

/// The HTTP side of a directory.
pub struct LocalHttp(Arc<Local>);

impl LocalHttp {
    pub(in crate::storage) fn new(local: Arc<Local>) -> Self {
        Self(local)
    }

    /// Serves until `stopping`, then lets the transfers in flight end, for [`DRAIN`] at the most.
    pub async fn serve(self, listener: TcpListener, stopping: CancellationToken) {
        let connections = TaskTracker::new();
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                () = stopping.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, client)) => {
                    let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
                        tracing::warn!(%client, "too many connections");
                        continue;
                    };
                    let (local, stopping) = (Arc::clone(&self.0), stopping.clone());
                    connections.spawn(async move {
                        serve_connection(stream, client, local, stopping).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, mostly: accepting again at once would spin.
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(listener);
        connections.close();
        if timeout(DRAIN, connections.wait()).await.is_err() {
            tracing::warn!("transfers were still in flight when the drain time ran out");
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    client: SocketAddr,
    local: Arc<Local>,
    stopping: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%client, %error, "cannot set TCP_NODELAY");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALLED));
    let (ends, taken) = watch::channel(None);
    let service = service_fn(move |request| {
        let (local, ends) = (Arc::clone(&local), ends.clone());
        Box::pin(async move { Ok::<_, Infallible>(answer_in_time(&local, request, &ends).await) })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(BUFFER_BYTES)
        // A client that has said all it wants to say still gets its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let ended = tokio::select! {
        ended = poll_fn(|context| connection.poll_without_shutdown(context)) => Some(ended),
        () = stopping.cancelled() => None,
        () = over(taken) => {
            tracing::debug!(%client, "an answer was taken too slowly");
            return;
        }
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        Pin::new(&mut connection).graceful_shutdown();
        let end = poll_fn(|context| connection.poll_without_shutdown(context));
        timeout(DRAIN, end).await.unwrap_or(Ok(()))
    };
    if let Err(error) = ended {
        tracing::debug!(%client, %error, "a connection ended badly");
        return;
    }
    let mut stream = connection.into_parts().io.into_inner();
    let linger = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // Whether the client hears of the end makes no difference here.
    drop(timeout(LINGER, linger).await);
}

/// An answer, and when the client must have taken it. A request that is being read has a time of its own.
async fn answer_in_time(
    local: &Local,
    request: Request<Incoming>,
    ends: &watch::Sender<Option<Instant>>,
) -> Response<Body> {
    ends.send_replace(None);
    let response = answer(local, request).await;
    let size_bytes = response.headers().get(CONTENT_LENGTH);
    let size_bytes = size_bytes.and_then(|size| size.to_str().ok()?.parse().ok());
    ends.send_replace(Some(Instant::now() + transfer_lasts(size_bytes.unwrap_or(0))));
    response
}

/// Waits until the client must have taken its answer.
async fn over(mut ends: watch::Receiver<Option<Instant>>) {
    loop {
        let end = *ends.borrow_and_update();
        let end = async {
            match end {
                Some(end) => sleep_until(end).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = end => return,
            changed = ends.changed() => if changed.is_err() { pending::<()>().await },
        }
    }
}
