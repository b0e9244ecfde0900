//! What was measured, for people.
#![expect(clippy::print_stdout, reason = "the output of a command")]

use std::{collections::BTreeMap, time::Duration};

use postbreeze_tests::processes::{Processes, SERVICES};

use crate::{ingest, load::Speed, publishing, targets};

#[derive(Default)]
pub(crate) struct Report {
    /// By target, a speed for each round.
    speeds: BTreeMap<&'static str, Vec<Speed>>,
    order: Vec<&'static str>,
}

impl Report {
    pub(crate) fn add(&mut self, round: usize, name: &'static str, speed: Speed) {
        if round == 0 {
            self.order.push(name);
        }
        self.speeds.entry(name).or_default().push(speed);
    }

    pub(crate) fn progress(&self, done: usize, of: usize) {
        println!("round {done} of {of}: {} targets", self.order.len());
    }

    pub(crate) fn print_speeds(&self) {
        println!("\n{:<28} {:>10} {:>10} {:>10}", "medians", "per second", "p50", "p99");
        for name in &self.order {
            let speeds = &self.speeds[name];
            let rate = median(speeds.iter().map(|speed| speed.per_second).collect());
            let middle = |of: fn(&Speed) -> Duration| {
                median(speeds.iter().map(|speed| of(speed).as_secs_f64() * 1_000.0).collect())
            };
            println!(
                "{name:<28} {rate:>10.0} {:>7.2} ms {:>7.2} ms",
                middle(|speed| speed.p50),
                middle(|speed| speed.p99),
            );
        }
    }

    pub(crate) fn print_ratios(&self) {
        println!("\n{:<52} {:>7}   lowest..highest", "ratios, medians over the rounds", "ratio");
        self.ratio(targets::GET_AT_OWNER, targets::ECHO);
        self.ratio(targets::GET, targets::ECHO);
        self.ratio(targets::GET, targets::GET_AT_OWNER);
        self.ratio(targets::GET_ALONE, targets::ECHO);
        self.ratio(targets::CREATE, targets::INSERT);
        self.ratio(targets::CREATE_ALONE, targets::INSERT);
        self.ratio(publishing::PUBLISH, targets::INSERT);
        self.ratio(targets::PRESIGN, targets::GET);
        self.ratio(targets::GET_MEDIA, targets::GET);
        self.ratio(ingest::INGEST, ingest::CURL);
        for list in &targets::LISTS[1..] {
            self.ratio(targets::LISTS[0], list);
        }
    }

    fn ratio(&self, name: &str, reference: &str) {
        let pairs = self.speeds[name].iter().zip(&self.speeds[reference]);
        let ratios: Vec<f64> =
            pairs.map(|(own, other)| own.per_second / other.per_second).collect();
        let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = ratios.iter().copied().fold(0.0, f64::max);
        let what = format!("{name} / {reference}");
        println!("{what:<52} {:>7.3}   {lowest:.3}..{highest:.3}", median(ratios));
    }
}

/// Tells what each service uses before anybody calls it.
pub(crate) fn print_memory(processes: &Processes) {
    println!("Resident memory, idle:");
    for service in SERVICES {
        println!("  {service:<12} {}", mebibytes(processes.resident_bytes(service)));
    }
}

/// Tells the most that the service with the large files has used.
pub(crate) fn print_peak(processes: &Processes) {
    println!(
        "\nResident memory of media at its peak: {}",
        mebibytes(processes.peak_resident_bytes("media"))
    );
}

fn mebibytes(bytes: u64) -> String {
    let tenths = bytes * 10 / 1_024 / 1_024;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
