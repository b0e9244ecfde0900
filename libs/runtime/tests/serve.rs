//! How long connections and the calls on them live, over real ones: age cuts no call, and a drain cuts those that take too
//! long.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::join_all};
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use postbreeze_runtime::{
    BoxService,
    peer::Peer,
    serve::{Lifetimes, serve},
};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body};
use tower::{ServiceExt as _, service_fn};

const PATIENCE: Duration = Duration::from_secs(20);

/// A server whose calls take as long as `handler` does.
struct Server {
    address: SocketAddr,
    draining: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start<F>(
        lifetimes: Lifetimes,
        handler: impl Fn() -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let service = service_fn(move |_: Request<Body>| {
            handler().map(|()| {
                let mut response = Response::new(Body::empty());
                response.headers_mut().insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
                Ok::<_, Infallible>(response)
            })
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let draining = CancellationToken::new();
        let serving = serve(listener, BoxService::new(service), lifetimes, draining.clone());
        Self { address, draining, serving: tokio::spawn(serving) }
    }

    fn peer(&self) -> Peer {
        Peer::at("posts", "POSTBREEZE_POSTS_URL", &format!("http://{}", self.address)).unwrap()
    }
}

async fn call(peer: &Peer) -> Code {
    let request = Request::post("/postbreeze.internal.v1.NetworkService/Publish")
        .header(CONTENT_TYPE, "application/grpc")
        .body(Body::empty())
        .unwrap();
    let Ok(response) = timeout(PATIENCE, peer.clone().oneshot(request)).await.unwrap();
    Status::from_header_map(response.headers()).unwrap().code()
}

#[tokio::test]
async fn age_cuts_no_call_however_much_longer_than_a_drain_it_takes() {
    let (age, drain) = (Duration::from_millis(50), Duration::from_millis(50));
    let lifetimes = Lifetimes { age, longest_call: PATIENCE, drain };
    let server = Server::start(lifetimes, || sleep(Duration::from_secs(1))).await;
    let peer = server.peer();
    // More calls than connections: each connection is old while it serves one.
    let answers = join_all((0..16).map(|_| call(&peer))).await;
    assert_eq!(answers, [Code::Ok; 16]);
    // The old connections are gone, and others take their place.
    assert_eq!(call(&peer).await, Code::Ok);
}

#[tokio::test]
async fn a_call_longer_than_any_deadline_does_not_keep_an_old_connection() {
    let age = Duration::from_millis(50);
    let lifetimes = Lifetimes { age, longest_call: Duration::from_millis(200), drain: PATIENCE };
    let server = Server::start(lifetimes, std::future::pending).await;
    assert_eq!(call(&server.peer()).await, Code::Unavailable);
}

#[tokio::test]
async fn a_drain_waits_for_calls_and_then_cuts_them() {
    let started = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let (counted, opened) = (Arc::clone(&started), Arc::clone(&gate));
    let drain = Duration::from_secs(1);
    let lifetimes = Lifetimes { age: PATIENCE, longest_call: PATIENCE, drain };
    let server = Server::start(lifetimes, move || {
        let (counted, opened) = (Arc::clone(&counted), Arc::clone(&opened));
        async move {
            counted.fetch_add(1, Ordering::SeqCst);
            opened.acquire().await.unwrap().forget();
        }
    })
    .await;
    let peer = server.peer();
    let (first, second) = tokio::join!(
        async {
            let answers = join_all([call(&peer), call(&peer)]).await;
            (answers, Instant::now())
        },
        async {
            while started.load(Ordering::SeqCst) < 2 {
                tokio::task::yield_now().await;
            }
            server.draining.cancel();
            // One of them ends in time.
            gate.add_permits(1);
            Instant::now()
        }
    );
    let ((mut answers, cut), drained) = (first, second);
    answers.sort_by_key(|code| *code as i32);
    assert_eq!(answers, [Code::Ok, Code::Unavailable]);
    assert!(cut - drained >= drain, "cut after {:?}", cut - drained);
    timeout(PATIENCE, server.serving).await.unwrap().unwrap();
}
