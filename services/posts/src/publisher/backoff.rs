//! When something is tried or looked for again. Pure: what varies from target to target is its own number, so that those
//! which failed together do not come back together.

use std::time::Duration;

/// Sendings of one target, from its schedule or its retry on, at the most.
const TRIES: u32 = 8;
/// How long they may go on.
const DAY: Duration = Duration::from_hours(24);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_mins(30);
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// Looks at the most: with the pauses between them, those of a day.
const LOOKS: u32 = 53;
/// Pauses are longer by up to a fifth, each target's by another share of it.
const SPREAD: u32 = 5;

/// Whether a sending that failed, in a way that need not last, is given up: after so many tries over so long.
pub(super) fn is_over(tries: u32, age: Duration) -> bool {
    tries >= TRIES || age >= DAY
}

/// How long to wait after so many tries. `asked`: what the network asks for at least.
pub(super) fn pause(tries: u32, asked: Option<Duration>, number: u64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
    let own = spread(doubled.min(LONGEST_PAUSE), number);
    own.max(asked.unwrap_or_default().min(DAY))
}

/// How long to wait for what goes on by itself meanwhile.
pub(super) fn pause_as_asked(asked: Option<Duration>) -> Duration {
    asked.map_or(FIRST_PAUSE, |asked| asked.clamp(SHORTEST_PAUSE, DAY))
}

/// How long to wait after so many looks; `None`: it was looked for long enough.
pub(super) fn look_pause(looks: u32, asked: Option<Duration>, number: u64) -> Option<Duration> {
    if looks >= LOOKS {
        return None;
    }
    let tripled = FIRST_LOOK.saturating_mul(3_u32.saturating_pow(looks));
    let own = spread(tripled.min(LONGEST_PAUSE), number);
    Some(own.max(asked.unwrap_or_default().min(DAY)))
}

fn spread(pause: Duration, number: u64) -> Duration {
    let thousandths = u32::try_from(number % 1_000).unwrap_or(0);
    pause + pause / SPREAD * thousandths / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_an_hour() {
        let seconds: Vec<u64> = (1..=8).map(|tries| pause(tries, None, 0).as_secs()).collect();
        assert_eq!(seconds, [30, 60, 120, 240, 480, 960, 1_800, 1_800]);
        assert_eq!(pause(u32::MAX, None, 0), LONGEST_PAUSE);
    }

    #[test]
    fn a_network_that_asks_for_longer_gets_it_but_for_no_more_than_a_day() {
        assert_eq!(pause(1, Some(Duration::from_secs(7)), 0), Duration::from_secs(30));
        assert_eq!(pause(1, Some(Duration::from_mins(7)), 0), Duration::from_mins(7));
        assert_eq!(pause(1, Some(Duration::MAX), 0), DAY);
        assert_eq!(look_pause(0, Some(Duration::from_mins(7)), 0), Some(Duration::from_mins(7)));
    }

    #[test]
    fn what_goes_on_by_itself_is_asked_after_when_the_network_says() {
        let seconds = |asked: Option<u64>| pause_as_asked(asked.map(Duration::from_secs)).as_secs();
        assert_eq!([seconds(Some(7)), seconds(Some(0)), seconds(None)], [7, 1, 30]);
        assert_eq!(pause_as_asked(Some(Duration::MAX)), DAY);
    }

    #[test]
    fn what_failed_together_does_not_come_back_together() {
        let pauses: std::collections::BTreeSet<_> = (0..500).map(|n| pause(1, None, n)).collect();
        assert_eq!(pauses.len(), 500);
        assert!(pauses.iter().all(|pause| (30_000..36_000).contains(&pause.as_millis())));
    }

    #[test]
    fn looks_start_soon_and_go_on_for_a_day() {
        let seconds: Vec<u64> = (0..6)
            .filter_map(|looks| look_pause(looks, None, 0))
            .map(|pause| pause.as_secs())
            .collect();
        assert_eq!(seconds, [5, 15, 45, 135, 405, 1_215]);
        let all: Duration = (0..=u32::MAX).map_while(|looks| look_pause(looks, None, 0)).sum();
        assert!((DAY..DAY + LONGEST_PAUSE).contains(&all), "{all:?}");
    }

    #[test]
    fn tries_end_by_number_and_by_age() {
        assert!(!is_over(7, Duration::from_hours(23)));
        assert!(is_over(8, Duration::ZERO));
        assert!(is_over(1, DAY));
    }
}
