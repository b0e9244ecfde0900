//! The life of a process: settings, telemetry, the work, the end. A service's `main.rs` is one call of [`run`].

use std::{error::Error, fmt, future::Future, net::SocketAddr, process::ExitCode, time::Duration};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{
    BoxService, Environment,
    clock::Clock,
    config::{ConfigError, Lookup},
    serve,
    telemetry::{self, LogFormat, TelemetryConfig, TelemetryError},
};

/// Exit code of a bad setting or argument (`EX_USAGE`).
const USAGE: u8 = 64;

/// Why a process ends early.
#[derive(Debug)]
pub enum Failure {
    /// A setting is bad.
    Config(ConfigError),
    /// Something failed.
    Other(Box<dyn Error + Send + Sync>),
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.downcast::<ConfigError>() {
            Ok(config) => Self::Config(*config),
            Err(other) => Self::Other(other),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "{error}"),
            Self::Other(error) => {
                write!(f, "{error}")?;
                let mut cause = error.source();
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
        }
    }
}

/// What a process was started with.
pub struct Process {
    /// The settings.
    pub lookup: Lookup,
    /// The arguments after the program's name.
    pub arguments: Vec<String>,
    /// Clock, ids and background tasks.
    pub environment: Environment,
    /// How long a stopping process still accepts calls, until its endpoints have gone from the load balancers.
    grace: Duration,
    /// How long calls in flight may go on after that.
    drain: Duration,
}

impl Process {
    /// Whether the process was started as `<program> migrate`.
    #[must_use]
    pub fn is_migration(&self) -> bool {
        self.arguments.first().is_some_and(|argument| argument == "migrate")
    }

    /// Binds an address for [`Process::serve`].
    ///
    /// # Errors
    /// When it is taken or not ours, saying which address.
    pub async fn bind(&self, address: SocketAddr) -> Result<TcpListener, Failure> {
        TcpListener::bind(address)
            .await
            .map_err(|error| Failure::from(format!("cannot listen on {address}: {error}")))
    }

    /// Serves until SIGTERM or SIGINT, then drains and ends every background task.
    ///
    /// # Errors
    /// When signals cannot be listened to, or a background task panicked.
    pub async fn serve(&self, listener: TcpListener, service: BoxService) -> Result<(), Failure> {
        let background = &self.environment.background;
        let (stopping, draining) = (background.stopping(), background.draining());
        let lifetimes = serve::Lifetimes { drain: self.drain, ..serve::Lifetimes::default() };
        let serving = tokio::spawn(serve::serve(listener, service, lifetimes, draining.clone()));
        stop_signal(stopping).await?;
        tracing::info!("stopping");
        // First not ready, so that no new call is sent here, then drain what is in flight.
        stopping.cancel();
        tokio::time::sleep(self.grace).await;
        draining.cancel();
        serving.await?;
        background.stop().await;
        if background.has_panicked() {
            return Err(Failure::from("a background task panicked"));
        }
        Ok(())
    }
}

/// Waits for SIGTERM or SIGINT, or until something else stops the process.
async fn stop_signal(stopping: &tokio_util::sync::CancellationToken) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stopping.cancelled() => {}
    }
    Ok(())
}

