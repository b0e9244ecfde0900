//! `CompleteConnect` with a `request_id`: its state is spent when it is repeated.

use futures_util::future::join_all;
use postbreeze_proto::{
    status::Reason,
    v1::{CompleteConnectRequest, Role, UpdateMemberRequest},
};

use crate::{
    replica::SETTINGS,
    server::Server,
    support::{System, User, accounts, begun, complete, invalid_fields, refused, with},
};

fn once(state: &str, code: &str) -> CompleteConnectRequest {
    CompleteConnectRequest { request_id: "once".to_owned(), ..with(state, code) }
}

async fn demote(owner: &User, workspace_id: &str, user: &User) {
    let request = UpdateMemberRequest {
        workspace_id: workspace_id.to_owned(),
        user_id: user.id().to_owned(),
        role: Role::Editor.into(),
    };
    owner.session.members().update_member(request).await.unwrap();
}

#[tokio::test]
async fn complete_connect_answers_a_repeated_request_alike() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let state = begun(&owner.session, &id).await;
    let account = complete(&owner.session, once(&state, "acme")).await.unwrap();
    assert_eq!(complete(&owner.session, once(&state, "acme")).await.unwrap(), account);
    // Another body, whether its state can be used or not.
    let living = begun(&owner.session, &id).await;
    for other in [once(&state, "globex"), once(&living, "acme")] {
        refused(complete(&owner.session, other).await, Reason::RequestIdReused);
    }
    let fresh = complete(&owner.session, with(&state, "acme")).await;
    assert_eq!(invalid_fields(fresh), ["state"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_at_once_all_get_the_one_answer() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    for round in 1..=4 {
        let id = owner.session.create_workspace("Acme").await.unwrap().id;
        let state = begun(&owner.session, &id).await;
        let request =
            CompleteConnectRequest { request_id: format!("once{round}"), ..with(&state, "acme") };
        let answers = (0..8).map(|_| complete(&owner.session, request.clone()));
        let answers: Vec<_> = join_all(answers).await.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|account| *account == answers[0]));
        assert_eq!(accounts(&system).await, (round, round));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_at_once_use_the_code_of_a_server_once() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(7_200).await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let state = server.begin(&owner.session, &id).await;
    let answers = (0..6).map(|_| complete(&owner.session, once(&state, "the code")));
    let answers: Vec<_> = join_all(answers).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|account| *account == answers[0]));
    assert_eq!(server.granted(), 1);
}

#[tokio::test]
async fn authority_is_checked_again_before_what_was_answered_once() {
    let system = System::start().await;
    let (owner, admin) = (system.sign_up("owner").await, system.sign_up("admin").await);
    let first = owner.session.create_workspace("Acme").await.unwrap().id;
    let second = owner.session.create_workspace("Globex").await.unwrap().id;
    for id in [&first, &second] {
        system.join(&owner, id, &admin, Role::Admin).await;
    }
    let state = begun(&admin.session, &first).await;
    complete(&admin.session, once(&state, "acme")).await.unwrap();
    let elsewhere = begun(&admin.session, &second).await;
    demote(&owner, &second, &admin).await;
    let reused = complete(&admin.session, once(&elsewhere, "acme")).await;
    refused(reused, Reason::RoleInsufficient);
    demote(&owner, &first, &admin).await;
    let repeated = complete(&admin.session, once(&state, "acme")).await;
    refused(repeated, Reason::RoleInsufficient);
}
