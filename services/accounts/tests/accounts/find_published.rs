use postbreeze_ids::Account;
use postbreeze_proto::{
    internal::v1::{FindPublishedRequest, find_outcome::Outcome},
    v1::{SandboxBehavior, SandboxCallKind, SandboxFault},
};

use crate::{
    replica::SETTINGS,
    server::Server,
    support::{
        System, as_posts, behave, calls, find, invalid_fields, meet, network, post, publish, sent,
        set_status, unknown, with_account,
    },
};

#[tokio::test]
async fn what_was_accepted_is_found_though_the_answer_was_lost_and_nothing_else_is() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let faults = [SandboxFault::AnswerLost, SandboxFault::RequestLost];
    meet(&owner.session, &account.id, &faults).await;
    let [accepted, lost] = ["a", "b"].map(|key| post(&system, &account.id, key, "text"));
    for request in [&accepted, &lost] {
        publish(&system, request.clone()).await;
    }
    let Outcome::Found(there) = find(&system, accepted).await else { panic!("it is there") };
    let seen = calls(&owner.session, &account.id).await;
    assert_eq!(there.external_id, seen[0].external_id);
    assert!(matches!(find(&system, lost).await, Outcome::NotThere(_)));
    let asked = calls(&owner.session, &account.id).await;
    let asked = asked.iter().filter(|call| call.kind() == SandboxCallKind::Find);
    assert_eq!(asked.count(), 2);
}

#[tokio::test]
async fn of_a_key_that_was_sent_twice_the_first_is_found() {
    let system = System::start().await;
    let (_, account) = with_account(&system).await;
    let request = post(&system, &account.id, "key", "text");
    let first = sent(publish(&system, request.clone()).await);
    sent(publish(&system, request.clone()).await);
    assert_eq!(find(&system, request).await, Outcome::Found(first));
}

#[tokio::test]
async fn another_account_has_not_what_this_one_has() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let other = owner.session.create_workspace("Globex").await.unwrap().id;
    let other = owner.session.connect(&other, "acme").await.unwrap();
    sent(publish(&system, post(&system, &account.id, "key", "text")).await);
    let elsewhere = find(&system, post(&system, &other.id, "key", "text")).await;
    assert!(matches!(elsewhere, Outcome::NotThere(_)));
}

#[tokio::test]
async fn a_network_that_hides_its_posts_and_an_account_without_a_token_leave_it_undecided() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let request = post(&system, &account.id, "key", "text");
    sent(publish(&system, request.clone()).await);
    let hiding = SandboxBehavior { hides_posts: true, ..Default::default() };
    behave(&owner.session, &account.id, hiding).await;
    let hidden = find(&system, request.clone()).await;
    assert!(matches!(hidden, Outcome::Undecided(undecided) if !undecided.look_again));
    behave(&owner.session, &account.id, SandboxBehavior::default()).await;
    for (status, look_again) in
        [("token_expired", true), ("revoked", true), ("disconnected", false)]
    {
        set_status(&system, status).await;
        let answer = find(&system, request.clone()).await;
        let Outcome::Undecided(undecided) = answer else { panic!("{status}: {answer:?}") };
        assert_eq!(undecided.look_again, look_again, "{status}");
    }
    let nobody = find(&system, post(&system, &unknown::<Account>(), "key", "text")).await;
    assert!(matches!(nobody, Outcome::Undecided(undecided) if !undecided.look_again));
}

#[tokio::test]
async fn what_was_written_down_and_never_sent_is_not_there() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(7_200).await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let account = server.connect(&owner.session, &id).await;
    // As if who was to send it had died before.
    let never = find(&system, post(&system, &account.id, "key", "text")).await;
    assert!(matches!(never, Outcome::NotThere(_)), "{never:?}");
}

#[tokio::test]
async fn find_published_names_every_bad_field() {
    let system = System::start().await;
    let answer =
        network(&system).find_published(as_posts(&system, FindPublishedRequest::default())).await;
    let fields = ["sent.account_id", "sent.first_attempt_time", "sent.key"];
    assert_eq!(invalid_fields(answer), fields);
}
