//! The limits that `post_options.proto` tells, network by network.

use postbreeze_proto::v1::{
    BlueskyOptions, CreatePostRequest, FacebookOptions, InstagramOptions, LinkedinOptions,
    LinkedinVisibility, MastodonOptions, PinterestOptions, Platform, PlatformOptions,
    PostTargetInput, SandboxOptions, ThreadsOptions, TiktokOptions, XOptions, YoutubeOptions,
    platform_options::Network,
};

use crate::support::{System, Team, add_account, draft, invalid_fields, target};

fn with(account_id: &str, network: Network) -> CreatePostRequest {
    let options = Some(PlatformOptions { network: Some(network) });
    CreatePostRequest {
        platforms: vec![PostTargetInput { options, ..target(account_id) }],
        ..draft("x", account_id)
    }
}

/// The fields below the options that are refused; all are taken for the first network and none for the second.
async fn check(
    system: &System,
    team: &Team,
    platform: Platform,
    good: Network,
    bad: Network,
    wanted: &[&str],
) {
    let account = match platform {
        Platform::Sandbox => team.account.id.clone(),
        _ => add_account(system, &team.account, platform).await,
    };
    let client = &team.owner.session;
    let post = client.create_post(with(&account, good.clone())).await.unwrap();
    assert_eq!(post.targets[0].options, Some(PlatformOptions { network: Some(good.clone()) }));
    let wanted: Vec<_> =
        wanted.iter().map(|field| format!("platforms[0].options.{field}")).collect();
    assert_eq!(invalid_fields(client.create_post(with(&account, bad)).await), wanted);
    if platform != Platform::Sandbox {
        let answer = client.create_post(with(&team.account.id, good)).await;
        assert_eq!(invalid_fields(answer), ["platforms[0].options"]);
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn options_of_networks_with_texts_keep_their_limits() {
    let system = System::start().await;
    let team = system.team().await;
    let handles = |collaborators| {
        Network::Instagram(InstagramOptions { placement: 2, share_to_feed: None, collaborators })
    };
    check(
        &system,
        &team,
        Platform::Instagram,
        handles(texts(&["ann", "bob", "cid"])),
        Network::Instagram(InstagramOptions {
            placement: 4,
            collaborators: texts(&["@ann", "", "cid"]),
            ..Default::default()
        }),
        &["instagram.collaborators[0]", "instagram.collaborators[1]", "instagram.placement"],
    )
    .await;
    let link = |link: &str| Network::Facebook(FacebookOptions { link: link.to_owned() });
    check(
        &system,
        &team,
        Platform::FacebookPage,
        link("http://example.com/a?b=c"),
        link("javascript:alert(1)"),
        &["facebook.link"],
    )
    .await;
    let youtube = |title: usize, tags: Vec<String>, visibility| {
        let title = "x".repeat(title);
        Network::Youtube(YoutubeOptions { title, tags, visibility, ..Default::default() })
    };
    check(
        &system,
        &team,
        Platform::Youtube,
        youtube(100, vec!["x".repeat(250); 2], 3),
        youtube(101, vec!["x".repeat(167); 3], -1),
        &["youtube.tags", "youtube.title", "youtube.visibility"],
    )
    .await;
    let pinterest = |board: usize, title: usize, link: &str| {
        let (board_id, title) = ("x".repeat(board), "x".repeat(title));
        Network::Pinterest(PinterestOptions { board_id, title, link: link.to_owned() })
    };
    check(
        &system,
        &team,
        Platform::Pinterest,
        pinterest(64, 100, "https://example.com"),
        pinterest(65, 101, &format!("https://example.com/{}", "x".repeat(2_048))),
        &["pinterest.board_id", "pinterest.link", "pinterest.title"],
    )
    .await;
    let languages = |tags: &[&str]| Network::Bluesky(BlueskyOptions { languages: texts(tags) });
    check(
        &system,
        &team,
        Platform::Bluesky,
        languages(&["en", "pt-BR", "zh-Hant-TW"]),
        languages(&["e", "en_US", "en-"]),
        &["bluesky.languages[0]", "bluesky.languages[1]", "bluesky.languages[2]"],
    )
    .await;
    let mastodon = |spoiler: usize, language: &str, visibility| {
        let (spoiler_text, language) = ("x".repeat(spoiler), language.to_owned());
        Network::Mastodon(MastodonOptions { visibility, spoiler_text, sensitive: true, language })
    };
    check(
        &system,
        &team,
        Platform::Mastodon,
        mastodon(500, "en", 1),
        mastodon(501, "EN", 9),
        &["mastodon.language", "mastodon.spoiler_text", "mastodon.visibility"],
    )
    .await;
}

#[tokio::test]
async fn options_of_networks_with_choices_keep_their_limits() {
    let system = System::start().await;
    let team = system.team().await;
    let x = |reply_settings| Network::X(XOptions { reply_settings });
    check(&system, &team, Platform::X, x(5), x(6), &["x.reply_settings"]).await;
    let linkedin = |visibility| Network::Linkedin(LinkedinOptions { visibility });
    let connections = linkedin(LinkedinVisibility::Connections.into());
    check(
        &system,
        &team,
        Platform::LinkedinPerson,
        connections.clone(),
        linkedin(3),
        &["linkedin.visibility"],
    )
    .await;
    check(
        &system,
        &team,
        Platform::LinkedinCompany,
        linkedin(1),
        connections,
        &["linkedin.visibility"],
    )
    .await;
    let tiktok =
        |privacy_level| Network::Tiktok(TiktokOptions { privacy_level, ..Default::default() });
    check(&system, &team, Platform::Tiktok, tiktok(4), tiktok(5), &["tiktok.privacy_level"]).await;
    let threads = |reply_control| Network::Threads(ThreadsOptions { reply_control });
    check(&system, &team, Platform::Threads, threads(3), threads(4), &["threads.reply_control"])
        .await;
    let sandbox = with(&team.account.id, Network::Sandbox(SandboxOptions {}));
    team.owner.session.create_post(sandbox).await.unwrap();
}

#[tokio::test]
async fn options_are_few_and_small() {
    let system = System::start().await;
    let team = system.team().await;
    let account = add_account(&system, &team.account, Platform::Instagram).await;
    let many = Network::Instagram(InstagramOptions {
        collaborators: texts(&["a", "b", "c", "d"]),
        ..Default::default()
    });
    let answer = team.owner.session.create_post(with(&account, many)).await;
    assert_eq!(invalid_fields(answer), ["platforms[0].options.instagram.collaborators"]);
    let large = Network::Instagram(InstagramOptions {
        collaborators: vec!["x".repeat(20_000)],
        ..Default::default()
    });
    let answer = team.owner.session.create_post(with(&account, large)).await;
    assert_eq!(invalid_fields(answer), ["platforms[0].options"]);
    // Options for no network are none.
    let mut request = draft("x", &account);
    request.platforms[0].options = Some(PlatformOptions { network: None });
    let post = team.owner.session.create_post(request).await.unwrap();
    assert_eq!(post.targets[0].options, None);
}
