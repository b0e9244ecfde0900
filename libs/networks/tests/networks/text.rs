//! Captions and first comments.

use postbreeze_networks::{Medium, Sending, Subject, check};
use postbreeze_proto::v1::{MastodonOptions, Platform, platform_options::Network};

use crate::{assert_refused, assert_taken, jpeg, mp4, options};

type Row<'a> = (Platform, &'a [Medium<'a>], String, String, &'a str);

fn assert_limits(rows: &[Row]) {
    for (platform, media, longest, too_long, says) in rows {
        assert_taken(*platform, &Sending { caption: longest, media, ..Sending::default() });
        let sending = Sending { caption: too_long, media, ..Sending::default() };
        assert_refused(*platform, &sending, Subject::Caption, says);
    }
}

fn long(count: usize) -> String {
    "x".repeat(count)
}

#[test]
fn a_text_at_the_limit_is_taken_and_one_over_it_is_not() {
    let media = [jpeg()];
    assert_limits(&[
        (
            Platform::Instagram,
            &media,
            long(2_200),
            long(2_201),
            "most 2200 characters; it has 2201",
        ),
        (Platform::FacebookPage, &[], long(63_206), long(63_207), "most 63206 characters"),
        (Platform::LinkedinPerson, &[], long(3_000), long(3_001), "most 3000 characters"),
        (Platform::LinkedinCompany, &[], long(3_000), long(3_001), "most 3000 characters"),
        (Platform::Tiktok, &media, long(4_000), long(4_001), "most 4000 UTF-16 code units"),
        (Platform::Pinterest, &media, long(800), long(801), "most 800 characters"),
        (Platform::Bluesky, &[], long(300), long(301), "most 300 characters; it has 301"),
        (Platform::Sandbox, &[], long(10_000), long(10_001), "most 10000 characters"),
    ]);
}

#[test]
fn a_text_is_counted_as_the_network_does() {
    let media = [mp4()];
    let emoji = |count: usize| "😀".repeat(count);
    let families = |count: usize| "👨‍👩‍👧‍👦".repeat(count);
    assert_limits(&[
        (
            Platform::X,
            &[],
            "日".repeat(140),
            "日".repeat(141),
            "most 280 characters as X counts them; it has 282",
        ),
        (Platform::X, &[], emoji(140), format!("{}!", emoji(140)), "it has 281"),
        (
            Platform::Tiktok,
            &media,
            emoji(1_100),
            emoji(1_101),
            "most 2200 UTF-16 code units; it has 2202",
        ),
        (
            Platform::Youtube,
            &media,
            "é".repeat(2_500),
            "é".repeat(2_501),
            "most 5000 bytes; it has 5002",
        ),
        (Platform::Threads, &[], emoji(125), emoji(126), "as Threads counts them; it has 504"),
        // A family is one character, and 25 bytes.
        (Platform::Bluesky, &[], families(120), families(121), "most 3000 bytes; it has 3025"),
        (
            Platform::Mastodon,
            &[],
            families(500),
            families(501),
            "as Mastodon counts them; it has 501",
        ),
    ]);
}

#[test]
fn a_url_costs_23_where_the_network_shortens_it() {
    let url = format!("https://example.com/{}", "a".repeat(500));
    for (platform, rest) in [(Platform::X, 257), (Platform::Mastodon, 477)] {
        let longest = format!("{url} {}", "x".repeat(rest - 1));
        assert_taken(platform, &Sending { caption: &longest, ..Sending::default() });
        let sending = Sending { caption: &format!("{longest}x"), ..Sending::default() };
        assert_refused(platform, &sending, Subject::Caption, "characters as");
    }
    let sending = Sending { caption: &url, ..Sending::default() };
    assert_refused(Platform::Threads, &sending, Subject::Caption, "it has 520");
}

#[test]
fn an_account_may_have_a_limit_of_its_own() {
    for platform in [Platform::Mastodon, Platform::X] {
        let long = "x".repeat(5_000);
        let of = |caption: &'static str| Sending {
            caption,
            caption_limit: Some(5_000),
            ..Sending::default()
        };
        assert_taken(platform, &Sending { caption: &long, first_comment: &long, ..of("") });
        let longer = format!("{long}x");
        let sending = Sending { caption: &longer, ..of("") };
        assert_refused(platform, &sending, Subject::Caption, "at most 5000");
        let sending = Sending { first_comment: &longer, ..of("hi") };
        assert_refused(platform, &sending, Subject::FirstComment, "at most 5000");
    }
    let shorter = Sending { caption: "12345", caption_limit: Some(4), ..Sending::default() };
    assert_refused(Platform::Mastodon, &shorter, Subject::Caption, "at most 4");
}

