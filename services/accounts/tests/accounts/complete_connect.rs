use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_proto::{
    status::{Reason, reason_of},
    time,
    v1::{
        AccountStatus, CompleteConnectRequest, ConnectCredentials, Platform, Role, SocialAccount,
        StartConnectRequest, UpdateMemberRequest, complete_connect_request::Grant,
    },
};
use postbreeze_testkit::violated_fields;

use crate::support::{
    System, accounts, begun, complete, get, invalid_fields, refused, sandbox, set_status, start,
    tokens, with,
};

#[tokio::test]
async fn complete_connect_makes_an_active_account_of_the_states_workspace() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let state = begun(&owner.session, &id).await;
    let account = complete(&owner.session, with(&state, "@Acme")).await.unwrap();
    assert_eq!(
        account,
        SocialAccount {
            id: account.id.clone(),
            workspace_id: id,
            platform: Platform::Sandbox.into(),
            external_id: account.external_id.clone(),
            handle: "Acme".to_owned(),
            display_name: "Acme".to_owned(),
            avatar_url: String::new(),
            status: AccountStatus::Active.into(),
            scopes: account.scopes.clone(),
            connect_time: Some(time::to_proto(system.clock.now())),
            token_expire_time: None,
        }
    );
    assert!(account.id.starts_with("soc_") && !account.external_id.is_empty());
    assert_eq!(get(&owner.session, &account.id).await.unwrap(), account);
}

#[tokio::test]
async fn tokens_at_rest_are_no_plain_text() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    owner.session.connect(&id, "acme").await.unwrap();
    let tokens = tokens(&system).await;
    assert_eq!(tokens.len(), 1);
    for plain in ["sandbox-token", "acme"] {
        assert!(!tokens[0].windows(plain.len()).any(|bytes| bytes == plain.as_bytes()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_connections_at_once_one_makes_an_account() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let mut states = Vec::new();
    for _ in 0..20 {
        states.push(begun(&owner.session, &id).await);
    }
    let connecting = states
        .iter()
        .enumerate()
        .map(|(n, state)| complete(&owner.session, with(state, &format!("acme{}", n % 3))));
    let (made, refusals): (Vec<_>, Vec<_>) =
        join_all(connecting).await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for refusal in refusals {
        refused(refusal, Reason::AccountAlreadyConnected);
    }
    assert_eq!(accounts(&system).await, (1, 1));
    assert_eq!(tokens(&system).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_connects_once() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let state = begun(&owner.session, &id).await;
    let answers = join_all((0..6).map(|_| complete(&owner.session, with(&state, "acme")))).await;
    let (made, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for refusal in refusals {
        assert_eq!(invalid_fields(refusal), ["state"]);
    }
    let again = complete(&owner.session, with(&state, "acme")).await;
    assert_eq!(invalid_fields(again), ["state"]);
}

#[tokio::test]
async fn a_state_runs_out_after_ten_minutes() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let [late, in_time] = [begun(&owner.session, &id).await, begun(&owner.session, &id).await];
    system.clock.turn(TimeDelta::minutes(10));
    assert_eq!(invalid_fields(complete(&owner.session, with(&late, "acme")).await), ["state"]);
    system.clock.turn(-TimeDelta::microseconds(1));
    complete(&owner.session, with(&in_time, "acme")).await.unwrap();
}

#[tokio::test]
async fn a_state_is_its_users_alone_and_binds_to_the_workspace() {
    let system = System::start().await;
    let team = system.team().await;
    let other = team.owner.session.create_workspace("Other").await.unwrap();
    let state = begun(&team.owner.session, &other.id).await;
    for user in [&team.admin, &system.sign_up("stranger").await] {
        let answer = complete(&user.session, with(&state, "acme")).await;
        assert_eq!(invalid_fields(answer), ["state"]);
    }
    let (_, scoped) = team.owner.scoped_key(&[&team.workspace.id]).await.unwrap();
    refused(complete(&scoped, with(&state, "acme")).await, Reason::WorkspaceOutOfReach);
    let account = complete(&team.owner.session, with(&state, "acme")).await.unwrap();
    assert_eq!(account.workspace_id, other.id);
}

#[tokio::test]
async fn the_sandbox_connects_with_any_code_and_the_same_one_is_the_same_account() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let longest = "é".repeat(64);
    for code in ["a", "@", "a b @ c", " ", "日本語 🦀", longest.as_str()] {
        let mut external_ids = Vec::new();
        for _ in 0..2 {
            let id = owner.session.create_workspace("Acme").await.unwrap().id;
            let account = owner.session.connect(&id, code).await.unwrap();
            external_ids.push(account.external_id);
        }
        assert_eq!(external_ids[0], external_ids[1], "{code}");
    }
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let state = begun(&owner.session, &id).await;
    for code in ["", "a\0b", &"x".repeat(65), &"x".repeat(4_097)] {
        let answer = complete(&owner.session, with(&state, code)).await;
        assert_eq!(invalid_fields(answer), ["code"]);
    }
    // What was refused has not spent the state.
    complete(&owner.session, with(&state, "acme")).await.unwrap();
}

#[tokio::test]
async fn complete_connect_names_every_bad_field_at_once() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let bad = CompleteConnectRequest {
        state: "junk".to_owned(),
        grant: None,
        request_id: "x".repeat(65),
        external_id: "x".repeat(129),
    };
    let answer = complete(&owner.session, bad.clone()).await;
    assert_eq!(invalid_fields(answer), ["code", "external_id", "request_id", "state"]);
    let grant = Some(Grant::Credentials(ConnectCredentials::default()));
    let answer = complete(&owner.session, CompleteConnectRequest { grant, ..bad }).await;
    let fields =
        ["credentials.identifier", "credentials.secret", "external_id", "request_id", "state"];
    assert_eq!(invalid_fields(answer), fields);
    let answer = complete(&owner.session, with(&"x".repeat(43), "acme")).await;
    assert_eq!(invalid_fields(answer), ["state"]);
    // Each network wants its own kind of grant.
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let credentials = ConnectCredentials {
        identifier: "acme".to_owned(),
        secret: "secret".to_owned(),
        ..Default::default()
    };
    let grant = Some(Grant::Credentials(credentials));
    for (platform, grant, field) in [
        (Platform::Sandbox, grant.clone(), "credentials"),
        (Platform::Bluesky, Some(Grant::Code("acme".to_owned())), "code"),
    ] {
        let request = StartConnectRequest { platform: platform.into(), ..sandbox(&id) };
        let state = start(&owner.session, request).await.unwrap().state;
        let request = CompleteConnectRequest { grant, ..with(&state, "") };
        assert_eq!(invalid_fields(complete(&owner.session, request).await), [field]);
    }
}

#[tokio::test]
async fn a_server_that_may_not_be_called_is_told_so() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let request = StartConnectRequest { platform: Platform::Bluesky.into(), ..sandbox(&id) };
    let state = start(&owner.session, request).await.unwrap().state;
    for (server_url, reason) in [
        ("https://127.0.0.1", Reason::UrlForbidden),
        ("https://169.254.169.254", Reason::UrlForbidden),
        ("https://[::1]", Reason::UrlForbidden),
        ("http://bsky.example", Reason::FieldInvalid),
        ("https://user@bsky.example", Reason::FieldInvalid),
        ("https://bsky.example/xrpc", Reason::FieldInvalid),
        ("bsky.example", Reason::FieldInvalid),
    ] {
        let credentials = ConnectCredentials {
            identifier: "acme".to_owned(),
            secret: "secret".to_owned(),
            server_url: server_url.to_owned(),
        };
        let grant = Some(Grant::Credentials(credentials));
        let request = CompleteConnectRequest { grant, ..with(&state, "") };
        let status = complete(&owner.session, request).await.unwrap_err();
        assert_eq!(reason_of(&status), Some(reason), "{server_url}");
        assert_eq!(violated_fields(&status), ["credentials.server_url"], "{server_url}");
    }
}

