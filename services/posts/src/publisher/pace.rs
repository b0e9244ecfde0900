//! How much is under way at once: in all, for each account, whose network may have asked to be left alone for a while, and for
//! each bucket, so that what one owner's networks take long for does not keep everybody else's posts waiting.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
};

use chrono::{DateTime, Utc};
use postbreeze_ids::{AccountId, Bucket, PostId, TargetId};

use crate::store::due::Held;

/// Sendings of one account at once.
const PER_ACCOUNT: usize = 4;
/// A bucket has less under way than so many times what is free: alone two thirds of all there is, together with others less
/// each, so that whoever comes next finds something free.
const PER_BUCKET: usize = 2;

/// For what nothing may be begun now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy {
    pub(super) accounts: Vec<AccountId>,
    pub(super) buckets: Vec<i16>,
}

/// What is under way in this process.
pub(super) struct Pace {
    at_once: usize,
    /// By target.
    held: HashMap<TargetId, Hold>,
    accounts: HashMap<AccountId, usize>,
    buckets: HashMap<Bucket, usize>,
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
        Self {
            at_once,
            held: HashMap::new(),
            accounts: HashMap::new(),
            buckets: HashMap::new(),
            left_alone: HashMap::new(),
        }
    }

    /// How many more may be begun.
    pub(super) fn room(&self) -> usize {
        self.at_once.saturating_sub(self.held.len())
    }

    /// How many are under way.
    pub(super) fn under_way(&self) -> usize {
        self.held.len()
    }

    /// The accounts and buckets for which nothing may be begun now.
    pub(super) fn busy(&mut self, now: DateTime<Utc>) -> Busy {
        self.left_alone.retain(|_, until| *until > now);
        let full = self.accounts.iter().filter(|(_, count)| **count >= PER_ACCOUNT);
        let accounts = full.map(|(id, _)| *id).chain(self.left_alone.keys().copied());
        let buckets = self.buckets.iter().filter(|(_, count)| self.is_full(**count));
        Busy {
            accounts: accounts.collect(),
            buckets: buckets.map(|(bucket, _)| bucket.as_i16()).collect(),
        }
    }

    /// Whether a bucket with so much under way has its share.
    fn is_full(&self, count: usize) -> bool {
        count >= PER_BUCKET * self.room()
    }

    /// Takes a target on, if there is room for it.
    pub(super) fn take(&mut self, id: TargetId, post_id: PostId, account_id: AccountId) -> bool {
        let count = self.accounts.get(&account_id).copied().unwrap_or(0);
        let in_bucket = self.buckets.get(&account_id.bucket()).copied().unwrap_or(0);
        if self.is_full(in_bucket) || count >= PER_ACCOUNT || self.held.contains_key(&id) {
            return false;
        }
        self.held.insert(id, Hold { post_id, account_id, claimed: None });
        self.accounts.insert(account_id, count + 1);
        self.buckets.insert(account_id.bucket(), in_bucket + 1);
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
        count_down(&mut self.accounts, hold.account_id);
        count_down(&mut self.buckets, hold.account_id.bucket());
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

fn count_down<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
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

    /// An account of a bucket.
    fn of_bucket(bucket: u16) -> AccountId {
        id((u128::from(bucket) << 64) | 1)
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn an_account_has_four_at_once_and_all_together_as_many_as_allowed() {
        let mut pace = Pace::new(6);
        let taken = (0..8).filter(|n| pace.take(id(*n), id(1), id(1))).count();
        assert_eq!(taken, PER_ACCOUNT);
        assert_eq!(pace.busy(at(0)).accounts, [id(1)]);
        let more = (10..18).filter(|n| pace.take(id(*n), id(1), of_bucket(9))).count();
        assert_eq!((more, pace.room()), (2, 0));
        pace.release(id(0));
        pace.release(id(0));
        assert_eq!((pace.room(), pace.under_way()), (1, 5));
        assert!(pace.busy(at(0)).accounts.is_empty());
    }

    #[test]
    fn a_bucket_has_its_share_and_leaves_others_theirs() {
        let mut pace = Pace::new(64);
        let mut fill = |bucket: u16| {
            let accounts = (0_u128..100).map(|n| (n, id((n << 80) | (u128::from(bucket) << 64))));
            accounts
                .filter(|(n, account)| {
                    pace.take(id((u128::from(bucket) << 64) | n), id(1), *account)
                })
                .count()
        };
        assert_eq!([fill(1), fill(2), fill(3), fill(4)], [43, 14, 5, 2]);
        let mut buckets = pace.busy(at(0)).buckets;
        buckets.sort_unstable();
        assert_eq!(buckets, [1, 2, 3, 4]);
    }

    #[test]
    fn one_at_a_time_is_enough_to_go_on() {
        let mut pace = Pace::new(1);
        for n in 1..4 {
            assert!(pace.take(id(n), id(1), id(1)));
            pace.release(id(n));
        }
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
        assert_eq!(pace.busy(at(9)).accounts, [id(1)]);
        assert!(pace.busy(at(10)).accounts.is_empty());
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
