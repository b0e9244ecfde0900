//! The laws of ids.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod minting;
mod parsing;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use postbreeze_ids::{Bucket, Id, Minter, PostId};
use proptest::prelude::*;
use uuid::Uuid;

/// A minter and the clock it reads, in milliseconds since 1970.
fn minter_at(ms: u64) -> (Minter, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(ms));
    let source = Arc::clone(&clock);
    (Minter::new(Arc::new(move || source.load(Ordering::Relaxed))), clock)
}

fn buckets() -> impl Strategy<Value = Bucket> {
    (0..Bucket::COUNT).prop_map(|number| Bucket::new(number).unwrap())
}

proptest! {
    #[test]
    fn an_id_survives_its_text(ms in 0_u64..1 << 48, bucket in buckets()) {
        let id: PostId = minter_at(ms).0.mint(bucket);
        let text = id.to_string();
        prop_assert_eq!(text.len(), "post_".len() + 26);
        prop_assert_eq!(text.parse(), Ok(id));
        prop_assert_eq!(format!("{id:?}"), text);
        prop_assert_eq!(Id::from_uuid(id.uuid()), id);
    }

    #[test]
    fn text_bytes_and_ids_sort_alike(a: u128, b: u128) {
        let (a, b) = (PostId::from_uuid(Uuid::from_u128(a)), PostId::from_uuid(Uuid::from_u128(b)));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        prop_assert_eq!(a.cmp(&b), a.uuid().as_bytes().cmp(b.uuid().as_bytes()));
        prop_assert!(PostId::MIN <= a && a <= PostId::MAX);
    }

    #[test]
    fn a_bucket_is_12_bits(number: u16) {
        let bucket = Bucket::new(number);
        prop_assert_eq!(bucket.is_some(), number < 4_096);
        if let Some(bucket) = bucket {
            prop_assert_eq!(bucket.get(), number);
            prop_assert_eq!(u16::try_from(bucket.as_i16()), Ok(number));
        }
    }
}
