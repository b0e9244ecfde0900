use postbreeze_proto::{
    internal::v1::{FindCommentRequest, PublishCommentRequest, find_outcome::Outcome},
    v1::SandboxFault,
};

use crate::support::{
    System, as_posts, comment, found, invalid_fields, meet, network, post, publish,
    publish_comment, sent, with_account,
};

async fn look(system: &System, sent: PublishCommentRequest) -> Outcome {
    let request = as_posts(system, FindCommentRequest { sent: Some(sent) });
    found(network(system).find_comment(request).await.unwrap().into_inner().outcome)
}

#[tokio::test]
async fn a_comment_is_found_under_its_key_and_a_post_of_that_key_is_none() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let there = sent(publish(&system, post(&system, &account.id, "post", "text")).await);
    meet(&owner.session, &account.id, &[SandboxFault::AnswerLost]).await;
    let written = comment(&system, &account.id, "comment", &there.external_id);
    publish_comment(&system, written.clone()).await;
    assert!(matches!(look(&system, written.clone()).await, Outcome::Found(_)));
    let post_key = PublishCommentRequest { key: "post".to_owned(), ..written };
    assert!(matches!(look(&system, post_key).await, Outcome::NotThere(_)));
}

#[tokio::test]
async fn find_comment_names_every_bad_field() {
    let system = System::start().await;
    let request = as_posts(&system, FindCommentRequest::default());
    let fields = [
        "sent.account_id",
        "sent.external_post_id",
        "sent.first_attempt_time",
        "sent.key",
        "sent.text",
    ];
    assert_eq!(invalid_fields(network(&system).find_comment(request).await), fields);
}
