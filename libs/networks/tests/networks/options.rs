//! What options mean together with text and media.

use postbreeze_networks::{Sending, Subject, check, youtube_title};
use postbreeze_proto::v1::{
    FacebookOptions, InstagramOptions, InstagramPlacement, PinterestOptions, Platform,
    TiktokOptions, TiktokPrivacyLevel, YoutubeOptions, platform_options::Network,
};

use crate::{assert_refused, assert_taken, jpeg, millis, mp4, options, sized};

fn placed(placement: InstagramPlacement) -> InstagramOptions {
    InstagramOptions { placement: placement.into(), ..Default::default() }
}

#[test]
fn instagram_reels_and_stories_have_rules_of_their_own() {
    let [reel, story, feed] =
        [InstagramPlacement::Reel, InstagramPlacement::Story, InstagramPlacement::Feed]
            .map(|placement| options(Network::Instagram(placed(placement))));
    let (image, video) = ([jpeg()], [mp4()]);
    let (tall, long) = ([sized(1_080, 1_920, jpeg())], [millis(61_000, mp4())]);
    let two = [mp4(), mp4()];
    let of = |media, options| Sending {
        caption: "hi",
        media,
        options: Some(options),
        ..Sending::default()
    };

    assert_taken(Platform::Instagram, &of(&video, &reel));
    assert_taken(Platform::Instagram, &of(&long, &reel));
    assert_refused(Platform::Instagram, &of(&two, &reel), Subject::MediaCount, "exactly 1 medium");
    assert_refused(Platform::Instagram, &of(&image, &reel), Subject::Media(0), "video/mp4");

    assert_taken(Platform::Instagram, &of(&tall, &story));
    assert_taken(Platform::Instagram, &of(&video, &story));
    assert_refused(Platform::Instagram, &of(&two, &story), Subject::MediaCount, "exactly 1 medium");
    assert_refused(Platform::Instagram, &of(&long, &story), Subject::Media(0), "3 to 60 seconds");
    let commented = Sending { first_comment: "first", ..of(&image, &story) };
    assert_refused(Platform::Instagram, &commented, Subject::FirstComment, "must be empty");
    // It is not shown.
    let caption = "x".repeat(9_000);
    assert_taken(Platform::Instagram, &Sending { caption: &caption, ..of(&image, &story) });

    assert_taken(Platform::Instagram, &of(&two, &feed));
    assert_refused(Platform::Instagram, &of(&tall, &feed), Subject::Media(0), "4:5");
}

#[test]
fn a_story_has_no_co_authors() {
    let collaborators = vec!["acme".to_owned()];
    let story = InstagramOptions { collaborators, ..placed(InstagramPlacement::Story) };
    let feed = InstagramOptions { placement: 0, ..story.clone() };
    let media = [jpeg()];
    let (story, feed) = (options(Network::Instagram(story)), options(Network::Instagram(feed)));
    let of = |options| Sending { media: &media, options: Some(options), ..Sending::default() };
    assert_taken(Platform::Instagram, &of(&feed));
    let subject = Subject::Options("instagram.collaborators");
    assert_refused(Platform::Instagram, &of(&story), subject, "must be empty");
}

#[test]
fn facebook_shows_a_link_only_without_media() {
    let link = FacebookOptions { link: "https://example.com".to_owned() };
    let options = options(Network::Facebook(link));
    let sending = Sending { caption: "hi", options: Some(&options), ..Sending::default() };
    assert_taken(Platform::FacebookPage, &sending);
    let media = [jpeg()];
    let sending = Sending { media: &media, ..sending };
    assert_refused(
        Platform::FacebookPage,
        &sending,
        Subject::Options("facebook.link"),
        "without media",
    );
}

