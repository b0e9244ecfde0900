//! Conversations as Meta's documentation shows them.

use postbreeze_proto::v1::{FacebookOptions, Platform, PlatformOptions};
use serde_json::json;

use super::*;
use crate::networks::{
    TokenTrouble,
    exchange::{Exchange, Expected, Stage, begun, first_attempt_time, get, http, post, told},
};

async fn stage() -> Stage {
    Stage::of(Platform::FacebookPage, "100", "Acme").await
}

fn network(exchange: &Exchange) -> FacebookPage {
    FacebookPage::new(exchange.app(), http())
}

fn text() -> PublishRequest {
    PublishRequest {
        text: "Launch".to_owned(),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    }
}

fn photos(exchange: &Exchange) -> PublishRequest {
    let first = exchange.medium("/m/1.jpg", "image/jpeg", 10);
    PublishRequest {
        media: vec![
            MediaToPublish { alt_text: "A rocket".to_owned(), ..first },
            exchange.medium("/m/2.jpg", "image/jpeg", 10),
        ],
        ..text()
    }
}

fn photo(form: &[(&str, &str)], id: &str) -> Expected {
    post("/100/photos").bearer().form(form).answers(200, json!({ "id": id }))
}

fn first_photo() -> Expected {
    photo(
        &[
            ("url", "https://media.example/m/1.jpg"),
            ("published", "false"),
            ("alt_text_custom", "A rocket"),
        ],
        "p1",
    )
}

fn feed(form: &[(&str, &str)]) -> Expected {
    post("/100/feed").bearer().form(form)
}

fn sent(id: &str) -> Outcome {
    Outcome::Sent(Sent {
        external_id: id.to_owned(),
        external_url: format!("https://www.facebook.com/{id}"),
    })
}

const PAGES: [(&str, &str); 2] =
    [("fields", "id,name,username,access_token,picture{url}"), ("limit", "100")];

#[tokio::test]
async fn a_person_connects_the_page_they_name_of_several() {
    let client = [("client_id", "client"), ("client_secret", "client-secret")];
    let token = |query: &[(&str, &str)]| get("/token", &[&client[..], query].concat());
    let granted = || {
        [
            token(&[("redirect_uri", "https://app.example/callback"), ("code", "c")]).answers(
                200,
                json!({"access_token": "short", "token_type": "bearer", "expires_in": 5_000}),
            ),
            token(&[("grant_type", "fb_exchange_token"), ("fb_exchange_token", "short")]).answers(
                200,
                json!({"access_token": "long", "token_type": "bearer", "expires_in": 5_183_944}),
            ),
            get("/me/accounts", &PAGES).header("authorization", "Bearer long").answers(
                200,
                json!({"data": [
                    {"id": "100", "name": "Acme", "username": "acme.inc", "access_token": "page",
                     "picture": {"data": {"url": "https://img.example/1"}}},
                    {"id": "101", "name": "Other", "access_token": "other"},
                ]}),
            ),
        ]
    };
    let exchange = Exchange::of(granted()).await;
    exchange.then(granted().into_iter().chain(granted()));
    let network = network(&exchange);
    let url = network.start_connect(&begun("s")).await.unwrap();
    assert!(url.contains("scope=pages_show_list%2Cpages_manage_posts"), "{url}");
    let chosen = Begun { external_id: "100", ..begun("s") };
    let grant = network.connect(&chosen, Given::Code("c")).await;
    assert_eq!(told(&grant), "100 acme.inc Acme page - -");
    for external_id in ["", "102"] {
        let chosen = Begun { external_id, ..begun("s") };
        let grant = told(&network.connect(&chosen, Given::Code("c")).await);
        let names = "must be one of 100 (Acme), 101 (Other)";
        assert!(grant.contains("external_id") && grant.contains(names), "{grant}");
    }
    exchange.is_over();
}

#[tokio::test]
async fn a_person_without_a_page_cannot_connect_one() {
    let exchange = Exchange::of([]).await;
    let client = [("client_id", "client"), ("client_secret", "client-secret")];
    let token = |query: &[(&str, &str)]| {
        get("/token", &[&client[..], query].concat()).answers(200, json!({"access_token": "t"}))
    };
    exchange.then([
        token(&[("redirect_uri", "https://app.example/callback"), ("code", "c")]),
        token(&[("grant_type", "fb_exchange_token"), ("fb_exchange_token", "t")]),
        get("/me/accounts", &PAGES).answers(200, json!({"data": []})),
    ]);
    let grant = network(&exchange).connect(&begun("s"), Given::Code("c")).await;
    assert!(told(&grant).contains("granted no page"), "{}", told(&grant));
    exchange.is_over();
}

#[tokio::test]
async fn a_text_with_a_link_is_published() {
    let link = FacebookOptions { link: "https://example.com/launch".to_owned() };
    let request = PublishRequest {
        options: Some(PlatformOptions { network: Some(Options::Facebook(link)) }),
        ..text()
    };
    let form = [("message", "Launch"), ("link", "https://example.com/launch")];
    let exchange = Exchange::of([feed(&form).answers(200, json!({"id": "100_1"}))]).await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let outcome = network(&exchange).publish(&stage.session, &request, &mut progress).await;
    assert_eq!(outcome, sent("100_1"));
    exchange.is_over();
}

