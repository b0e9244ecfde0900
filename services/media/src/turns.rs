//! Whose turn it is to have a medium fetched: so many at once, and of one owner only some of them, so that one whose sources
//! are slow does not keep the others waiting.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use postbreeze_ids::UserId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How many are fetched at once: each holds up to two parts of what it writes, 16 MiB.
const AT_ONCE: usize = 16;
/// How many of one owner.
const OF_ONE_OWNER: usize = 4;
/// How long a turn is waited for at the most.
const WAITED: Duration = Duration::from_secs(2);

pub(crate) struct Turns {
    all: Arc<Semaphore>,
    owners: Mutex<HashMap<UserId, Arc<Semaphore>>>,
}

/// A turn, until this is dropped.
pub(crate) struct Turn {
    _of_owner: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), owners: Mutex::default() }
    }

    /// A turn of an owner, if there is one soon. No more than half of what is left of the call is waited for it: a turn
    /// without the time to fetch anything is none.
    pub(crate) async fn take(&self, owner: UserId, left: Duration) -> Option<Turn> {
        let of_owner = self.of(owner);
        let turn = async {
            Some(Turn {
                _of_owner: of_owner.acquire_owned().await.ok()?,
                _of_all: Arc::clone(&self.all).acquire_owned().await.ok()?,
            })
        };
        timeout(WAITED.min(left / 2), turn).await.ok()?
    }

    fn of(&self, owner: UserId) -> Arc<Semaphore> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has a turn, or waits for one, holds it.
        owners.retain(|_, turns| Arc::strong_count(turns) > 1);
        Arc::clone(owners.entry(owner).or_insert_with(|| Arc::new(Semaphore::new(OF_ONE_OWNER))))
    }
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::{Bucket, Minter};
    use tokio::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    fn owners() -> [UserId; 5] {
        let minter = Minter::new(Arc::new(|| 1_790_000_000_000));
        std::array::from_fn(|_| minter.mint(Bucket::new(7).unwrap()))
    }

    #[tokio::test(start_paused = true)]
    async fn one_owner_has_four_turns_and_all_of_them_sixteen() {
        let (turns, owners) = (Turns::new(), owners());
        let mut taken = Vec::new();
        for owner in &owners[..4] {
            for _ in 0..4 {
                taken.push(turns.take(*owner, LONG).await.unwrap());
            }
            assert!(turns.take(*owner, LONG).await.is_none());
        }
        assert!(turns.take(owners[4], LONG).await.is_none());
        taken.pop();
        assert!(turns.take(owners[0], LONG).await.is_none());
        assert!(turns.take(owners[4], LONG).await.is_some());
        drop(taken);
        assert!(turns.take(owners[0], LONG).await.is_some());
        assert_eq!(turns.owners.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_waited_for_two_seconds_but_for_no_more_than_half_of_the_call() {
        let (turns, owners) = (Turns::new(), owners());
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(turns.take(owners[0], LONG).await.unwrap());
        }
        for (left, waited) in [(60, 2_000), (3, 1_500), (0, 0)] {
            let begin = Instant::now();
            assert!(turns.take(owners[0], Duration::from_secs(left)).await.is_none());
            let off = begin.elapsed().abs_diff(Duration::from_millis(waited));
            assert!(off < Duration::from_millis(5), "{off:?}");
        }
    }
}
