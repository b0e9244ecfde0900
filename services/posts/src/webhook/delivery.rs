//! What an attempt to deliver comes to.

use chrono::{DateTime, TimeDelta, Utc};

/// How long a delivery is tried.
pub const TRIED_FOR: TimeDelta = TimeDelta::hours(24);
/// How long events and deliveries are kept.
pub const KEPT_FOR: TimeDelta = TimeDelta::days(30);

const FIRST_DELAY: TimeDelta = TimeDelta::seconds(10);
const GROWTH: i32 = 3;
const LONGEST_DELAY: TimeDelta = TimeDelta::hours(4);
/// How far a delay strays from its length, in thousandths: what failed together does not come back together.
const STRAY: i32 = 200;
const GONE: u16 = 410;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// To be sent, or sent again.
    Pending,
    /// It has arrived.
    Delivered,
    /// Given up.
    Dead,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// The name a database keeps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// What an attempt comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has arrived.
    Delivered,
    /// It is tried again then.
    Again(DateTime<Utc>),
    /// It is given up.
    Dead,
    /// It is given up, and the webhook is turned off.
    Gone,
}

/// Judges an attempt. `status`: what was answered, if anything was. `failures`: attempts that failed before, since the
/// delivery last became pending. `chance`: 0 to 1,000.
#[must_use]
pub fn judge(
    status: Option<u16>,
    failures: i32,
    give_up_time: DateTime<Utc>,
    now: DateTime<Utc>,
    chance: i32,
) -> Verdict {
    match status {
        Some(200..=299) => Verdict::Delivered,
        Some(GONE) => Verdict::Gone,
        _ => {
            let next = now + delay(failures, chance);
            if next > give_up_time { Verdict::Dead } else { Verdict::Again(next) }
        }
    }
}

fn delay(failures: i32, chance: i32) -> TimeDelta {
    let mut delay = FIRST_DELAY;
    for _ in 0..failures {
        delay = (delay * GROWTH).min(LONGEST_DELAY);
        if delay == LONGEST_DELAY {
            break;
        }
    }
    let per_mille = 1_000 - STRAY + chance.clamp(0, 1_000) * 2 * STRAY / 1_000;
    delay / 1_000 * per_mille
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_781_524_800, 0).unwrap()
    }

    proptest! {
        #[test]
        fn what_always_fails_is_tried_for_a_day_ever_less_often(
            chances in prop::collection::vec(0..=1_000, 20),
            status in prop::option::of(prop_oneof![100..200_u16, 300..410_u16, 411..600_u16]),
        ) {
            let give_up_time = noon() + TRIED_FOR;
            let (mut now, mut attempts) = (noon(), 0);
            for chance in chances {
                let verdict = judge(status, attempts, give_up_time, now, chance);
                attempts += 1;
                match verdict {
                    Verdict::Again(next) => {
                        let delay = next - now;
                        prop_assert!(delay >= TimeDelta::seconds(8));
                        prop_assert!(delay <= LONGEST_DELAY * 12 / 10);
                        now = next;
                    }
                    Verdict::Dead => break,
                    other => prop_assert!(false, "{other:?}"),
                }
            }
            prop_assert!((10..=15).contains(&attempts), "{attempts}");
            prop_assert!(now <= give_up_time);
            prop_assert!(now > noon() + TimeDelta::hours(18), "{now}");
        }
    }

    #[test]
    fn delays_grow_threefold_up_to_four_hours() {
        let delays: Vec<i64> = (0..9).map(|failures| delay(failures, 500).num_seconds()).collect();
        assert_eq!(delays, [10, 30, 90, 270, 810, 2_430, 7_290, 14_400, 14_400]);
        assert_eq!(delay(0, 0), TimeDelta::seconds(8));
        assert_eq!(delay(0, 1_000), TimeDelta::seconds(12));
        assert_eq!(delay(i32::MAX, 500), LONGEST_DELAY);
    }

    #[test]
    fn every_2xx_is_a_success_and_410_is_the_end() {
        let judge = |status| judge(Some(status), 0, noon() + TRIED_FOR, noon(), 500);
        for status in [200, 201, 204, 299] {
            assert_eq!(judge(status), Verdict::Delivered);
        }
        assert_eq!(judge(410), Verdict::Gone);
        for status in [199, 300, 302, 400, 404, 409, 411, 429, 500, 503] {
            assert_eq!(judge(status), Verdict::Again(noon() + FIRST_DELAY), "{status}");
        }
    }

    #[test]
    fn a_first_attempt_after_the_time_is_the_last() {
        assert_eq!(judge(None, 0, noon() - TRIED_FOR, noon(), 500), Verdict::Dead);
    }
}
