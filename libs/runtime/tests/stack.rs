//! What every call passes through: a panic is an answer, too many calls are shed, deadlines and slow clients end.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::join_all, stream};
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use http_body::Frame;
use http_body_util::StreamBody;
use postbreeze_ids::Minter;
use postbreeze_proto::status::{Reason, reason_of};
use postbreeze_runtime::{
    BoxService,
    stack::{Limits, Place, stack},
};
use tokio::sync::Semaphore;
use tonic::{Code, Status, body::Body};
use tower::{ServiceExt as _, service_fn};

const PATH: &str = "/postbreeze.v1.PostService/GetPost";

fn limits(concurrency: usize) -> Limits {
    let deadline = Duration::from_millis(300);
    Limits { concurrency, default_deadline: deadline, max_deadline: Duration::from_secs(5) }
}

/// A stack before a handler.
fn serve<F>(limits: Limits, handler: impl Fn() -> F + Clone + Send + Sync + 'static) -> BoxService
where
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |_: Request<Body>| handler().map(Ok::<_, Infallible>));
    stack(service, Place::Edge, limits, Minter::new(Arc::new(|| 1)))
}

fn ok() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    response
}

fn faulty() -> Response<Body> {
    panic!("a handler's own fault")
}

fn request(path: &str, body: Body) -> Request<Body> {
    Request::post(path).header(CONTENT_TYPE, "application/grpc").body(body).unwrap()
}

async fn call(service: &BoxService) -> Status {
    let Ok(response) = service.clone().oneshot(request(PATH, Body::empty())).await;
    assert!(response.headers().contains_key("x-request-id"));
    Status::from_header_map(response.headers()).unwrap()
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_next_call_is_served() {
    let service = serve(limits(8), || async { faulty() });
    for _ in 0..3 {
        let status = call(&service).await;
        assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
    }
}

#[tokio::test]
async fn calls_beyond_the_limit_are_shed_at_once_and_the_rest_is_served() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let service = serve(limits(4), move || {
        let gate = Arc::clone(&gate);
        async move {
            drop(gate.acquire().await.unwrap());
            ok()
        }
    });
    let calls = join_all((0..20).map(|_| call(&service)));
    let (answers, ()) = tokio::join!(calls, async {
        tokio::task::yield_now().await;
        opened.add_permits(1);
    });
    let shed =
        answers.iter().filter(|status| reason_of(status) == Some(Reason::Overloaded)).count();
    let served = answers.iter().filter(|status| status.code() == Code::Ok).count();
    assert_eq!((served, shed), (4, 16));
}

#[tokio::test]
async fn health_is_told_when_there_is_no_room_for_anything_else() {
    let service = serve(limits(1), || async { ok() });
    let stuck = serve(limits(0), || async { ok() });
    assert_eq!(call(&service).await.code(), Code::Ok);
    assert_eq!(reason_of(&call(&stuck).await), Some(Reason::Overloaded));
    let request = request("/grpc.health.v1.Health/Check", Body::empty());
    let Ok(response) = stuck.oneshot(request).await;
    assert_eq!(Status::from_header_map(response.headers()).unwrap().code(), Code::Ok);
}

#[tokio::test]
async fn a_handler_that_does_not_end_is_ended_by_the_deadline() {
    let service = serve(limits(8), || async {
        std::future::pending::<()>().await;
        ok()
    });
    assert_eq!(call(&service).await.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_client_that_does_not_send_its_message_holds_no_place() {
    let service = serve(limits(1), || async { ok() });
    let silent = || {
        let never = stream::pending::<Result<Frame<Bytes>, Status>>();
        service.clone().oneshot(request(PATH, Body::new(StreamBody::new(never))))
    };
    let waiting = join_all((0..50).map(|_| silent()));
    let (late, served) = tokio::join!(waiting, call(&service));
    assert_eq!(served.code(), Code::Ok);
    for Ok(response) in late {
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }
}
