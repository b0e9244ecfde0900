//! Conversations as LinkedIn's documentation shows them.

use std::time::Duration;

use postbreeze_proto::{
    internal::v1::MediaToPublish,
    v1::{LinkedinOptions, Platform, PlatformOptions},
};
use serde_json::json;

use super::*;
use crate::networks::exchange::{
    Exchange, Expected, Stage, begun, first_attempt_time, get, http, medium, medium_part, now,
    post, put, told,
};

async fn stage() -> Stage {
    Stage::of(Platform::LinkedinCompany, "77", "acme").await
}

fn network(exchange: &Exchange, author: Author) -> Linkedin {
    Linkedin::new(exchange.app(), http(), author)
}

fn text() -> PublishRequest {
    PublishRequest {
        text: "Launch (soon) #day".to_owned(),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    }
}

fn own(expected: Expected) -> Expected {
    expected
        .bearer()
        .header("linkedin-version", VERSION)
        .header("x-restli-protocol-version", "2.0.0")
}

fn body(content: Option<Value>, visibility: &str, author: &str) -> Value {
    let mut body = json!({
        "author": author,
        "commentary": "Launch \\(soon\\) #day",
        "visibility": visibility,
        "distribution": {
            "feedDistribution": "MAIN_FEED",
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        },
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": false,
    });
    if let Some(content) = content {
        body["content"] = content;
    }
    body
}

fn posted(content: Option<Value>) -> Expected {
    own(post("/rest/posts")).json(body(content, "PUBLIC", "urn:li:organization:77"))
}

fn made(expected: Expected) -> Expected {
    expected.bytes_back(201, b"").with("x-restli-id", "urn:li:share:1")
}

fn there() -> Outcome {
    Outcome::Sent(Sent {
        external_id: "urn:li:share:1".to_owned(),
        external_url: "https://www.linkedin.com/feed/update/urn:li:share:1".to_owned(),
    })
}

fn code_form() -> Expected {
    post("/token").form(&[
        ("grant_type", "authorization_code"),
        ("code", "c"),
        ("client_id", "client"),
        ("client_secret", "client-secret"),
        ("redirect_uri", "https://app.example/callback"),
    ])
}

#[tokio::test]
async fn a_member_connects() {
    let exchange = Exchange::of([
        code_form().answers(200, json!({"access_token": "a", "expires_in": 5_184_000, "scope": "openid,profile,w_member_social"})),
        get("/v2/userinfo", &[])
            .header("authorization", "Bearer a")
            .answers(200, json!({"sub": "782bbtaQ", "name": "Ann Bee", "picture": "https://img.example/a"})),
    ])
    .await;
    let network = network(&exchange, Author::Person);
    let url = network.start_connect(&begun("s")).await.unwrap();
    assert!(
        url.contains("scope=openid+profile+w_member_social") && !url.contains("challenge"),
        "{url}"
    );
    let grant = network.connect(&begun("s"), Given::Code("c")).await;
    assert_eq!(told(&grant), "782bbtaQ Ann Bee Ann Bee a - 5184000");
    assert_eq!(grant.ok().unwrap().scopes, ["openid", "profile", "w_member_social"]);
    exchange.is_over();
}

const ACLS: [(&str, &str); 4] =
    [("q", "roleAssignee"), ("role", "ADMINISTRATOR"), ("state", "APPROVED"), ("count", "100")];

#[tokio::test]
async fn of_several_companies_the_one_that_is_named_connects() {
    let acl = |id: u32| json!({"organization": format!("urn:li:organization:{id}")});
    let company = |id: u32| {
        get(&format!("/rest/organizations/{id}"), &[])
            .answers(200, json!({"id": id, "localizedName": format!("Company {id}")}))
    };
    let begins = || {
        [
            code_form().answers(200, json!({"access_token": "a", "expires_in": 60})),
            get("/rest/organizationAcls", &ACLS)
                .answers(200, json!({"elements": [acl(77), acl(78)]})),
        ]
    };
    let exchange = Exchange::of(begins()).await;
    exchange.then([company(77), company(78)]);
    let network = network(&exchange, Author::Company);
    let grant = network.connect(&begun("s"), Given::Code("c")).await;
    let names = "must be one of 77 (Company 77), 78 (Company 78)";
    assert!(
        told(&grant).contains("external_id") && told(&grant).contains(names),
        "{}",
        told(&grant)
    );
    exchange.then(begins());
    exchange.then([company(78)]);
    let chosen = Begun { external_id: "78", ..begun("s") };
    let grant = network.connect(&chosen, Given::Code("c")).await;
    assert!(told(&grant).starts_with("78 Company 78"), "{}", told(&grant));
    exchange.is_over();
}

