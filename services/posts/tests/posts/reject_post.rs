use postbreeze_proto::{
    status::Reason,
    v1::{PostStatus, RejectPostRequest},
};

use crate::support::{
    Standing, System, get, held, invalid_fields, refused, reject_post, schedule, standing,
    waiting_post,
};

fn reject(post_id: &str, note: &str) -> RejectPostRequest {
    RejectPostRequest { post_id: post_id.to_owned(), note: note.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn reject_post_returns_it_to_its_author_with_a_note_and_its_time() {
    let system = System::start().await;
    let team = system.team().await;
    for reviewer in [&team.reviewer, &team.admin, &team.owner] {
        let post = waiting_post(&system, &team).await;
        let rejected = reject_post(&reviewer.session, reject(&post.id, "too long")).await.unwrap();
        assert_eq!(rejected.status(), PostStatus::Draft);
        assert_eq!(rejected.rejection_note, "too long");
        assert_eq!(rejected.draft_scheduled_time, post.scheduled_time);
        assert_eq!(rejected.scheduled_time, None);
        assert_eq!(get(&team.editor.session, &post.id).await.unwrap(), rejected);
        let day = chrono::TimeDelta::days(1);
        let again = schedule(&system, &team.editor.session, &post.id, day).await.unwrap();
        assert_eq!(again.status(), PostStatus::NeedsApproval);
        assert_eq!(again.rejection_note, "");
        assert_eq!(again.draft_scheduled_time, None);
    }
    assert_eq!(held(&system).await, 0);
}

#[tokio::test]
async fn reject_post_takes_posts_that_wait_alone() {
    let system = System::start().await;
    let team = system.team().await;
    for stands in [
        Standing::Draft,
        Standing::Scheduled,
        Standing::Sending,
        Standing::Lost,
        Standing::PartiallyPublished,
        Standing::Published,
        Standing::Failed,
        Standing::Canceled,
    ] {
        let post = standing(&system, &team, stands).await;
        let answer = reject_post(&team.reviewer.session, reject(&post.id, "no")).await;
        refused(answer, Reason::PostState);
    }
}

#[tokio::test]
async fn reject_post_compares_a_given_etag_and_names_every_bad_field() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    let stale = RejectPostRequest { etag: "v0".to_owned(), ..reject(&post.id, "no") };
    refused(reject_post(&team.reviewer.session, stale).await, Reason::EtagStale);
    let current = RejectPostRequest { etag: post.etag, ..reject(&post.id, &"é".repeat(2_000)) };
    reject_post(&team.reviewer.session, current).await.unwrap();
    for note in [String::new(), "x".repeat(2_001)] {
        let bad = RejectPostRequest { etag: "x".repeat(33), ..reject("x", &note) };
        assert_eq!(
            invalid_fields(reject_post(&team.owner.session, bad).await),
            ["etag", "note", "post_id"]
        );
    }
}