#[tokio::test]
async fn photos_are_uploaded_unseen_and_shown_by_one_post_once() {
    let exchange = Exchange::of([]).await;
    let second = [("url", "https://media.example/m/2.jpg"), ("published", "false")];
    let limit = json!({"error": {"message": "Calls to this api have exceeded the rate limit.", "code": 32}});
    exchange.then([
        first_photo(),
        post("/100/photos").bearer().form(&second).answers(400, limit).with("retry-after", "60"),
    ]);
    let (network, stage) = (network(&exchange), stage().await);
    let request = photos(&exchange);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code.as_str(), failure.transient), ("rate_limited", true));
    assert_eq!(failure.retry_after, Some(std::time::Duration::from_mins(1)));
    // The first is there already.
    exchange.then([
        photo(&second, "p2"),
        feed(&[
            ("message", "Launch"),
            ("attached_media[0]", "{\"media_fbid\":\"p1\"}"),
            ("attached_media[1]", "{\"media_fbid\":\"p2\"}"),
        ])
        .answers(200, json!({"id": "100_1"})),
    ]);
    let mut progress = stage.progress().await;
    assert_eq!(network.publish(&stage.session, &request, &mut progress).await, sent("100_1"));
    exchange.is_over();
}

#[tokio::test]
async fn photos_that_are_refused_are_uploaded_anew() {
    let exchange = Exchange::of([]).await;
    let request = PublishRequest { media: photos(&exchange).media[..1].to_vec(), ..text() };
    let show = || feed(&[("message", "Launch"), ("attached_media[0]", "{\"media_fbid\":\"p1\"}")]);
    let gone =
        json!({"error": {"message": "Unsupported post request", "code": 100, "error_subcode": 33}});
    exchange.then([
        first_photo(),
        show().answers(400, gone),
        first_photo(),
        show().answers(200, json!({"id": "100_1"})),
    ]);
    let (network, stage) = (network(&exchange), stage().await);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    assert!(
        matches!(&outcome, Outcome::Failed(failure) if failure.code == "not_found"),
        "{outcome:?}"
    );
    let mut progress = stage.progress().await;
    assert_eq!(network.publish(&stage.session, &request, &mut progress).await, sent("100_1"));
    exchange.is_over();
}

#[tokio::test]
async fn a_video_is_fetched_by_the_network() {
    let exchange = Exchange::of([post("/100/videos")
        .bearer()
        .form(&[("file_url", "https://media.example/m/2.mp4"), ("description", "Launch")])
        .answers(200, json!({"id": "v1"}))])
    .await;
    let media = vec![exchange.medium("/m/2.mp4", "video/mp4", 10)];
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let request = PublishRequest { media, ..text() };
    let outcome = network(&exchange).publish(&stage.session, &request, &mut progress).await;
    let external_url = "https://www.facebook.com/100/videos/v1".to_owned();
    assert_eq!(outcome, Outcome::Sent(Sent { external_id: "v1".to_owned(), external_url }));
    exchange.is_over();
}

#[tokio::test]
async fn refusals_are_final_or_not_as_meta_says() {
    for (status, code, subcode, is) in [
        (400, 190, 0, ("token_expired", false, Some(TokenTrouble::Expired))),
        (403, 200, 0, ("permission_denied", false, None)),
        (400, 368, 0, ("blocked_by_network", false, None)),
        (400, 506, 0, ("duplicate", false, None)),
    ] {
        let error = json!({"error": {"message": "No", "code": code, "error_subcode": subcode}});
        let exchange = Exchange::of([feed(&[("message", "Launch")]).answers(status, error)]).await;
        let stage = stage().await;
        let mut progress = stage.progress().await;
        let outcome = network(&exchange).publish(&stage.session, &text(), &mut progress).await;
        let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!((failure.code.as_str(), failure.transient, failure.token), is);
        exchange.is_over();
    }
    // A server that fails may have done it, whatever status it has.
    for (status, code) in [(500, 2), (400, 2), (400, 1), (400, -1)] {
        let error = json!({"error": {"message": "An unexpected error", "code": code}});
        let exchange = Exchange::of([feed(&[("message", "Launch")]).answers(status, error)]).await;
        let stage = stage().await;
        let mut progress = stage.progress().await;
        let outcome = network(&exchange).publish(&stage.session, &text(), &mut progress).await;
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    }
}

fn posts(answer: serde_json::Value) -> Expected {
    let fields = "id,message,permalink_url,created_time,attachments{target,subattachments{target}}";
    // Two minutes before it was first tried.
    let query = [("fields", fields), ("since", "1795607880"), ("limit", "50")];
    get("/100/published_posts", &query).bearer().answers(200, answer)
}

