//! Kinds, counts, sizes, lengths and shapes of media.

use postbreeze_networks::{Medium, Sending, Subject};
use postbreeze_proto::v1::Platform;

use crate::{assert_refused, assert_taken, bytes, jpeg, medium, millis, mp4, sized};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

fn showing<'a>(media: &'a [Medium<'a>]) -> Sending<'a> {
    Sending { caption: "hi", media, ..Sending::default() }
}

#[test]
fn a_post_shows_as_many_as_the_network_takes() {
    for (platform, of, most) in [
        (Platform::Instagram, jpeg(), 10),
        (Platform::FacebookPage, jpeg(), 10),
        (Platform::FacebookPage, mp4(), 1),
        (Platform::X, jpeg(), 4),
        (Platform::X, mp4(), 1),
        (Platform::X, medium("image/gif"), 1),
        (Platform::LinkedinPerson, jpeg(), 20),
        (Platform::LinkedinCompany, medium("application/pdf"), 1),
        (Platform::Tiktok, jpeg(), 35),
        (Platform::Tiktok, mp4(), 1),
        (Platform::Youtube, mp4(), 1),
        (Platform::Pinterest, jpeg(), 5),
        (Platform::Threads, mp4(), 20),
        (Platform::Bluesky, jpeg(), 4),
        (Platform::Bluesky, mp4(), 1),
        (Platform::Mastodon, medium("image/heic"), 4),
        (Platform::Mastodon, mp4(), 1),
        (Platform::Sandbox, jpeg(), 35),
    ] {
        assert_taken(platform, &showing(&vec![of; most]));
        let says = format!("there are {}", most + 1);
        assert_refused(platform, &showing(&vec![of; most + 1]), Subject::MediaCount, &says);
    }
}

#[test]
fn kinds_are_mixed_where_the_network_mixes_them() {
    let mixed = [jpeg(), mp4()];
    for platform in [Platform::Instagram, Platform::Threads, Platform::Sandbox] {
        assert_taken(platform, &showing(&mixed));
    }
    for platform in [
        Platform::FacebookPage,
        Platform::X,
        Platform::LinkedinPerson,
        Platform::Bluesky,
        Platform::Mastodon,
    ] {
        assert_refused(platform, &showing(&mixed), Subject::MediaCount, "must not mix");
    }
    assert_refused(
        Platform::X,
        &showing(&[jpeg(), medium("image/gif")]),
        Subject::MediaCount,
        "must not mix photos and GIFs",
    );
    // A video on Pinterest may be followed by its cover.
    assert_taken(Platform::Pinterest, &showing(&[mp4(), jpeg()]));
    assert_refused(Platform::Pinterest, &showing(&mixed), Subject::MediaCount, "then its cover");
}

#[test]
fn types_that_a_network_does_not_take_are_named_with_those_it_does() {
    for (platform, content_type, taken) in [
        (Platform::Instagram, "image/png", "image/jpeg"),
        (Platform::Instagram, "application/pdf", "video/mp4"),
        (Platform::FacebookPage, "application/pdf", "image/png"),
        (Platform::X, "image/heic", "image/webp"),
        (Platform::LinkedinPerson, "video/webm", "application/pdf"),
        (Platform::Tiktok, "image/png", "image/webp"),
        (Platform::Youtube, "image/jpeg", "video/mp4"),
        (Platform::Pinterest, "video/webm", "video/quicktime"),
        (Platform::Threads, "image/gif", "image/png"),
        (Platform::Bluesky, "video/quicktime", "video/mp4"),
        (Platform::Mastodon, "application/pdf", "image/heif"),
        (Platform::Sandbox, "text/plain", "application/pdf"),
    ] {
        let media = [medium(content_type)];
        assert_refused(platform, &showing(&media), Subject::Media(0), content_type);
        assert_refused(platform, &showing(&media), Subject::Media(0), taken);
    }
    let unknown = [Medium { content_type: "", ..jpeg() }];
    assert_refused(Platform::X, &showing(&unknown), Subject::Media(0), "of an unknown type");
}

#[test]
fn a_medium_is_as_large_as_the_network_takes() {
    for (platform, of, most, says) in [
        (Platform::Instagram, jpeg(), 8 * MIB, "8 MiB; it has 8388609 bytes"),
        (Platform::Instagram, mp4(), 300 * MIB, "300 MiB"),
        (Platform::FacebookPage, jpeg(), 10 * MIB, "10 MiB"),
        (Platform::FacebookPage, mp4(), 10 * GIB, "10 GiB"),
        (Platform::X, jpeg(), 5 * MIB, "5 MiB"),
        (Platform::X, medium("image/gif"), 15 * MIB, "15 MiB"),
        (Platform::X, mp4(), 8 * GIB, "8 GiB"),
        (Platform::LinkedinCompany, mp4(), 5 * GIB, "5 GiB"),
        (Platform::LinkedinCompany, medium("application/pdf"), 100 * MIB, "100 MiB"),
        (Platform::Tiktok, jpeg(), 20 * MIB, "20 MiB"),
        (Platform::Tiktok, mp4(), 4 * GIB, "4 GiB"),
        (Platform::Youtube, mp4(), 256 * GIB, "256 GiB"),
        (Platform::Pinterest, jpeg(), 20 * MIB, "20 MiB"),
        (Platform::Pinterest, mp4(), 2 * GIB, "2 GiB"),
        (Platform::Threads, jpeg(), 8 * MIB, "8 MiB"),
        (Platform::Threads, mp4(), GIB, "1 GiB"),
        (Platform::Bluesky, jpeg(), 2_000_000, "2000000 bytes"),
        (Platform::Bluesky, mp4(), 100_000_000, "100000000 bytes"),
        (Platform::Mastodon, jpeg(), 16 * MIB, "16 MiB"),
        (Platform::Mastodon, mp4(), 99 * MIB, "99 MiB"),
    ] {
        assert_taken(platform, &showing(&[bytes(most, of)]));
        assert_refused(platform, &showing(&[bytes(most + 1, of)]), Subject::Media(0), says);
    }
}

#[test]
fn a_video_runs_as_long_as_the_network_takes() {
    for (platform, least, most) in [
        (Platform::Instagram, 3_000, 900_000),
        (Platform::FacebookPage, 1_000, 14_400_000),
        (Platform::X, 500, 1_200_000),
        (Platform::LinkedinPerson, 3_000, 1_800_000),
        (Platform::Tiktok, 3_000, 600_000),
        (Platform::Youtube, 0, 43_200_000),
        (Platform::Pinterest, 4_000, 900_000),
        (Platform::Threads, 0, 300_000),
        (Platform::Bluesky, 0, 180_000),
    ] {
        for good in [least, most] {
            assert_taken(platform, &showing(&[millis(good, mp4())]));
        }
        let bad = [least.checked_sub(1), Some(most + 1)];
        for bad in bad.into_iter().flatten() {
            assert_refused(
                platform,
                &showing(&[millis(bad, mp4())]),
                Subject::Media(0),
                "must run",
            );
        }
    }
}

#[test]
fn a_medium_has_a_shape_that_the_network_takes() {
    for (platform, of, good, bad, says) in [
        (
            Platform::Instagram,
            jpeg(),
            (1_080, 1_350),
            (1_080, 1_920),
            "between 4:5 and 1.91:1; it is 1080 x 1920",
        ),
        (Platform::Instagram, jpeg(), (1_200, 628), (1_280, 640), "between 4:5 and 1.91:1"),
        (Platform::Instagram, mp4(), (1_080, 1_920), (4_000, 300), "between 0.01:1 and 10:1"),
        (Platform::X, mp4(), (300, 100), (400, 100), "between 1:3 and 3:1"),
        (
            Platform::LinkedinPerson,
            jpeg(),
            (6_000, 6_000),
            (6_100, 6_000),
            "at most 36152320 pixels",
        ),
        (Platform::Tiktok, mp4(), (360, 640), (359, 640), "at least 360 pixels"),
        (Platform::Tiktok, mp4(), (4_096, 2_160), (4_097, 2_160), "at most 4096 x 4096 pixels"),
        (Platform::Tiktok, jpeg(), (1_920, 1_080), (1_920, 1_081), "at most 1080 x 1920 pixels"),
        (Platform::Threads, jpeg(), (1_000, 100), (1_200, 100), "between 1:10 and 10:1"),
        (Platform::Mastodon, jpeg(), (7_680, 4_320), (7_681, 4_320), "at most 33177600 pixels"),
        (Platform::Mastodon, mp4(), (3_840, 2_160), (3_841, 2_160), "at most 8294400 pixels"),
    ] {
        assert_taken(platform, &showing(&[sized(good.0, good.1, of)]));
        assert_refused(platform, &showing(&[sized(bad.0, bad.1, of)]), Subject::Media(0), says);
    }
}

#[test]
fn what_is_not_known_is_no_problem() {
    let only_width = Medium { width_px: Some(1), ..jpeg() };
    let unread = sized(0, 0, jpeg());
    for media in [[jpeg()], [only_width], [unread]] {
        assert_taken(Platform::Instagram, &showing(&media));
        assert_taken(Platform::Tiktok, &showing(&media));
    }
}