#[test]
fn a_warning_counts_along_on_mastodon() {
    let spoiler_text = "w".repeat(100);
    let options =
        options(Network::Mastodon(MastodonOptions { spoiler_text, ..Default::default() }));
    let caption = "x".repeat(400);
    let sending = Sending { caption: &caption, options: Some(&options), ..Sending::default() };
    assert_taken(Platform::Mastodon, &sending);
    let caption = format!("{caption}x");
    let sending = Sending { caption: &caption, ..sending };
    assert_refused(
        Platform::Mastodon,
        &sending,
        Subject::Caption,
        "its warning included; it has 501",
    );
}

#[test]
fn instagram_counts_hashtags_and_mentions() {
    let media = [jpeg()];
    for (sign, most, says) in [("#", 30, "hashtags"), ("@", 20, "mentions")] {
        let words = |count| format!("{sign}a ").repeat(count);
        let (longest, too_many) = (words(most), words(most + 1));
        assert_taken(
            Platform::Instagram,
            &Sending { caption: &longest, media: &media, ..Sending::default() },
        );
        let sending = Sending { caption: &too_many, media: &media, ..Sending::default() };
        assert_refused(Platform::Instagram, &sending, Subject::Caption, says);
    }
}

#[test]
fn a_first_comment_has_limits_of_its_own() {
    for (platform, most) in [
        (Platform::Instagram, 2_200),
        (Platform::FacebookPage, 8_000),
        (Platform::X, 280),
        (Platform::LinkedinPerson, 1_250),
        (Platform::Youtube, 10_000),
        (Platform::Threads, 500),
        (Platform::Bluesky, 300),
        (Platform::Mastodon, 500),
        (Platform::Sandbox, 2_000),
    ] {
        let media = [if platform == Platform::Youtube { mp4() } else { jpeg() }];
        let sending = Sending { caption: "hi", media: &media, ..Sending::default() };
        let longest = "x".repeat(most);
        assert_taken(platform, &Sending { first_comment: &longest, ..sending });
        let too_long = format!("{longest}x");
        let long = Sending { first_comment: &too_long, ..sending };
        assert_refused(platform, &long, Subject::FirstComment, &format!("at most {most}"));
        let blank = Sending { first_comment: " \n", ..sending };
        assert_refused(platform, &blank, Subject::FirstComment, "must say something");
    }
    for (platform, media) in [(Platform::Tiktok, mp4()), (Platform::Pinterest, jpeg())] {
        let media = [media];
        let sending =
            Sending { caption: "hi", first_comment: "first", media: &media, ..Sending::default() };
        assert_refused(platform, &sending, Subject::FirstComment, "must be empty");
    }
}

#[test]
fn a_post_says_or_shows_something() {
    for platform in [
        Platform::FacebookPage,
        Platform::X,
        Platform::LinkedinCompany,
        Platform::Threads,
        Platform::Bluesky,
        Platform::Mastodon,
        Platform::Sandbox,
    ] {
        for caption in ["", " \n\t"] {
            let sending = Sending { caption, ..Sending::default() };
            assert_refused(platform, &sending, Subject::Caption, "must say something");
            let media = [jpeg()];
            assert_taken(platform, &Sending { caption, media: &media, ..Sending::default() });
        }
    }
    for platform in [Platform::Instagram, Platform::Tiktok, Platform::Youtube, Platform::Pinterest]
    {
        let sending = Sending { caption: "hi", ..Sending::default() };
        assert_refused(platform, &sending, Subject::MediaCount, "there are 0");
    }
}

#[test]
fn every_problem_is_told_at_once_in_one_order() {
    let media = [jpeg(), crate::medium("application/pdf"), mp4()];
    let caption = "x".repeat(300);
    let sending =
        Sending { caption: &caption, first_comment: &caption, media: &media, ..Sending::default() };
    let subjects: Vec<_> =
        check(Platform::X, &sending).into_iter().map(|problem| problem.subject).collect();
    assert_eq!(
        subjects,
        [Subject::Caption, Subject::FirstComment, Subject::MediaCount, Subject::Media(1)]
    );
}
