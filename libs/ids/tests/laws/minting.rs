//! What is made, and in which order.

use std::{
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use postbreeze_ids::{Bucket, Minter, Post, PostId, TargetId};
use proptest::prelude::*;

use crate::{buckets, minter_at};

proptest! {
    #[test]
    fn an_id_carries_its_time_and_bucket(ms in 0_u64..1 << 48, bucket in buckets()) {
        let id: PostId = minter_at(ms).0.mint(bucket);
        prop_assert_eq!(id.bucket(), bucket);
        prop_assert_eq!(id.unix_ms(), ms);
        prop_assert_eq!(id.uuid().get_version_num(), 7);
        prop_assert_eq!(id.uuid().get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn ids_of_one_bucket_sort_as_made_by_a_clock_that_goes_back_by_up_to_a_minute(
        steps in prop::collection::vec((0_u64..1 << 32, 0_u64..=60_000), 1..200),
        bucket in buckets(),
    ) {
        let (minter, clock) = minter_at(0);
        let mut ids = Vec::new();
        let mut newest = 0;
        for (ahead, back) in steps {
            newest += ahead;
            clock.store(newest, Ordering::Relaxed);
            ids.push(minter.mint::<Post>(bucket));
            clock.store(newest.saturating_sub(back), Ordering::Relaxed);
            ids.push(minter.mint::<Post>(bucket));
        }
        prop_assert!(ids.is_sorted_by(|a, b| a < b));
    }
}

#[test]
fn ids_do_not_stay_with_a_clock_that_was_an_hour_ahead() {
    let (minter, clock) = minter_at(10_000_000);
    let bucket = Bucket::new(3).unwrap();
    clock.store(13_600_000, Ordering::Relaxed);
    let ahead: PostId = minter.mint(bucket);
    assert_eq!(ahead.unix_ms(), 13_600_000);
    clock.store(10_000_001, Ordering::Relaxed);
    let back: Vec<PostId> = (0..3).map(|_| minter.mint(bucket)).collect();
    assert!(back.iter().all(|id| id.unix_ms() == 10_000_001), "{back:?}");
    assert!(back.is_sorted_by(|a, b| a < b));
    // Within a minute the order is kept instead.
    clock.store(9_940_001, Ordering::Relaxed);
    let next: PostId = minter.mint(bucket);
    assert!(next > back[2]);
}

#[test]
fn kinds_and_clones_share_one_order() {
    let minter = minter_at(1_000).0;
    let bucket = Bucket::new(3).unwrap();
    let post: PostId = minter.mint(bucket);
    let target: TargetId = minter.clone().mint(bucket);
    assert!(post.uuid() < target.uuid());
}

#[test]
fn a_counter_that_overflows_moves_on_a_millisecond() {
    let (minter, _clock) = minter_at(1_000);
    let bucket = Bucket::new(7).unwrap();
    let ids: Vec<PostId> = (0..70_000).map(|_| minter.mint(bucket)).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert_eq!(ids.last().map(|id| id.unix_ms()), Some(1_001));
}

#[test]
fn a_counter_begins_anew_with_each_millisecond() {
    let (minter, clock) = minter_at(1_000);
    let bucket = Bucket::new(7).unwrap();
    let counter = |id: PostId| (id.uuid().as_u128() >> 46) & 0xffff;
    assert_eq!([0, 1, 2], std::array::from_fn(|_| counter(minter.mint(bucket))));
    clock.store(1_001, Ordering::Relaxed);
    assert_eq!(counter(minter.mint(bucket)), 0);
}

#[test]
fn threads_make_every_place_once_and_each_in_order_under_a_clock_that_jumps() {
    // Every reading jumps by up to a second, back as often as forth.
    let readings = Arc::new(AtomicU64::new(0));
    let minter = Minter::new(Arc::new(move || {
        1_000_000 + readings.fetch_add(7_919, Ordering::Relaxed) % 1_000
    }));
    let bucket = Bucket::new(1).unwrap();
    let made: Vec<Vec<PostId>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..5_000).map(|_| minter.mint(bucket)).collect()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(made.iter().all(|ids| ids.is_sorted_by(|a, b| a < b)));
    // The high 64 bits and the counter tell the place; the random bits must not be what tells ids apart.
    let mut places: Vec<u128> = made.iter().flatten().map(|id| id.uuid().as_u128() >> 46).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 40_000);
}
