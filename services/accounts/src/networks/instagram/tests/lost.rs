//! What became of a post whose answer was lost.

use super::*;

fn listed() -> Expected {
    let query = [("fields", "id,caption,permalink,timestamp"), ("limit", "50")];
    get("/178/media", &query).bearer().answers(
        200,
        json!({"data": [
            {"id": "m2", "caption": "Launch #day", "timestamp": "2026-11-25T11:00:00+0000"},
            {"id": "m1", "caption": "Launch  #day", "permalink": "https://www.instagram.com/p/abc/",
             "timestamp": "2026-11-25T12:00:05+0000"},
            {"id": "m0", "caption": "Other", "timestamp": "2026-11-25T12:00:06+0000"},
        ], "paging": {"cursors": {"before": "a", "after": "b"}}}),
    )
}

#[tokio::test]
async fn a_lost_answer_is_unknown_until_it_is_found_and_never_published_twice() {
    let exchange =
        Exchange::of([quota(), create_image(), state("c1", "FINISHED"), publish("c1").lost()])
            .await;
    let (network, stage) = (network(&exchange), stage().await);
    let post = image(&exchange);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &post, &mut progress).await;
    assert!(
        matches!(&outcome, Outcome::Unknown { code, .. } if code == "answer_lost"),
        "{outcome:?}"
    );
    exchange.then([state("c1", "PUBLISHED"), listed()]);
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &post, &progress).await.unwrap();
    assert_eq!(found, Found::There(sent()));
    // Sending it again finds it too.
    exchange.then([state("c1", "PUBLISHED"), listed()]);
    let mut progress = stage.progress().await;
    assert_eq!(network.publish(&stage.session, &post, &mut progress).await, Outcome::Sent(sent()));
    exchange.is_over();
}

#[tokio::test]
async fn a_refusal_of_what_was_published_all_the_same_is_no_failure() {
    let refusal = |code| publish("c1").answers(400, refused(code, 0));
    let exchange = Exchange::of([
        quota(),
        create_image(),
        state("c1", "FINISHED"),
        refusal(100),
        state("c1", "PUBLISHED"),
        listed(),
    ])
    .await;
    let (network, stage) = (network(&exchange), stage().await);
    let post = image(&exchange);
    let mut progress = stage.progress().await;
    let outcome = network.publish(&stage.session, &post, &mut progress).await;
    assert_eq!(outcome, Outcome::Sent(sent()));
    exchange.is_over();
}

#[tokio::test]
async fn a_story_is_found_among_the_stories_or_known_by_its_container() {
    let stories = |stories: serde_json::Value| {
        let query = [("fields", "id,caption,permalink,timestamp,children"), ("limit", "50")];
        get("/178/stories", &query).bearer().answers(200, json!({ "data": stories }))
    };
    let one = |id: &str| json!({"id": id, "permalink": format!("https://www.instagram.com/stories/{id}"), "timestamp": "2026-11-25T12:00:05+0000"});
    let form = [("video_url", "https://media.example/m/2.mp4"), ("media_type", "STORIES")];
    let exchange = Exchange::of([
        quota(),
        create(&form, "c1"),
        state("c1", "FINISHED"),
        publish("c1").lost(),
        state("c1", "PUBLISHED"),
        stories(json!([one("s1")])),
        state("c1", "PUBLISHED"),
        stories(json!([one("s2"), one("s1")])),
        state("c1", "PUBLISHED"),
        stories(json!([])),
    ])
    .await;
    let (network, mut stage) = (network(&exchange), stage().await);
    let story = PublishRequest {
        media: vec![exchange.medium("/m/2.mp4", "video/mp4", 10)],
        options: Some(placed(InstagramPlacement::Story)),
        ..image(&exchange)
    };
    let mut progress = stage.progress().await;
    network.publish(&stage.session, &story, &mut progress).await;
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &story, &progress).await.unwrap();
    assert!(matches!(&found, Found::There(sent) if sent.external_id == "s1"), "{found:?}");
    // Which of two it is nothing tells.
    let found = network.find(&stage.session, &story, &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: true, .. }), "{found:?}");
    stage.later(600);
    let found = network.find(&stage.session, &story, &progress).await.unwrap();
    let by_container = Sent { external_id: "c1".to_owned(), external_url: String::new() };
    assert_eq!(found, Found::There(by_container));
    exchange.is_over();
}

#[tokio::test]
async fn what_never_arrived_is_not_there_once_it_cannot_arrive_any_more() {
    let exchange =
        Exchange::of([quota(), create_image(), state("c1", "FINISHED"), publish("c1").lost()])
            .await;
    let (network, mut stage) = (network(&exchange), stage().await);
    let post = image(&exchange);
    let mut progress = stage.progress().await;
    network.publish(&stage.session, &post, &mut progress).await;
    exchange.then([state("c1", "FINISHED"), state("c1", "FINISHED")]);
    let progress = stage.progress().await;
    let found = network.find(&stage.session, &post, &progress).await.unwrap();
    assert!(matches!(found, Found::Undecided { look_again: true, .. }), "{found:?}");
    stage.later(600);
    let found = network.find(&stage.session, &post, &progress).await.unwrap();
    assert_eq!(found, Found::NotThere);
    exchange.is_over();
}
