//! What operators see of publishing; nothing is kept unless an endpoint is set.

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge, Histogram},
};
use postbreeze_proto::v1::Platform;

use super::settle::{Done, Outcome};
use crate::post::Part;

/// Seconds that tell what is on time from what is not.
const LATENESS: [f64; 14] =
    [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0];

pub(super) struct Metrics {
    attempts: Counter<u64>,
    lateness: Histogram<f64>,
    oldest_due: Gauge<f64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let meter = opentelemetry::global::meter("postbreeze");
        Self {
            attempts: meter
                .u64_counter("publisher.attempts")
                .with_description("sendings and looks, by network and outcome")
                .build(),
            lateness: meter
                .f64_histogram("publisher.lateness")
                .with_unit("s")
                .with_description("how long after its time a target was first sent")
                .with_boundaries(LATENESS.to_vec())
                .build(),
            oldest_due: meter
                .f64_gauge("publisher.oldest_due")
                .with_unit("s")
                .with_description("how long the oldest target has been due that was not sent")
                .build(),
        }
    }

    pub(super) fn attempted(&self, done: &Done) {
        let network = Platform::try_from(i32::from(done.platform)).unwrap_or(Platform::Unspecified);
        let part = match done.part {
            Part::Post => "post",
            Part::FirstComment => "first_comment",
        };
        let labels = [
            KeyValue::new(
                "network",
                network.as_str_name().trim_start_matches("PLATFORM_").to_lowercase(),
            ),
            KeyValue::new("part", part),
            KeyValue::new("outcome", done.outcome.name()),
        ];
        self.attempts.add(1, &labels);
        if let Some(lateness) = done.lateness
            && !matches!(done.outcome, Outcome::Withheld { .. })
        {
            self.lateness.record(lateness.to_std().unwrap_or_default().as_secs_f64(), &[]);
        }
    }

    pub(super) fn oldest_due(&self, age: Duration) {
        self.oldest_due.record(age.as_secs_f64(), &[]);
    }
}