#[tokio::test]
async fn a_company_connects_by_who_administers_it_and_its_token_is_refreshed() {
    let token = json!({"access_token": "a", "expires_in": 60, "refresh_token": "r", "refresh_token_expires_in": 600});
    let refresh = || {
        post("/token").form(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", "refresh-token"),
            ("client_id", "client"),
            ("client_secret", "client-secret"),
        ])
    };
    let exchange = Exchange::of([
        code_form().answers(200, token.clone()),
        get("/rest/organizationAcls", &ACLS)
            .header("linkedin-version", VERSION)
            .answers(200, json!({"elements": [{"organization": "urn:li:organization:77", "role": "ADMINISTRATOR"}]})),
        get("/rest/organizations/77", &[])
            .answers(200, json!({"id": 77, "localizedName": "Acme Inc", "vanityName": "acme"})),
        code_form().answers(200, token.clone()),
        get("/rest/organizationAcls", &ACLS).answers(200, json!({"elements": []})),
        refresh().answers(200, token),
        refresh().answers(400, json!({"error": "invalid_grant", "error_description": "The provided refresh token is invalid"})),
    ])
    .await;
    let network = network(&exchange, Author::Company);
    let grant = network.connect(&begun("s"), Given::Code("c")).await;
    assert_eq!(told(&grant), "77 acme Acme Inc a r 60");
    let none = network.connect(&begun("s"), Given::Code("c")).await;
    assert!(told(&none).contains("administers no company page"), "{}", told(&none));
    let stage = stage().await;
    let tokens = network.refresh(&stage.session).await.unwrap();
    assert_eq!(tokens.expire_time, Some(now() + chrono::TimeDelta::seconds(60)));
    let refused = network.refresh(&stage.session).await.err().unwrap();
    assert!(matches!(refused, RefreshError::Refused { .. }), "{refused:?}");
    exchange.is_over();
}

#[tokio::test]
async fn a_text_is_posted_with_its_signs_escaped() {
    let exchange = Exchange::of([made(posted(None))]).await;
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let network = network(&exchange, Author::Company);
    assert_eq!(network.publish(&stage.session, &text(), &mut progress).await, there());
    exchange.is_over();
}

#[tokio::test]
async fn a_member_posts_to_connections() {
    let options = LinkedinOptions { visibility: LinkedinVisibility::Connections.into() };
    let request = PublishRequest {
        options: Some(PlatformOptions { network: Some(Options::Linkedin(options)) }),
        ..text()
    };
    let expected = body(None, "CONNECTIONS", "urn:li:person:782bbtaQ");
    let exchange = Exchange::of([made(own(post("/rest/posts")).json(expected))]).await;
    let stage = Stage::of(Platform::LinkedinPerson, "782bbtaQ", "Ann Bee").await;
    let mut progress = stage.progress().await;
    let network = network(&exchange, Author::Person);
    assert_eq!(network.publish(&stage.session, &request, &mut progress).await, there());
    // What members wrote may not be read.
    let found = network.find(&stage.session, &request, &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: false, .. }), "{found:?}");
    exchange.is_over();
}

fn initialize(kind: &str, value: &Value) -> Expected {
    let owner = json!({"initializeUploadRequest": {"owner": "urn:li:organization:77"}});
    own(post(&format!("/rest/{kind}")))
        .query(&[("action", "initializeUpload")])
        .json(owner)
        .answers(200, json!({ "value": value }))
}