#[test]
fn youtube_wants_a_title_and_no_brackets() {
    let media = [mp4()];
    let of = |title: &str, tags: Vec<String>| {
        options(Network::Youtube(YoutubeOptions {
            title: title.to_owned(),
            tags,
            ..Default::default()
        }))
    };
    let (titled, bracketed) = (of("Launch", vec![]), of("a < b", vec![]));
    let sending = Sending { caption: "Launch\nmore", media: &media, ..Sending::default() };
    assert_taken(Platform::Youtube, &sending);
    for blank in ["", "\nmore", "  "] {
        let sending = Sending { caption: blank, ..sending };
        assert_refused(
            Platform::Youtube,
            &sending,
            Subject::Options("youtube.title"),
            "must be given",
        );
        assert_taken(Platform::Youtube, &Sending { options: Some(&titled), ..sending });
    }
    let brackets = Sending { caption: "a > b", ..sending };
    assert_refused(Platform::Youtube, &brackets, Subject::Caption, "must not contain");
    let brackets = Sending { options: Some(&bracketed), ..sending };
    assert_refused(
        Platform::Youtube,
        &brackets,
        Subject::Options("youtube.title"),
        "must not contain",
    );
    // 490 characters, and two commas, and quotes around one.
    for (tag, is_taken) in [
        ("x".repeat(6), true),
        (format!("a {}", "x".repeat(4)), true),
        (format!("a {}", "x".repeat(5)), false),
    ] {
        let tags = vec!["y".repeat(245), "z".repeat(245), tag];
        let options = of("Launch", tags);
        let sending = Sending { options: Some(&options), ..sending };
        if is_taken {
            assert_taken(Platform::Youtube, &sending);
        } else {
            assert_refused(
                Platform::Youtube,
                &sending,
                Subject::Options("youtube.tags"),
                "at most 500",
            );
        }
    }
}

#[test]
fn tiktok_wants_a_choice_of_who_sees_it_and_pinterest_a_board() {
    let (video, image) = ([mp4()], [jpeg()]);
    let of = |privacy: TiktokPrivacyLevel| {
        let chosen = TiktokOptions { privacy_level: privacy.into(), ..Default::default() };
        options(Network::Tiktok(chosen))
    };
    let (chosen, unchosen) =
        (of(TiktokPrivacyLevel::SelfOnly), of(TiktokPrivacyLevel::Unspecified));
    let sending = Sending { caption: "hi", media: &video, ..Sending::default() };
    assert_taken(Platform::Tiktok, &Sending { options: Some(&chosen), ..sending });
    let refused = |platform, sending: &Sending| {
        let problems = check(platform, sending).into_iter();
        problems.map(|problem| problem.subject).collect::<Vec<_>>()
    };
    for options in [None, Some(&unchosen)] {
        let sending = Sending { options, ..sending };
        let subject = Subject::Options("tiktok.privacy_level");
        assert_eq!(refused(Platform::Tiktok, &sending), [subject]);
    }
    let of = |board_id: &str| {
        let board_id = board_id.to_owned();
        options(Network::Pinterest(PinterestOptions { board_id, ..Default::default() }))
    };
    let (board, none) = (of("b1"), of(""));
    let sending = Sending { caption: "hi", media: &image, ..Sending::default() };
    assert_taken(Platform::Pinterest, &Sending { options: Some(&board), ..sending });
    for options in [None, Some(&none)] {
        let sending = Sending { options, ..sending };
        let subject = Subject::Options("pinterest.board_id");
        assert_eq!(refused(Platform::Pinterest, &sending), [subject]);
    }
}

#[test]
fn a_youtube_title_is_the_option_or_the_first_line() {
    let titled = YoutubeOptions { title: " Launch ".to_owned(), ..Default::default() };
    assert_eq!(youtube_title(Some(&titled), "first\nsecond"), "Launch");
    assert_eq!(youtube_title(Some(&YoutubeOptions::default()), "first\r\nsecond"), "first");
    assert_eq!(youtube_title(None, &"é".repeat(200)), "é".repeat(100));
    assert_eq!(youtube_title(None, ""), "");
}
