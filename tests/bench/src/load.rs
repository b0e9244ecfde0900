//! A closed loop: so many callers, each of whom asks again as soon as it was answered.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use hdrhistogram::Histogram;

use crate::Failure;

const WARM_UP: Duration = Duration::from_millis(300);
const LASTS: Duration = Duration::from_secs(2);

type Call = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// Something that is measured.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Callers at once.
    pub(crate) callers: usize,
    /// Makes one call; the number tells callers apart.
    pub(crate) call: Arc<dyn Fn(usize) -> Call + Send + Sync>,
}

impl Target {
    pub(crate) fn new<F>(
        name: &'static str,
        callers: usize,
        call: impl Fn(usize) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Self { name, callers, call: Arc::new(move |caller| Box::pin(call(caller))) }
    }
}

/// What one run of a target shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speed {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Runs a target for a while. A call that fails ends everything: a refusal is fast, and no measure.
pub(crate) async fn run(target: &Target) -> Result<Speed, Failure> {
    let begins = Instant::now() + WARM_UP;
    let ends = begins + LASTS;
    let callers = (0..target.callers).map(|caller| {
        let call = Arc::clone(&target.call);
        tokio::spawn(async move {
            let mut latencies = Histogram::<u64>::new_with_max(60_000_000, 3)?;
            while Instant::now() < ends {
                let started = Instant::now();
                call(caller).await?;
                if started >= begins {
                    latencies.record(u64::try_from(started.elapsed().as_micros())?)?;
                }
            }
            Ok::<_, Failure>(latencies)
        })
    });
    let mut all = Histogram::<u64>::new_with_max(60_000_000, 3)?;
    for latencies in try_join_all(callers).await? {
        all.add(latencies?)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
    let per_second = all.len() as f64 / LASTS.as_secs_f64();
    let at = |quantile| Duration::from_micros(all.value_at_quantile(quantile));
    Ok(Speed { per_second, p50: at(0.5), p99: at(0.99) })
}
