//! Logs to stderr, traces and metrics over OTLP (gRPC), trace context in W3C headers.

use std::{io::IsTerminal as _, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, UpDownCounter},
    propagation::{Extractor, Injector, TextMapPropagator as _},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    metrics::SdkMeterProvider,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use tokio::time::Instant;
use tonic::Code;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{
    EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::ConfigError;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// What a process tells of itself.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// `service.name`.
    pub service: String,
    /// How log lines look.
    pub format: LogFormat,
    /// Which spans and events are kept, in `tracing_subscriber::EnvFilter` syntax: `info,postbreeze_posts=debug`.
    pub filter: String,
    /// The collector, `http://host:4317`; none: neither traces nor metrics leave the process.
    pub otlp_endpoint: Option<String>,
    /// Share of traces that are kept when the caller did not decide, 0 to 1.
    pub sample_ratio: f64,
}

/// Telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A value cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The process has a subscriber already.
    #[error("logging is set up twice: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Keeps the exporters alive; shut it down to send what is left.
pub struct Telemetry {
    exporters: Option<(SdkTracerProvider, SdkMeterProvider)>,
}

/// The variable of [`TelemetryConfig::filter`].
pub const FILTER: &str = "POSTBREEZE_LOG";
/// The variable of [`TelemetryConfig::otlp_endpoint`].
pub const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Libraries that tell more than an operator wants, unless the filter names them.
const QUIET: &str =
    "h2=warn,hyper=warn,hyper_util=warn,tower=warn,tonic=warn,sqlx=warn,opentelemetry=warn";
/// What traces are made of.
const TRACED: &str =
    "info,h2=off,hyper=off,hyper_util=off,tower=off,tonic=off,sqlx=off,opentelemetry=off";
pub(crate) const SHUTDOWN: Duration = Duration::from_secs(3);

/// Installs logging and, with an endpoint, tracing and metrics, for the whole process.
///
/// # Errors
/// When a setting is bad.
pub fn init(config: &TelemetryConfig) -> Result<Telemetry, TelemetryError> {
    let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let logs = match config.format {
        LogFormat::Text => logs.with_ansi(std::io::stderr().is_terminal()).compact().boxed(),
        LogFormat::Json => logs.json().flatten_event(true).with_current_span(true).boxed(),
    };
    let exporters = match &config.otlp_endpoint {
        None => None,
        Some(endpoint) => Some(exporters(config, endpoint)?),
    };
    // Each has a filter of its own: fewer log lines must not cost the traces.
    let traces = exporters.as_ref().map(|(tracer, _)| {
        let layer = tracing_opentelemetry::layer().with_tracer(tracer.tracer("postbreeze"));
        layer.with_filter(EnvFilter::new(TRACED))
    });
    let logs = logs.with_filter(filter(&config.filter)?);
    tracing_subscriber::registry().with(traces).with(logs).try_init()?;
    Ok(Telemetry { exporters })
}

/// Reads a filter.
///
/// # Errors
/// When it is none.
pub fn filter(text: &str) -> Result<EnvFilter, ConfigError> {
    EnvFilter::try_new(format!("{QUIET},{text}")).map_err(|error| ConfigError::new(FILTER, error))
}

fn exporters(
    config: &TelemetryConfig,
    endpoint: &str,
) -> Result<(SdkTracerProvider, SdkMeterProvider), ConfigError> {
    // The address may hold a password: it is not repeated.
    let bad = |_| ConfigError::new(ENDPOINT, "is not an address such as http://collector:4317");
    let resource = Resource::builder().with_service_name(config.service.clone()).build();
    let spans =
        SpanExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(bad)?;
    let tracer = SdkTracerProvider::builder()
        .with_batch_exporter(spans)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            config.sample_ratio,
        ))))
        .with_resource(resource.clone())
        .build();
    let metrics =
        MetricExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(bad)?;
    let meter =
        SdkMeterProvider::builder().with_periodic_exporter(metrics).with_resource(resource).build();
    opentelemetry::global::set_meter_provider(meter.clone());
    Ok((tracer, meter))
}

impl Telemetry {
    /// Sends what is left. Blocks for a few seconds at the most.
    pub fn shutdown(self) {
        let Some((tracer, meter)) = self.exporters else { return };
        for result in
            [tracer.shutdown_with_timeout(SHUTDOWN), meter.shutdown_with_timeout(SHUTDOWN)]
        {
            if let Err(error) = result {
                tracing::warn!(%error, "telemetry was not sent to the end");
            }
        }
    }
}

/// Makes a span a child of the caller's trace.
pub fn continue_trace(span: &tracing::Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&Headers(headers));
        // Without a tracing layer there is nothing to continue; the caller's headers are carried on instead.
        drop(span.set_parent(parent));
    }
}

/// Writes the current span's trace into outgoing headers. Without tracing the headers stay as they are.
pub fn inject_trace(headers: &mut HeaderMap) {
    let context = tracing::Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut HeadersMut(headers));
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value))
            && !value.is_empty()
        {
            self.0.insert(name, value);
        }
    }
}

/// Seconds that tell a fast call from a slow one.
const DURATIONS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 20.0, 60.0];

/// Metrics of served calls; nothing is kept unless an endpoint is set.
#[derive(Clone)]
pub struct CallMetrics {
    duration: Histogram<f64>,
    active: UpDownCounter<i64>,
    shed: Counter<u64>,
}

impl CallMetrics {
    /// The instruments of this process.
    #[must_use]
    pub fn new() -> Self {
        let meter = opentelemetry::global::meter("postbreeze");
        Self {
            duration: meter
                .f64_histogram("rpc.server.call.duration")
                .with_unit("s")
                .with_description("how long served calls took")
                .with_boundaries(DURATIONS.to_vec())
                .build(),
            active: meter
                .i64_up_down_counter("rpc.server.active_calls")
                .with_description("calls being served")
                .build(),
            shed: meter
                .u64_counter("rpc.server.shed_calls")
                .with_description("calls answered OVERLOADED")
                .build(),
        }
    }

    /// A call has begun. `path` is one of the known paths: labels must stay few.
    #[must_use]
    pub fn started(&self, path: &'static str) -> RunningCall<'_> {
        self.active.add(1, &[]);
        RunningCall { metrics: self, path, started: Instant::now(), code: Code::Cancelled }
    }

    /// A call was refused for want of capacity.
    pub fn shed(&self) {
        self.shed.add(1, &[]);
    }
}

/// A call that is being served. One that its client gives up is dropped, and counts as CANCELLED.
pub struct RunningCall<'a> {
    metrics: &'a CallMetrics,
    path: &'static str,
    started: Instant,
    code: Code,
}

impl RunningCall<'_> {
    /// It was answered.
    pub fn finished(mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        self.metrics.active.add(-1, &[]);
        let labels = [
            KeyValue::new("rpc.method", self.path.trim_start_matches('/')),
            KeyValue::new("rpc.response.status_code", i64::from(i32::from(self.code))),
        ];
        self.metrics.duration.record(self.started.elapsed().as_secs_f64(), &labels);
    }
}

impl Default for CallMetrics {
    fn default() -> Self {
        Self::new()
    }
}