fn image(n: u8) -> [Expected; 3] {
    let value =
        json!({"uploadUrl": format!("{{here}}/up/{n}"), "image": format!("urn:li:image:{n}")});
    [
        initialize("images", &value),
        medium(&format!("/m/{n}.png"), b"bytes"),
        put(&format!("/up/{n}"))
            .bearer()
            .header("content-type", "image/png")
            .bytes(b"bytes")
            .bytes_back(201, b""),
    ]
}

#[tokio::test]
async fn images_are_uploaded_once_each_and_shown_in_one_post() {
    let exchange = Exchange::of([]).await;
    exchange.then(image(1));
    let limit =
        json!({"message": "Resource level throttle", "status": 429, "code": "TOO_MANY_REQUESTS"});
    let owner = json!({"initializeUploadRequest": {"owner": "urn:li:organization:77"}});
    let limited = own(post("/rest/images")).query(&[("action", "initializeUpload")]).json(owner);
    exchange.then([limited.answers(429, limit).with("retry-after", "12")]);
    let first = exchange.medium("/m/1.png", "image/png", 5);
    let request = PublishRequest {
        media: vec![
            MediaToPublish { alt_text: "A rocket".to_owned(), ..first },
            exchange.medium("/m/2.png", "image/png", 5),
        ],
        ..text()
    };
    let (network, stage) = (network(&exchange, Author::Company), stage().await);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &request, &mut progress).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code.as_str(), failure.transient), ("rate_limited", true));
    assert_eq!(failure.retry_after, Some(Duration::from_secs(12)));
    exchange.then(image(2));
    exchange.then([made(posted(Some(json!({"multiImage": {"images": [
        {"id": "urn:li:image:1", "altText": "A rocket"},
        {"id": "urn:li:image:2"},
    ]}}))))]);
    let mut progress = stage.progress().await;
    assert_eq!(network.publish(&stage.session, &request, &mut progress).await, there());
    exchange.is_over();
}

#[tokio::test]
async fn a_document_is_shown_under_its_title() {
    let value = json!({"uploadUrl": "{here}/up/d", "document": "urn:li:document:1"});
    let exchange = Exchange::of([
        initialize("documents", &value),
        medium("/m/1.pdf", b"%PDF"),
        put("/up/d").bearer().bytes(b"%PDF").bytes_back(201, b""),
        own(get("/rest/documents/urn%3Ali%3Adocument%3A1", &[]))
            .answers(200, json!({"id": "urn:li:document:1", "status": "AVAILABLE"})),
        made(posted(Some(json!({"media": {"id": "urn:li:document:1", "title": "Report"}})))),
    ])
    .await;
    let document = exchange.medium("/m/1.pdf", "application/pdf", 4);
    let request = PublishRequest {
        media: vec![MediaToPublish { alt_text: "Report".to_owned(), ..document }],
        ..text()
    };
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let network = network(&exchange, Author::Company);
    assert_eq!(network.publish(&stage.session, &request, &mut progress).await, there());
    exchange.is_over();
}

#[tokio::test]
async fn a_video_is_uploaded_in_parts_and_waited_for() {
    let begun = json!({"value": {
        "video": "urn:li:video:1",
        "uploadToken": "",
        "uploadUrlsExpireAt": 1,
        "uploadInstructions": [
            {"uploadUrl": "{here}/up/1", "firstByte": 0, "lastByte": 3},
            {"uploadUrl": "{here}/up/2", "firstByte": 4, "lastByte": 5},
        ],
    }});
    let ask = json!({"initializeUploadRequest": {
        "owner": "urn:li:organization:77", "fileSizeBytes": 6,
        "uploadCaptions": false, "uploadThumbnail": false,
    }});
    let end = json!({"finalizeUploadRequest": {
        "video": "urn:li:video:1", "uploadToken": "", "uploadedPartIds": ["tag1", "tag2"],
    }});
    let part = |n: u8, first: usize, bytes: &[u8]| {
        [
            medium_part("/m/2.mp4", first, bytes),
            put(&format!("/up/{n}"))
                .bearer()
                .bytes(bytes)
                .bytes_back(200, b"")
                .with("etag", &format!("tag{n}")),
        ]
    };
    let exchange = Exchange::of([own(post("/rest/videos"))
        .query(&[("action", "initializeUpload")])
        .json(ask)
        .answers(200, begun)])
    .await;
    exchange.then(part(1, 0, b"abcd"));
    exchange.then(part(2, 4, b"ef"));
    exchange.then([
        own(post("/rest/videos"))
            .query(&[("action", "finalizeUpload")])
            .json(end)
            .bytes_back(200, b""),
        own(get("/rest/videos/urn%3Ali%3Avideo%3A1", &[]))
            .answers(200, json!({"id": "urn:li:video:1", "status": "AVAILABLE"})),
        made(posted(Some(json!({"media": {"id": "urn:li:video:1"}})))),
    ]);
    let request =
        PublishRequest { media: vec![exchange.medium("/m/2.mp4", "video/mp4", 6)], ..text() };
    let stage = stage().await;
    let mut progress = stage.progress().await;
    let network = network(&exchange, Author::Company);
    assert_eq!(network.publish(&stage.session, &request, &mut progress).await, there());
    exchange.is_over();
}