#[tokio::test]
async fn the_same_external_account_revives_what_no_longer_works_and_no_other_does() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let first = owner.session.connect(&id, "acme").await.unwrap();
    for status in ["token_expired", "revoked"] {
        let old = tokens(&system).await;
        set_status(&system, status).await;
        let other = owner.session.connect(&id, "globex").await;
        refused(other, Reason::AccountAlreadyConnected);
        system.clock.turn(TimeDelta::hours(1));
        let revived = owner.session.connect(&id, "acme").await.unwrap();
        let connect_time = Some(time::to_proto(system.clock.now()));
        assert_eq!(revived, SocialAccount { connect_time, ..first.clone() });
        assert_eq!(get(&owner.session, &first.id).await.unwrap(), revived);
        let new = tokens(&system).await;
        assert_eq!(new.len(), 1);
        assert_ne!(new, old);
    }
    for code in ["acme", "globex"] {
        let answer = owner.session.connect(&id, code).await;
        refused(answer, Reason::AccountAlreadyConnected);
    }
    assert_eq!(accounts(&system).await, (1, 1));
}

#[tokio::test]
async fn a_member_who_lost_the_role_cannot_complete_what_they_began() {
    let system = System::start().await;
    let team = system.team().await;
    let other = team.owner.session.create_workspace("Other").await.unwrap();
    system.join(&team.owner, &other.id, &team.admin, Role::Admin).await;
    let state = begun(&team.admin.session, &other.id).await;
    let request = UpdateMemberRequest {
        workspace_id: other.id.clone(),
        user_id: team.admin.id().to_owned(),
        role: Role::Editor.into(),
    };
    team.owner.session.members().update_member(request).await.unwrap();
    let answer = complete(&team.admin.session, with(&state, "acme")).await;
    refused(answer, Reason::RoleInsufficient);
}
