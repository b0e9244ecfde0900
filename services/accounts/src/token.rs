//! When a token is refreshed. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Ahead of expiry by this at least, where the token lives long enough.
const AHEAD: TimeDelta = TimeDelta::minutes(10);
/// A token that runs out sooner than this is not used any more: it might not arrive in time.
const TOO_SHORT: TimeDelta = TimeDelta::seconds(60);
/// After the first refresh that failed; twice as long after each further one.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(30);
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

/// When to refresh a token ahead of its expiry: a tenth of its life before, ten minutes at the least, but not in the first
/// half of it.
pub(crate) fn refresh_time(now: DateTime<Utc>, expires: DateTime<Utc>) -> DateTime<Utc> {
    let life = (expires - now).max(TimeDelta::zero());
    expires - (life / 10).max(AHEAD).min(life / 2)
}

/// Whether a token is too close to its expiry to be used.
pub(crate) fn runs_out(now: DateTime<Utc>, expires: Option<DateTime<Utc>>) -> bool {
    expires.is_some_and(|expires| expires - now <= TOO_SHORT)
}

/// How long to wait after so many refreshes have failed one after another; what the network asks for, if that is longer.
pub(crate) fn wait_after(failures: i32, asked: Option<Duration>) -> TimeDelta {
    let doublings = u32::try_from(failures).unwrap_or(0).min(16);
    let own = (FIRST_WAIT * 2_i32.saturating_pow(doublings)).min(LONGEST_WAIT);
    let asked = asked.and_then(|asked| TimeDelta::from_std(asked).ok()).unwrap_or_default();
    own.max(asked.min(TimeDelta::hours(24)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_refreshed_a_tenth_of_its_life_ahead_and_ten_minutes_at_the_least() {
        let now = DateTime::UNIX_EPOCH;
        for (life, ahead) in [
            (TimeDelta::days(60), TimeDelta::days(6)),
            (TimeDelta::hours(2), TimeDelta::minutes(12)),
            (TimeDelta::hours(1), TimeDelta::minutes(10)),
            (TimeDelta::minutes(10), TimeDelta::minutes(5)),
            (TimeDelta::zero(), TimeDelta::zero()),
        ] {
            assert_eq!(refresh_time(now, now + life), now + life - ahead, "{life}");
        }
        assert_eq!(refresh_time(now, now - TimeDelta::hours(1)), now - TimeDelta::hours(1));
        assert!(runs_out(now, Some(now + TOO_SHORT)) && !runs_out(now, None));
        assert!(!runs_out(now, Some(now + TOO_SHORT + TimeDelta::seconds(1))));
    }

    #[test]
    fn waits_double_up_to_an_hour_and_respect_what_was_asked() {
        assert_eq!(wait_after(0, None), TimeDelta::seconds(30));
        assert_eq!(wait_after(3, None), TimeDelta::minutes(4));
        assert_eq!(wait_after(i32::MAX, None), TimeDelta::hours(1));
        assert_eq!(wait_after(0, Some(Duration::from_mins(5))), TimeDelta::minutes(5));
        assert_eq!(wait_after(0, Some(Duration::MAX)), TimeDelta::seconds(30));
    }
}