/// Runs the program `postbreeze-<program>`: `main` gets its settings, and its end is the process's.
pub fn run<F, R>(program: &'static str, main: F) -> ExitCode
where
    F: FnOnce(Process) -> R,
    R: Future<Output = Result<(), Failure>>,
{
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    let variables = std::env::vars_os();
    // What is no Unicode is no setting of ours.
    let lookup =
        Lookup::new(variables.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run_with(program, lookup, arguments, main) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(program, &failure);
            match failure {
                Failure::Config(_) => ExitCode::from(USAGE),
                Failure::Other(_) => ExitCode::FAILURE,
            }
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a process whose log may be off")]
fn report(program: &str, failure: &Failure) {
    eprintln!("postbreeze-{program}: {failure}");
}

fn run_with<F, R>(
    program: &'static str,
    lookup: Lookup,
    arguments: Vec<String>,
    main: F,
) -> Result<(), Failure>
where
    F: FnOnce(Process) -> R,
    R: Future<Output = Result<(), Failure>>,
{
    let config = telemetry_config(program, &lookup)?;
    let grace = lookup.milliseconds("POSTBREEZE_STOP_GRACE_MS", Duration::ZERO, 0..=60_000)?;
    let drain = serve::default_drain(program);
    let drain = lookup.milliseconds("POSTBREEZE_DRAIN_MS", drain, 0..=600_000)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let telemetry = telemetry::init(&config).map_err(|error| match error {
            TelemetryError::Config(error) => Failure::Config(error),
            twice @ TelemetryError::Twice(_) => Failure::from(twice),
        })?;
        let environment = Environment::new(Clock::system());
        let ended = main(Process { lookup, arguments, environment, grace, drain }).await;
        // Also after a failure: the spans that led to it are the ones wanted.
        tokio::task::spawn_blocking(move || telemetry.shutdown()).await?;
        ended
    })
}

fn telemetry_config(
    program: &'static str,
    lookup: &Lookup,
) -> Result<TelemetryConfig, ConfigError> {
    const FORMAT: &str = "POSTBREEZE_LOG_FORMAT";
    const RATIO: &str = "POSTBREEZE_TRACE_SAMPLE_RATIO";
    let format = match lookup.text(FORMAT).as_deref() {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(_) => return Err(ConfigError::new(FORMAT, "must be text or json")),
    };
    let sample_ratio = lookup.parsed(RATIO, 1.0)?;
    if !(0.0..=1.0).contains(&sample_ratio) {
        return Err(ConfigError::new(RATIO, "must be 0 to 1"));
    }
    Ok(TelemetryConfig {
        service: format!("postbreeze-{program}"),
        format,
        filter: lookup.text(telemetry::FILTER).unwrap_or_else(|| "info".to_owned()),
        otlp_endpoint: lookup.text(telemetry::ENDPOINT),
        sample_ratio,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::END_WITHIN;

    const SETTINGS: &str = include_str!("../../../deploy/k8s/base/settings.env");
    const DEPLOYMENT: &str = include_str!("../../../deploy/k8s/base/service/deployment.yaml");
    const ACCOUNTS: &str = include_str!("../../../deploy/k8s/base/accounts/kustomization.yaml");
    const COMPOSE: &str = include_str!("../../../deploy/compose.yaml");

    /// The numbers that follow a text, in order.
    fn numbers(file: &str, before: &str) -> Vec<u64> {
        let after = file.split(before).skip(1);
        let digits = after.map(|rest| rest.chars().take_while(char::is_ascii_digit));
        digits.map(|digits| digits.collect::<String>().parse().unwrap()).collect()
    }

    /// How long a program may take to stop, in seconds.
    fn stops_within(program: &str, grace_ms: u64) -> u64 {
        let rest = serve::default_drain(program) + END_WITHIN + telemetry::SHUTDOWN * 2;
        (Duration::from_millis(grace_ms) + rest).as_secs()
    }

    #[test]
    fn every_process_ends_by_itself_before_its_deployment_kills_it() {
        assert_eq!(stops_within("accounts", 0), 331);
        let grace_ms = numbers(SETTINGS, "POSTBREEZE_STOP_GRACE_MS=")[0];
        assert!(numbers(SETTINGS, "POSTBREEZE_DRAIN_MS=").is_empty());
        let kubernetes = numbers(DEPLOYMENT, "terminationGracePeriodSeconds: ")[0];
        let kubernetes_accounts = numbers(ACCOUNTS, "terminationGracePeriodSeconds, value: ")[0];
        let compose = numbers(COMPOSE, "stop_grace_period: ");
        let [compose, compose_accounts] = compose[..] else { panic!("{compose:?}") };
        for program in ["aggregator", "identity", "workspaces", "posts", "media"] {
            assert!(stops_within(program, grace_ms) < kubernetes, "{program} in Kubernetes");
            assert!(stops_within(program, 0) < compose, "{program} in compose");
        }
        assert!(stops_within("accounts", grace_ms) < kubernetes_accounts);
        assert!(stops_within("accounts", 0) < compose_accounts);
    }
}
