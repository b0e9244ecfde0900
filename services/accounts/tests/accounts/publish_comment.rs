use postbreeze_proto::{
    internal::v1::PublishCommentRequest,
    v1::{AccountStatus, SandboxCallKind, SandboxFault},
};

use crate::support::{
    System, as_posts, calls, comment, failed, get, invalid_fields, meet, network, post, publish,
    publish_comment, sent, with_account,
};

#[tokio::test]
async fn a_comment_goes_under_the_post_that_the_network_has() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let there = sent(publish(&system, post(&system, &account.id, "post", "text")).await);
    let written = comment(&system, &account.id, "comment", &there.external_id);
    let written = sent(publish_comment(&system, written).await);
    let seen = calls(&owner.session, &account.id).await;
    assert_eq!(seen[1].kind(), SandboxCallKind::Comment);
    assert_eq!(seen[1].external_id, written.external_id);
    assert_eq!(seen[1].external_post_id, there.external_id);
    assert_eq!(seen[1].text, "first");
    for nowhere in ["nonsense", &written.external_id] {
        let written = comment(&system, &account.id, "other", nowhere);
        let failure = failed(publish_comment(&system, written).await);
        assert_eq!((failure.transient, failure.code.as_str()), (false, "not_found"));
    }
    assert_eq!(calls(&owner.session, &account.id).await.len(), 2);
}

#[tokio::test]
async fn a_comment_meets_the_faults_that_were_commanded() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let there = sent(publish(&system, post(&system, &account.id, "post", "text")).await);
    meet(&owner.session, &account.id, &[SandboxFault::Refused, SandboxFault::TokenRevoked]).await;
    for code in ["refused", "token_expired"] {
        let written = comment(&system, &account.id, "comment", &there.external_id);
        assert_eq!(failed(publish_comment(&system, written).await).code, code);
    }
    let now = get(&owner.session, &account.id).await.unwrap();
    assert_eq!(now.status(), AccountStatus::TokenExpired);
}

#[tokio::test]
async fn publish_comment_names_every_bad_field() {
    let system = System::start().await;
    let bad = PublishCommentRequest {
        external_comment_id: "x".repeat(1_025),
        ..PublishCommentRequest::default()
    };
    let answer = network(&system).publish_comment(as_posts(&system, bad)).await;
    let fields = [
        "account_id",
        "external_comment_id",
        "external_post_id",
        "first_attempt_time",
        "key",
        "text",
    ];
    assert_eq!(invalid_fields(answer), fields);
}
