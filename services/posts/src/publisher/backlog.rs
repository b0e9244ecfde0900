//! Where reading the due targets stands. They are read oldest first; those of accounts that may not begin anything now are
//! passed over once and read again, account by account, when there is room for them. So the queue of a busy account costs nobody
//! else a read, however long it is.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::AccountId;
use tokio::time::Instant;

/// A call may write a due time that has passed when it commits: by as much as the longest call takes, and the clocks of two
/// replicas differ. Targets that are held are due later, so that reading this much again finds little.
const SLACK: TimeDelta = TimeDelta::minutes(2);
/// After this long everything due is read again, for what was written further back.
const RESCAN_EVERY: Duration = Duration::from_mins(1);
/// Accounts that are remembered as passed over. Targets of further ones are passed over as well, and read again soon.
const MOST_ACCOUNTS: usize = 4_096;
const RESCAN_SOON: Duration = Duration::from_secs(5);

/// Of one process.
pub(super) struct Backlog {
    /// Every target that is due before then is held, or is of a passed account.
    read_until: DateTime<Utc>,
    /// Accounts with targets that were passed over, and when the first of them became due.
    passed: BTreeMap<AccountId, DateTime<Utc>>,
    rescan_at: Instant,
}

impl Backlog {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            read_until: DateTime::UNIX_EPOCH,
            passed: BTreeMap::new(),
            rescan_at: started + RESCAN_EVERY,
        }
    }

    /// From when on targets are to be read whose account was not passed over.
    pub(super) fn read_from(&mut self, now: DateTime<Utc>, at: Instant) -> DateTime<Utc> {
        if self.rescan_at <= at {
            self.read_until = DateTime::UNIX_EPOCH;
            self.rescan_at = at + RESCAN_EVERY;
        }
        // A clock that was set back must not hide what is due by the new time.
        self.read_until.min(now) - SLACK
    }

    /// The accounts whose targets are not to be read with the others.
    pub(super) fn passed(&self) -> Vec<AccountId> {
        self.passed.keys().copied().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.passed.is_empty()
    }

    /// The passed accounts for which there is room, those that wait longest first.
    pub(super) fn ready(
        &self,
        has_room: impl Fn(AccountId) -> bool,
        limit: usize,
    ) -> Vec<AccountId> {
        let mut ready: Vec<_> = self.passed.iter().filter(|(id, _)| has_room(**id)).collect();
        ready.sort_unstable_by_key(|(_, since)| **since);
        ready.into_iter().take(limit).map(|(id, _)| *id).collect()
    }

    /// Passes a target over, whose account may not begin anything now.
    pub(super) fn pass(&mut self, account_id: AccountId, due_time: DateTime<Utc>) {
        if self.passed.len() >= MOST_ACCOUNTS && !self.passed.contains_key(&account_id) {
            self.rescan_at = self.rescan_at.min(Instant::now() + RESCAN_SOON);
            return;
        }
        let since = self.passed.entry(account_id).or_insert(due_time);
        *since = due_time.min(*since);
    }

    /// An account has nothing due any more but what is held.
    pub(super) fn caught_up(&mut self, account_id: AccountId) {
        self.passed.remove(&account_id);
    }

    /// Everything due before a time was read, and is held or was passed over.
    pub(super) fn read_until(&mut self, time: DateTime<Utc>) {
        self.read_until = time;
    }
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::Id;
    use uuid::Uuid;

    use super::*;

    fn account(number: u128) -> AccountId {
        Id::from_uuid(Uuid::from_u128(number))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn reading_goes_on_where_it_stood_and_now_and_then_begins_again() {
        let start = Instant::now();
        let mut backlog = Backlog::new(start);
        assert!(backlog.read_from(at(0), start) < DateTime::UNIX_EPOCH);
        backlog.read_until(at(100));
        backlog.pass(account(1), at(50));
        assert_eq!(backlog.read_from(at(100), start), at(-20));
        // The clock was set back by a minute and a half.
        assert_eq!(backlog.read_from(at(10), start), at(-110));
        let later = start + Duration::from_mins(1);
        assert!(backlog.read_from(at(100), later) < DateTime::UNIX_EPOCH);
        // Accounts that were passed over stay so: their targets are read by themselves.
        assert_eq!(backlog.passed(), [account(1)]);
        backlog.read_until(at(100));
        assert_eq!(backlog.read_from(at(100), later), at(-20));
    }

    #[test]
    fn accounts_are_read_again_when_there_is_room_the_oldest_first() {
        let mut backlog = Backlog::new(Instant::now());
        for (number, due) in [(1, 30), (2, 10), (3, 20), (2, 40)] {
            backlog.pass(account(number), at(due));
        }
        assert_eq!(backlog.passed(), [account(1), account(2), account(3)]);
        assert_eq!(backlog.ready(|_| true, 2), [account(2), account(3)]);
        assert_eq!(backlog.ready(|id| id == account(1), 2), [account(1)]);
        backlog.caught_up(account(2));
        assert_eq!(backlog.ready(|_| true, 9), [account(3), account(1)]);
    }

    #[test]
    fn no_more_accounts_are_remembered_than_a_statement_takes_and_further_ones_are_read_again_soon()
    {
        let start = Instant::now();
        let mut backlog = Backlog::new(start);
        for number in 0..5_000 {
            backlog.pass(account(number), at(0));
        }
        assert_eq!(backlog.passed().len(), 4_096);
        backlog.read_until(at(100));
        assert_eq!(backlog.read_from(at(100), start), at(-20));
        let soon = Instant::now() + Duration::from_secs(5);
        assert!(backlog.read_from(at(100), soon) < DateTime::UNIX_EPOCH);
    }
}