#[tokio::test]
async fn refusals_are_final_or_not_as_linkedin_says() {
    for (status, code, is, token) in [
        (401, "EXPIRED_ACCESS_TOKEN", "token_expired", Some(TokenTrouble::Expired)),
        (401, "REVOKED_ACCESS_TOKEN", "token_revoked", Some(TokenTrouble::Revoked)),
        (422, "DUPLICATE_POST", "duplicate", None),
        (403, "ACCESS_DENIED", "access_denied", None),
    ] {
        let error = json!({"message": "No", "status": status, "code": code, "serviceErrorCode": 1});
        let exchange = Exchange::of([posted(None).answers(status, error)]).await;
        let stage = stage().await;
        let mut progress = stage.progress().await;
        let network = network(&exchange, Author::Company);
        let outcome = network.publish(&stage.session, &text(), &mut progress).await;
        let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!((failure.code.as_str(), failure.transient, failure.token), (is, false, token));
        exchange.is_over();
    }
}

#[tokio::test]
async fn a_companys_lost_answer_is_found_by_its_text() {
    let query = [
        ("q", "author"),
        ("author", "urn:li:organization:77"),
        ("count", "50"),
        ("sortBy", "CREATED"),
    ];
    let millis = now().timestamp_millis() + 1_000;
    let exchange = Exchange::of([
        posted(None).lost(),
        own(get("/rest/posts", &query)).header("x-restli-method", "FINDER").answers(
            200,
            json!({"elements": [
                {"id": "urn:li:share:1", "commentary": "Launch \\(soon\\) #day", "createdAt": millis},
                {"id": "urn:li:share:0", "commentary": "Launch \\(soon\\) #day", "createdAt": 1},
            ]}),
        ),
        own(get("/rest/posts", &query)).header("x-restli-method", "FINDER").answers(200, json!({"elements": []})),
    ])
    .await;
    let (network, mut stage) = (network(&exchange, Author::Company), stage().await);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &text(), &mut progress).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    assert!(
        matches!(&found, Found::There(sent) if sent.external_id == "urn:li:share:1"),
        "{found:?}"
    );
    stage.later(600);
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    assert_eq!(found, Found::NotThere);
    exchange.is_over();
}

#[tokio::test]
async fn a_post_is_found_though_linkedin_wrote_its_hashtags_anew() {
    for (little, text) in [
        ("Launch {hashtag|\\#|day\\_1} \\(soon\\)", "Launch #day_1 (soon)"),
        ("Hi @[Acme \\(Inc\\)](urn:li:organization:1)!", "Hi @Acme (Inc)!"),
        ("mail\\@acme.example {hashtag|", "mail@acme.example {hashtag|"),
        ("\\", ""),
    ] {
        assert_eq!(plain(little), text);
        assert_eq!(plain(&escaped(text)), text);
    }
    let millis = now().timestamp_millis() + 1_000;
    let listed = json!({"elements": [
        {"id": "urn:li:share:1", "commentary": "Launch {hashtag|\\#|day}", "createdAt": millis},
    ]});
    let exchange = Exchange::of([listing(None).answers(200, listed)]).await;
    let (network, stage) = (network(&exchange, Author::Company), stage().await);
    let request = PublishRequest { text: "Launch #day".to_owned(), ..text() };
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &request, &progress).await.unwrap();
    assert!(matches!(found, Found::There(_)), "{found:?}");
    exchange.is_over();
}

