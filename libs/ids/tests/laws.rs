//! The laws of ids.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use postbreeze_ids::{AccountId, Bucket, Id, Kind, Minter, ParseIdError, PostId, WorkspaceId};
use proptest::prelude::*;
use uuid::Uuid;

fn minter_at(ms: u64) -> (Minter, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(ms));
    let source = Arc::clone(&clock);
    (Minter::new(Arc::new(move || source.load(Ordering::Relaxed))), clock)
}

fn bucket() -> impl Strategy<Value = Bucket> {
    (0..Bucket::COUNT).prop_map(|number| Bucket::new(number).unwrap())
}

fn refuse<K: Kind>(text: &str) -> ParseIdError {
    text.parse::<Id<K>>().unwrap_err()
}

proptest! {
    #[test]
    fn an_id_survives_its_text(ms in 0_u64..1 << 48, bucket in bucket()) {
        let id: PostId = minter_at(ms).0.mint(bucket);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(id.bucket(), bucket);
        prop_assert_eq!(id.unix_ms(), ms);
        prop_assert_eq!(id.uuid().get_version_num(), 7);
        prop_assert_eq!(id.to_string().len(), "post_".len() + 26);
    }

    #[test]
    fn text_bytes_and_ids_sort_alike(a: u128, b: u128) {
        let (a, b) = (PostId::from_uuid(Uuid::from_u128(a)), PostId::from_uuid(Uuid::from_u128(b)));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        prop_assert_eq!(a.cmp(&b), a.uuid().as_bytes().cmp(b.uuid().as_bytes()));
    }

    #[test]
    fn ids_of_one_bucket_sort_as_made_whatever_the_clock_does(
        jumps in prop::collection::vec(0_u64..1 << 40, 1..200),
        bucket in bucket(),
    ) {
        let (minter, clock) = minter_at(0);
        let mut ids = Vec::new();
        for ms in jumps {
            clock.store(ms, Ordering::Relaxed);
            ids.push(minter.mint::<postbreeze_ids::Post>(bucket));
        }
        prop_assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn junk_is_no_id(text in ".{0,64}") {
        prop_assert!(text.parse::<PostId>().is_err());
    }
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
fn threads_never_make_the_same_place_twice() {
    let (minter, _clock) = minter_at(5);
    let bucket = Bucket::new(1).unwrap();
    let mut ids: Vec<PostId> = thread::scope(|scope| {
        let made: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| (0..5_000).map(|_| minter.mint(bucket)).collect::<Vec<PostId>>())
            })
            .collect();
        made.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    ids.sort_unstable();
    // The high 64 bits and the counter tell the place; the random bits must not be what tells ids apart.
    let mut places: Vec<u128> = ids.iter().map(|id| id.uuid().as_u128() >> 46).collect();
    places.dedup();
    assert_eq!(places.len(), 40_000);
}

#[test]
fn an_id_of_another_kind_or_form_is_refused() {
    let minter = minter_at(1_700_000_000_000).0;
    let id: PostId = minter.mint(Bucket::new(9).unwrap());
    let text = id.to_string();
    assert_eq!(
        refuse::<postbreeze_ids::Account>(&text),
        ParseIdError::WrongKind { expected: "soc" }
    );
    assert_eq!(refuse::<postbreeze_ids::Post>(""), ParseIdError::WrongKind { expected: "post" });
    let malformed = ParseIdError::Malformed { expected: "post" };
    for bad in [
        text.to_uppercase().replacen("POST", "post", 1),
        format!("{text}0"),
        text[..text.len() - 1].to_owned(),
        format!("post_8{}", &text[6..]),
        format!("post_{}", "é".repeat(13)),
        format!("post_{}", "u".repeat(26)),
        "post_".to_owned() + &"0".repeat(10_000),
        // Version 4, and a variant that is not RFC 4122.
        PostId::from_uuid(Uuid::from_u128(id.uuid().as_u128() ^ 0x3 << 76)).to_string(),
        PostId::from_uuid(Uuid::from_u128(id.uuid().as_u128() ^ 1 << 62)).to_string(),
    ] {
        assert_eq!(
            refuse::<postbreeze_ids::Post>(&bad),
            malformed,
            "{}",
            &bad[..20.min(bad.len())]
        );
    }
    assert!(text.parse::<AccountId>().is_err() && text.parse::<WorkspaceId>().is_err());
}
