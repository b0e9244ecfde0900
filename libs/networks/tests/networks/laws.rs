//! What holds for every text and every sending.

use std::time::Duration;

use postbreeze_networks::{Medium, Sending, Subject, Unit, check, limits};
use postbreeze_proto::v1::MediaKind;
use proptest::{collection::vec, option, prelude::*};

use crate::{PLATFORMS, jpeg, mp4};

const UNITS: [Unit; 7] = [
    Unit::Chars,
    Unit::Utf16,
    Unit::Bytes,
    Unit::Graphemes,
    Unit::Threads,
    Unit::X,
    Unit::Mastodon,
];

/// Texts of any characters, and ones that are made of what counting looks at.
fn texts() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "http://",
        "https://",
        "a.co",
        "example.com",
        "/path",
        "?q=1",
        "@me",
        "@me@a.example",
        "#tag",
        "(",
        ")",
        ".",
        ",",
        " ",
        "\n",
        "é",
        "e\u{301}",
        "日本",
        "☺",
        "\u{FE0F}",
        "\u{200D}",
        "👩",
        "👧🏽",
        "🇩",
        "🇪",
        "1\u{20E3}",
        "_",
        "-",
        "xn--p1ai",
        ".рф",
    ]);
    prop_oneof![any::<String>(), vec(parts, 0..20).prop_map(|parts| parts.concat())]
}

fn media() -> impl Strategy<Value = Vec<Medium<'static>>> {
    let types = prop::sample::select(vec![
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/heic",
        "video/mp4",
        "video/webm",
        "application/pdf",
        "",
        "a/b",
    ]);
    let medium = (
        types,
        any::<u64>(),
        option::of(any::<u32>()),
        option::of(any::<u32>()),
        option::of(any::<u64>()),
    );
    let medium =
        medium.prop_map(|(content_type, size_bytes, width_px, height_px, millis)| Medium {
            kind: MediaKind::Image,
            content_type,
            size_bytes,
            width_px,
            height_px,
            duration: millis.map(Duration::from_millis),
        });
    vec(medium, 0..40)
}

proptest! {
    #[test]
    fn no_text_is_more_than_it_is_in_bytes_doubled(text in texts()) {
        for unit in UNITS {
            // A URL may be shorter than what it counts.
            let most = 2 * text.len() + 23 * text.matches('.').count();
            prop_assert!(unit.count(&text) <= most, "{unit:?}");
        }
    }

    #[test]
    fn adding_characters_never_lowers_what_is_counted_one_by_one(text in texts(), more in texts()) {
        for unit in [Unit::Chars, Unit::Utf16, Unit::Bytes, Unit::Threads] {
            let whole = format!("{text}{more}");
            prop_assert_eq!(unit.count(&whole), unit.count(&text) + unit.count(&more));
        }
    }

    /// What is added may join the last cluster, and make a URL of the last word; a line of its own does neither.
    #[test]
    fn adding_a_line_adds_what_it_counts(text in texts(), more in "[a-z]{1,40}") {
        for unit in UNITS {
            let whole = format!("{text}\n{more}");
            prop_assert_eq!(unit.count(&whole), unit.count(&text) + 1 + more.len(), "{:?}", unit);
        }
    }

    #[test]
    fn a_caption_that_is_cut_to_the_limit_is_taken(text in texts(), times in 1_usize..60) {
        let long = text.repeat(times);
        let (image, video) = ([jpeg()], [mp4()]);
        for platform in PLATFORMS {
            let limits = limits(platform);
            let is_within = |cut: &str| limits.caption.iter().all(|text| text.unit.count(cut) <= text.most);
            // Words whole: a URL that is cut may count more than it did.
            let ends = long.char_indices().filter(|(_, char)| *char == ' ').map(|(at, _)| at);
            let cut = std::iter::once(long.len()).chain(ends.rev()).take(10).map(|end| &long[..end]).find(|cut| is_within(cut));
            let Some(cut) = cut else { continue };
            let takes_images = limits.forms.iter().any(|form| form.types.contains(&"image/jpeg"));
            let media = if takes_images { &image } else { &video };
            let problems = check(platform, &Sending { caption: cut, media, ..Sending::default() });
            let of_length = problems.iter().find(|problem| {
                problem.subject == Subject::Caption && problem.rule.contains("must have at most")
                    && !problem.rule.contains("hashtags")
                    && !problem.rule.contains("mentions")
            });
            prop_assert!(of_length.is_none(), "{platform:?} {of_length:?}");
        }
    }

    #[test]
    fn no_sending_panics_and_problems_are_in_order(
        caption in texts(),
        first_comment in texts(),
        media in media(),
        caption_limit in option::of(any::<usize>()),
    ) {
        let sending = Sending { caption: &caption, first_comment: &first_comment, media: &media, options: None, caption_limit };
        for platform in PLATFORMS {
            let problems = check(platform, &sending);
            prop_assert!(problems.is_sorted_by_key(|problem| problem.subject));
            prop_assert_eq!(&problems, &check(platform, &sending));
            for problem in problems {
                prop_assert!(problem.rule.starts_with("must ") || problem.rule.contains("must be"), "{:?}", problem);
            }
        }
    }
}