fn listing(start: Option<&str>) -> Expected {
    let mut query = vec![
        ("q", "author"),
        ("author", "urn:li:organization:77"),
        ("count", "50"),
        ("sortBy", "CREATED"),
    ];
    query.extend(start.map(|start| ("start", start)));
    own(get("/rest/posts", &query)).header("x-restli-method", "FINDER")
}

#[tokio::test]
async fn a_post_behind_many_others_is_found_on_a_further_page() {
    let millis = now().timestamp_millis() + 1_000;
    let one = |text: &str| json!({"id": "urn:li:share:1", "commentary": text, "createdAt": millis});
    let others: Vec<Value> = (0..50).map(|_| one("Other")).collect();
    let exchange = Exchange::of([
        listing(None).answers(200, json!({"elements": others})),
        // A page may be short though others follow.
        listing(Some("50")).answers(
            200,
            json!({"elements": [one("Other")], "paging": {"links": [{"rel": "next"}]}}),
        ),
        listing(Some("100")).answers(200, json!({"elements": [one("Launch \\(soon\\) #day")]})),
    ])
    .await;
    let (network, stage) = (network(&exchange, Author::Company), stage().await);
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &text(), &progress).await.unwrap();
    assert!(matches!(found, Found::There(_)), "{found:?}");
    exchange.is_over();
}

#[tokio::test]
async fn comments_are_posted_found_and_fetched() {
    let path = "/rest/socialActions/urn%3Ali%3Ashare%3A1/comments";
    let first = json!({"actor": "urn:li:organization:77", "object": "urn:li:share:1", "message": {"text": "First!"}});
    let comments = || {
        own(get(path, &[("start", "0"), ("count", "100")])).answers(
            200,
            json!({"elements": [
                {"actor": "urn:li:person:b", "commentUrn": "urn:li:comment:(urn:li:activity:9,2)",
                 "message": {"text": "Nice"}, "created": {"time": now().timestamp_millis()}},
                {"actor": "urn:li:organization:77", "commentUrn": "urn:li:comment:(urn:li:activity:9,1)",
                 "message": {"text": "First!"}, "created": {"time": now().timestamp_millis()}},
            ]}),
        )
    };
    let exchange = Exchange::of([
        own(post(path))
            .json(first)
            .answers(201, json!({"commentUrn": "urn:li:comment:(urn:li:activity:9,1)", "id": "1"})),
        comments(),
        comments(),
        own(get(path, &[("start", "0"), ("count", "100")]))
            .answers(403, json!({"message": "Not enough permissions", "status": 403})),
    ])
    .await;
    let (network, stage) = (network(&exchange, Author::Company), stage().await);
    let comment = PublishCommentRequest {
        external_post_id: "urn:li:share:1".to_owned(),
        text: "First!".to_owned(),
        first_attempt_time: Some(first_attempt_time()),
        ..Default::default()
    };
    let mut progress = stage.progress().await;
    let outcome = network.publish_comment(&stage.session, &comment, &mut progress).await;
    let id = "urn:li:comment:(urn:li:activity:9,1)";
    assert!(matches!(&outcome, Outcome::Sent(sent) if sent.external_id == id), "{outcome:?}");
    let found = network.find_comment(&stage.session, &comment, &progress).await.unwrap();
    assert!(matches!(&found, Found::There(sent) if sent.external_id == id), "{found:?}");
    let fetched = network.fetch_comments(&stage.session, "urn:li:share:1").await.unwrap();
    let [fetched] = &fetched[..] else { panic!("{fetched:?}") };
    assert_eq!(
        (fetched.author_handle.as_str(), fetched.body.as_str()),
        ("urn:li:person:b", "Nice")
    );
    let found = network.find_comment(&stage.session, &comment, &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: false, .. }), "{found:?}");
    exchange.is_over();
}
