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

    /// Whether something of an account may be begun now.
    pub(super) fn has_room(&self, account_id: AccountId, now: DateTime<Utc>) -> bool {
        let of_account = self.accounts.get(&account_id).copied().unwrap_or(0);
        let in_bucket = self.buckets.get(&account_id.bucket()).copied().unwrap_or(0);
        let is_left_alone = self.left_alone.get(&account_id).is_some_and(|until| *until > now);
        of_account < PER_ACCOUNT && !self.is_full(in_bucket) && !is_left_alone
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

    /// Forgets which accounts were left alone until now.
    pub(super) fn expire(&mut self, now: DateTime<Utc>) {
        self.left_alone.retain(|_, until| *until > now);
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
        assert_eq!(taken, 4);
        assert!(!pace.has_room(id(1), at(0)) && pace.has_room(of_bucket(9), at(0)));
        let more = (10..18).filter(|n| pace.take(id(*n), id(1), of_bucket(9))).count();
        assert_eq!((more, pace.room()), (2, 0));
        pace.release(id(0));
        pace.release(id(0));
        assert_eq!((pace.room(), pace.under_way()), (1, 5));
    }

    #[test]
    fn an_account_has_room_again_once_something_of_it_has_ended() {
        let mut pace = Pace::new(64);
        assert!((0..4).all(|n| pace.take(id(n), id(1), id(1))));
        assert!(!pace.has_room(id(1), at(0)));
        pace.release(id(0));
        assert!(pace.has_room(id(1), at(0)));
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
        assert!([1, 2, 3, 4].into_iter().all(|bucket| !pace.has_room(of_bucket(bucket), at(0))));
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
        assert!(!pace.has_room(id(1), at(9)) && pace.has_room(id(1), at(10)));
        pace.expire(at(9));
        assert!(!pace.has_room(id(1), at(9)));
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