#[tokio::test]
async fn a_lost_answer_is_found_by_its_text_or_by_its_photos() {
    let exchange = Exchange::of([feed(&[("message", "Launch")]).lost()]).await;
    let (network, mut stage) = (network(&exchange), stage().await);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &text(), &mut progress).await;
    assert!(
        matches!(&outcome, Outcome::Unknown { code, .. } if code == "answer_lost"),
        "{outcome:?}"
    );
    let url = "https://www.facebook.com/100/posts/1";
    let listed = json!({"data": [
        {"id": "100_1", "message": "Launch", "permalink_url": url, "created_time": "2026-11-25T12:00:01+0000"},
    ]});
    exchange.then([posts(listed), posts(json!({"data": []})), posts(json!({"data": []}))]);
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    let there = Sent { external_id: "100_1".to_owned(), external_url: url.to_owned() };
    assert_eq!(found, Found::There(there));
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: true, .. }), "{found:?}");
    stage.later(600);
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    assert_eq!(found, Found::NotThere);

    let one = PublishRequest { text: String::new(), ..photos(&exchange) };
    let one = PublishRequest { media: one.media[..1].to_vec(), ..one };
    let mut progress = stage.progress().await;
    let form = [("message", ""), ("attached_media[0]", "{\"media_fbid\":\"p1\"}")];
    exchange.then([first_photo(), feed(&form).lost()]);
    network.publish(&stage.session, &one, &mut progress).await;
    exchange.then([posts(json!({"data": [
        {"id": "100_3", "created_time": "2026-11-25T12:00:01+0000",
         "attachments": {"data": [{"target": {"id": "p7"}}]}},
        {"id": "100_2", "created_time": "2026-11-25T12:00:01+0000",
         "attachments": {"data": [{"target": {"id": "p1"}}]}},
    ]}))]);
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &one, &progress).await.unwrap();
    assert!(matches!(&found, Found::There(sent) if sent.external_id == "100_2"), "{found:?}");
    exchange.is_over();
}

#[tokio::test]
async fn a_list_that_was_cut_off_does_not_prove_that_a_post_is_not_there() {
    let one =
        json!({"id": "100_1", "message": "Other", "created_time": "2026-11-25T12:00:01+0000"});
    let page = |after: Option<&str>| {
        let fields =
            "id,message,permalink_url,created_time,attachments{target,subattachments{target}}";
        let mut query = vec![("fields", fields), ("since", "1795607880"), ("limit", "50")];
        query.extend(after.map(|after| ("after", after)));
        let listed = vec![one.clone(); 50];
        let paging = json!({"next": "https://graph.example/next", "cursors": {"after": "a"}});
        let answer = json!({"data": listed, "paging": paging});
        get("/100/published_posts", &query).bearer().answers(200, answer)
    };
    let exchange = Exchange::of([page(None), page(Some("a"))]).await;
    let (network, mut stage) = (network(&exchange), stage().await);
    let progress = stage.progress().await;
    stage.later(600);
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: false, .. }), "{found:?}");
    exchange.is_over();
}

#[tokio::test]
async fn comments_are_posted_found_and_fetched() {
    let query = [
        ("fields", "id,message,created_time,from{id,name,picture}"),
        ("order", "reverse_chronological"),
        ("filter", "stream"),
        ("limit", "100"),
    ];
    let comments = || {
        get("/100_1/comments", &query).bearer().answers(
            200,
            json!({"data": [
                {"id": "c2", "message": "Nice", "created_time": "2026-11-25T12:01:00+0000",
                 "from": {"id": "5", "name": "Bob", "picture": {"data": {"url": "https://img.example/b"}}}},
                {"id": "c1", "message": "First!", "created_time": "2026-11-25T12:00:03+0000",
                 "from": {"id": "100", "name": "Acme"}},
            ]}),
        )
    };
    let exchange = Exchange::of([
        post("/100_1/comments")
            .bearer()
            .form(&[("message", "First!")])
            .answers(200, json!({"id": "c1"})),
        post("/c2/comments")
            .bearer()
            .form(&[("message", "First!")])
            .answers(200, json!({"id": "c3"})),
        comments(),
        comments(),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let mut progress = stage.progress().await;
    let comment = |answered: &str| PublishCommentRequest {
        external_post_id: "100_1".to_owned(),
        external_comment_id: answered.to_owned(),
        text: "First!".to_owned(),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    };
    for (answered, id) in [("", "c1"), ("c2", "c3")] {
        let outcome =
            network.publish_comment(&stage.session, &comment(answered), &mut progress).await;
        assert_eq!(outcome, sent(id));
    }
    let found = network.find_comment(&stage.session, &comment(""), &progress).await.unwrap();
    assert!(matches!(&found, Found::There(sent) if sent.external_id == "c1"), "{found:?}");
    let fetched = network.fetch_comments(&stage.session, "100_1").await.unwrap();
    let [fetched] = &fetched[..] else { panic!("{fetched:?}") };
    assert_eq!((fetched.author_handle.as_str(), fetched.body.as_str()), ("Bob", "Nice"));
    assert_eq!(fetched.author_avatar_url, "https://img.example/b");
    exchange.is_over();
}
