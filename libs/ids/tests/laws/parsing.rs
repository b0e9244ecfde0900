//! What is refused.

use postbreeze_ids::{
    Account, Attempt, Bucket, Comment, Event, Folder, Id, Invitation, Key, Kind, Media, Member,
    ParseIdError, Post, PostId, Request, Target, User, Webhook, Workspace,
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::{buckets, minter_at};

const MALFORMED: Result<PostId, ParseIdError> = Err(ParseIdError::Malformed { expected: "post" });
const WRONG_KIND: Result<PostId, ParseIdError> = Err(ParseIdError::WrongKind { expected: "post" });

fn posts() -> impl Strategy<Value = PostId> {
    (0_u64..1 << 48, buckets()).prop_map(|(ms, bucket)| minter_at(ms).0.mint(bucket))
}

/// The text of a post's id with another character at a place of its 26.
fn with_char(id: PostId, place: usize, char: char) -> String {
    let text = id.to_string();
    let place = "post_".len() + place;
    format!("{}{char}{}", &text[..place], &text[place + 1..])
}

proptest! {
    #[test]
    fn a_character_outside_the_alphabet(
        id in posts(),
        place in 0_usize..26,
        char in "[A-Zilou\u{0}-/:-@\\[-`{-\u{10ffff}]",
    ) {
        let char = char.chars().next().unwrap();
        prop_assert_eq!(with_char(id, place, char).parse(), MALFORMED);
    }

    #[test]
    fn a_first_character_that_overflows(id in posts(), char in "[89a-z]") {
        prop_assert_eq!(with_char(id, 0, char.chars().next().unwrap()).parse(), MALFORMED);
    }

    #[test]
    fn another_length(body in "[0-7][0-9a-hjkmnp-tv-z]{0,60}") {
        prop_assume!(body.len() != 26);
        prop_assert_eq!(format!("post_{body}").parse(), MALFORMED);
    }

    #[test]
    fn another_version(id in posts(), version in 0_u128..16) {
        prop_assume!(version != 7);
        let bits = id.uuid().as_u128() & !(0xf << 76) | version << 76;
        prop_assert_eq!(PostId::from_uuid(Uuid::from_u128(bits)).to_string().parse(), MALFORMED);
    }

    #[test]
    fn another_variant(id in posts(), variant in prop::sample::select(vec![0b00_u128, 0b01, 0b11])) {
        let bits = id.uuid().as_u128() & !(0b11 << 62) | variant << 62;
        prop_assert_eq!(PostId::from_uuid(Uuid::from_u128(bits)).to_string().parse(), MALFORMED);
    }

    #[test]
    fn junk(text in ".{0,64}") {
        prop_assert!(text.parse::<PostId>().is_err());
    }
}

#[test]
fn every_other_kind() {
    type Parse = fn(&str) -> Result<Uuid, ParseIdError>;
    fn kind<K: Kind>() -> (&'static str, Parse) {
        (K::PREFIX, |text| text.parse::<Id<K>>().map(Id::uuid))
    }
    let kinds = [
        kind::<User>(),
        kind::<Workspace>(),
        kind::<Key>(),
        kind::<Member>(),
        kind::<Invitation>(),
        kind::<Account>(),
        kind::<Post>(),
        kind::<Target>(),
        kind::<Attempt>(),
        kind::<Media>(),
        kind::<Folder>(),
        kind::<Comment>(),
        kind::<Webhook>(),
        kind::<Event>(),
        kind::<Request>(),
    ];
    let id: PostId = minter_at(1_700_000_000_000).0.mint(Bucket::new(9).unwrap());
    let body = id.to_string().replacen("post_", "", 1);
    for (made, _) in kinds {
        for (expected, parse) in kinds {
            let wanted = if made == expected {
                Ok(id.uuid())
            } else {
                Err(ParseIdError::WrongKind { expected })
            };
            assert_eq!(parse(&format!("{made}_{body}")), wanted);
        }
    }
}

#[test]
fn a_prefix_that_is_not_whole() {
    let id: PostId = minter_at(1_700_000_000_000).0.mint(Bucket::new(9).unwrap());
    let text = id.to_string();
    let body = &text["post_".len()..];
    let bad = ["", "post", body, &text[1..], &text.to_uppercase(), &format!(" {text}")];
    for bad in bad.into_iter().map(str::to_owned).chain([format!("post{body}")]) {
        assert_eq!(bad.parse(), WRONG_KIND, "{bad:?}");
    }
    for bad in ["post_".to_owned(), format!("post__{body}"), format!("{text} ")] {
        assert_eq!(bad.parse(), MALFORMED, "{bad:?}");
    }
}

#[test]
fn a_long_text_is_not_repeated() {
    for text in ["x".repeat(10_000), format!("post_{}", "0".repeat(10_000))] {
        let error = text.parse::<PostId>().unwrap_err();
        assert!(error.to_string().len() < 100 && format!("{error:?}").len() < 100);
    }
}
