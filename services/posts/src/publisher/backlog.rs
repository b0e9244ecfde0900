//! Where reading the due targets stands. They are read oldest first; those of accounts that may not begin anything now are
//! passed over once and read again, account by account, when there is room for them. So the queue of a busy account costs nobody
//! else a read, however long it is.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::AccountId;
use tokio::time::Instant;

/// A transaction that commits late writes due times in the past; it is at most this late.
const SLACK: TimeDelta = TimeDelta::seconds(10);
/// After this long everything due is read again, for what was written further back.
const RESCAN_EVERY: Duration = Duration::from_mins(1);
/// Accounts that are remembered as passed over. Targets of further ones are read again in each poll.
const MOST_ACCOUNTS: usize = 4_096;

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
            *self = Self::new(at);
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

    /// Passes a target over, whose account may not begin anything now. Returns whether the account is remembered.
    pub(super) fn pass(&mut self, account_id: AccountId, due_time: DateTime<Utc>) -> bool {
        if self.passed.len() >= MOST_ACCOUNTS && !self.passed.contains_key(&account_id) {
            return false;
        }
        let since = self.passed.entry(account_id).or_insert(due_time);
        *since = due_time.min(*since);
        true
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
        assert!(backlog.pass(account(1), at(50)));
        assert_eq!(backlog.read_from(at(100), start), at(90));
        // The clock was set back by a minute and a half.
        assert_eq!(backlog.read_from(at(10), start), at(0));
        let later = start + Duration::from_mins(1);
        assert!(backlog.read_from(at(100), later) < DateTime::UNIX_EPOCH && backlog.is_empty());
    }

    #[test]
    fn accounts_are_read_again_when_there_is_room_the_oldest_first() {
        let mut backlog = Backlog::new(Instant::now());
        for (number, due) in [(1, 30), (2, 10), (3, 20), (2, 40)] {
            assert!(backlog.pass(account(number), at(due)));
        }
        assert_eq!(backlog.passed(), [account(1), account(2), account(3)]);
        assert_eq!(backlog.ready(|_| true, 2), [account(2), account(3)]);
        assert_eq!(backlog.ready(|id| id == account(1), 2), [account(1)]);
        backlog.caught_up(account(2));
        assert_eq!(backlog.ready(|_| true, 9), [account(3), account(1)]);
    }

    #[test]
    fn no_more_accounts_are_remembered_than_a_statement_takes() {
        let mut backlog = Backlog::new(Instant::now());
        for number in 0..4_096 {
            assert!(backlog.pass(account(number), at(0)));
        }
        assert!(!backlog.pass(account(9_999), at(0)));
        assert!(backlog.pass(account(0), at(0)));
        assert_eq!(backlog.passed().len(), 4_096);
    }
}
