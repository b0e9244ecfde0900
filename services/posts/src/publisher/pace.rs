//! How much is under way at once: in all, and for each account, whose network may have asked to be left alone for a while.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use postbreeze_ids::{AccountId, PostId, TargetId};

use crate::store::due::Held;

/// Sendings of one account at once.
const PER_ACCOUNT: usize = 4;

/// What is under way in this process.
pub(super) struct Pace {
    at_once: usize,
    /// By target.
    held: HashMap<TargetId, Hold>,
    accounts: HashMap<AccountId, usize>,
    left_alone: HashMap<AccountId, DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy)]
struct Hold {
    post_id: PostId,
    account_id: AccountId,
    /// The right that it is dealt with by, and until when nobody else does, once the claim is written.
    claimed: Option<(i64, DateTime<Utc>)>,
}

impl Pace {
    pub(super) fn new(at_once: usize) -> Self {
        Self { at_once, held: HashMap::new(), accounts: HashMap::new(), left_alone: HashMap::new() }
    }

    /// How many more may be begun.
    pub(super) fn room(&self) -> usize {
        self.at_once.saturating_sub(self.held.len())
    }

    /// How many are under way.
    pub(super) fn under_way(&self) -> usize {
        self.held.len()
    }

    /// The accounts for which nothing may be begun now.
    pub(super) fn busy(&mut self, now: DateTime<Utc>) -> Vec<AccountId> {
        self.left_alone.retain(|_, until| *until > now);
        let full = self.accounts.iter().filter(|(_, count)| **count >= PER_ACCOUNT);
        full.map(|(id, _)| *id).chain(self.left_alone.keys().copied()).collect()
    }

    /// Takes a target on, if there is room for it.
    pub(super) fn take(&mut self, id: TargetId, post_id: PostId, account_id: AccountId) -> bool {
        let count = self.accounts.get(&account_id).copied().unwrap_or(0);
        if self.room() == 0 || count >= PER_ACCOUNT || self.held.contains_key(&id) {
            return false;
        }
        self.held.insert(id, Hold { post_id, account_id, claimed: None });
        self.accounts.insert(account_id, count + 1);
        true
    }

    /// Notes that a target was claimed.
    pub(super) fn claimed(&mut self, id: TargetId, version: i64, until: DateTime<Utc>) {
        if let Some(hold) = self.held.get_mut(&id) {
            hold.claimed = Some((version, until));
        }
    }

    /// Lets a target go.
    pub(super) fn release(&mut self, id: TargetId) {
        let Some(hold) = self.held.remove(&id) else { return };
        if let Some(count) = self.accounts.get_mut(&hold.account_id) {
            *count -= 1;
            if *count == 0 {
                self.accounts.remove(&hold.account_id);
            }
        }
    }

    /// Leaves an account alone until a time.
    pub(super) fn leave_alone(&mut self, account_id: AccountId, until: DateTime<Utc>) {
        let known = self.left_alone.entry(account_id).or_insert(until);
        *known = until.max(*known);
    }

    /// The claims that run out before a time.
    pub(super) fn running_out(&self, by: DateTime<Utc>) -> Vec<Held> {
        let claims = self.held.iter().filter_map(|(id, hold)| {
            let (version, until) = hold.claimed?;
            (until < by).then_some(Held { id: *id, post_id: hold.post_id, version })
        });
        claims.collect()
    }
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::Id;
    use uuid::Uuid;

    use super::*;

    fn id<K: postbreeze_ids::Kind>(number: u128) -> Id<K> {
        Id::from_uuid(Uuid::from_u128(number))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn an_account_has_four_at_once_and_all_together_as_many_as_allowed() {
        let mut pace = Pace::new(6);
        let taken = (0..8).filter(|n| pace.take(id(*n), id(1), id(1))).count();
        assert_eq!(taken, PER_ACCOUNT);
        assert_eq!(pace.busy(at(0)), [id(1)]);
        let more = (10..18).filter(|n| pace.take(id(*n), id(1), id(2))).count();
        assert_eq!((more, pace.room()), (2, 0));
        pace.release(id(0));
        pace.release(id(0));
        assert_eq!((pace.room(), pace.under_way()), (1, 5));
        assert!(pace.busy(at(0)).is_empty());
    }

    #[test]
    fn a_target_is_taken_once() {
        let mut pace = Pace::new(6);
        assert!(pace.take(id(1), id(1), id(1)));
        assert!(!pace.take(id(1), id(1), id(1)));
        pace.release(id(1));
        assert!(pace.take(id(1), id(1), id(1)));
    }

    #[test]
    fn an_account_is_left_alone_for_as_long_as_it_asked_last() {
        let mut pace = Pace::new(6);
        pace.leave_alone(id(1), at(10));
        pace.leave_alone(id(1), at(5));
        assert_eq!(pace.busy(at(9)), [id(1)]);
        assert!(pace.busy(at(10)).is_empty());
    }

    #[test]
    fn claims_that_run_out_are_found() {
        let mut pace = Pace::new(6);
        assert!(pace.take(id(1), id(1), id(1)) && pace.take(id(2), id(1), id(1)));
        pace.claimed(id(1), 7, at(60));
        assert!(pace.running_out(at(60)).is_empty());
        let found = pace.running_out(at(61));
        assert_eq!(
            found.iter().map(|held| (held.id, held.version)).collect::<Vec<_>>(),
            [(id(1), 7)]
        );
    }
}
