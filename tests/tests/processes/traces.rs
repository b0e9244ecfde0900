//! One trace from the client's call to the SQL of every service that it needs, and metrics, over OTLP.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use http::{HeaderName, HeaderValue};
use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    resource::v1::Resource,
    trace::v1::Span,
};
use postbreeze_testkit::draft;
use postbreeze_tests::{
    api,
    processes::{Processes, SERVICES, free_ports},
    wire::Call,
};
use prost::Message as _;
use tonic::{Code, Request, Response, Status};

use crate::server::{Directory, postgres};

/// Keeps what services send.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<(String, Span)>>>,
    metrics: Arc<Mutex<BTreeSet<(String, String)>>>,
}

fn service_name(resource: Option<&Resource>) -> String {
    let attributes = resource.map(|resource| resource.attributes.as_slice()).unwrap_or_default();
    let name = attributes.iter().find(|attribute| attribute.key == "service.name");
    format!(
        "{:?}",
        name.and_then(|name| name.value.as_ref()).and_then(|value| value.value.as_ref())
    )
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let service = service_name(resource.resource.as_ref());
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.spans.lock().unwrap().extend(spans.map(|span| (service.clone(), span)));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        for resource in request.into_inner().resource_metrics {
            let service = service_name(resource.resource.as_ref());
            let metrics = resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics);
            let named = metrics.map(|metric| (service.clone(), metric.name));
            self.metrics.lock().unwrap().extend(named);
        }
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT_SPAN: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[tokio::test]
async fn one_trace_reaches_from_the_client_to_the_sql_of_every_service() {
    let collector = Collector::default();
    let port = free_ports(1)[0];
    let serving = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(collector.clone()))
        .add_service(MetricsServiceServer::new(collector.clone()))
        .serve(([127, 0, 0, 1], port).into());
    tokio::spawn(serving);

    let directory = Directory::new("traces");
    let server = postgres(&directory).await;
    let endpoint = format!("http://127.0.0.1:{port}");
    // Few log lines do not cost the traces.
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("POSTBREEZE_LOG", "error"),
        ("POSTBREEZE_LOG_FORMAT", "json"),
    ];
    let mut processes = Processes::start(server.url(), directory.path(), &settings).await;
    let owner = processes.front().sign_up("owner").await;
    let workspace = owner.session.create_workspace("Acme").await.unwrap();
    let account = owner.session.connect(&workspace.id, "acme").await.unwrap();
    let post = owner.session.create_post(draft("text", &account.id)).await.unwrap();

    let rpc = api::rpc("PostService/GetPost");
    let request = rpc.request(&format!(r#"{{"postId": "{}"}}"#, post.id)).encode_to_vec();
    let parent = format!("00-{TRACE}-{CLIENT_SPAN}-01");
    let headers =
        [(HeaderName::from_static("traceparent"), HeaderValue::try_from(parent).unwrap())];
    let path = rpc.path();
    let call = Call { headers: &headers, ..Call::new(&path, Some(&owner.session_token), &request) };
    let answer = call.send(&processes.channel("aggregator")).await;
    assert_eq!(answer.code(), Code::Ok, "{}", answer.told());
    for service in SERVICES {
        // A process that ends sends what it has left.
        assert!(processes.end(service, "TERM").await.success());
    }

    let spans = collector.spans.lock().unwrap().clone();
    let ours: Vec<_> = spans.iter().filter(|(_, span)| hex(&span.trace_id) == TRACE).collect();
    let known: BTreeSet<String> =
        ours.iter().map(|(_, span)| hex(&span.span_id)).chain([CLIENT_SPAN.to_owned()]).collect();
    let mut by_service: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (service, span) in &ours {
        assert!(known.contains(&hex(&span.parent_span_id)), "{} has no parent", span.name);
        by_service.entry(service).or_default().push(&span.name);
    }
    for (service, wanted) in [
        ("aggregator", "/postbreeze.v1.PostService/GetPost"),
        ("identity", "/postbreeze.internal.v1.CredentialService/Authenticate"),
        ("workspaces", "/postbreeze.internal.v1.ReachService/GetReach"),
        ("posts", "/postbreeze.v1.PostService/GetPost"),
        ("posts", "db.posts.fetch"),
    ] {
        let found = by_service.iter().any(|(name, spans)| {
            name.contains(&format!("\"postbreeze-{service}\"")) && spans.contains(&wanted)
        });
        assert!(found, "{service} has no {wanted} in {by_service:#?}");
    }
    let metrics = collector.metrics.lock().unwrap().clone();
    for service in ["aggregator", "posts"] {
        let found = metrics.iter().any(|(name, metric)| {
            name.contains(&format!("\"postbreeze-{service}\""))
                && metric == "rpc.server.call.duration"
        });
        assert!(found, "{service} sent no durations: {metrics:?}");
    }
}
