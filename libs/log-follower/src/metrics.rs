//! Metrics of followed logs.

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge},
};

use crate::{Failure, failed::Counts};

pub(crate) struct Metrics {
    log: &'static str,
    failures: Counter<u64>,
    set_aside: Gauge<i64>,
}

impl Metrics {
    pub(crate) fn new(log: &'static str) -> Self {
        let meter = opentelemetry::global::meter("postbreeze");
        Self {
            log,
            failures: meter
                .u64_counter("log_follower.failures")
                .with_description("attempts at entries of logs that failed, by log and kind")
                .build(),
            set_aside: meter
                .i64_gauge("log_follower.set_aside")
                .with_description("entries of logs that are not handled, by log and kind")
                .build(),
        }
    }

    pub(crate) fn failed(&self, failure: &Failure) {
        let kind = match failure {
            Failure::Unreadable(_) => "unreadable",
            Failure::Failed(_) => "failed",
        };
        self.failures.add(1, &self.labels(kind));
    }

    pub(crate) fn set_aside(&self, counts: Counts) {
        self.set_aside.record(counts.retried, &self.labels("failed"));
        self.set_aside.record(counts.unreadable, &self.labels("unreadable"));
    }

    fn labels(&self, kind: &'static str) -> [KeyValue; 2] {
        [KeyValue::new("log", self.log), KeyValue::new("kind", kind)]
    }
}
