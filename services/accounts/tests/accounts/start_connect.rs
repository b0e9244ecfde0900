use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_ids::Workspace;
use postbreeze_proto::{
    status::Reason,
    time,
    v1::{CreateApiKeyRequest, KeyPermission, Platform, StartConnectRequest},
};

use crate::support::{
    System, begun, complete, invalid_fields, refused, sandbox, start, unknown, with,
};

fn repeated(workspace_id: &str) -> StartConnectRequest {
    StartConnectRequest { request_id: "once".to_owned(), ..sandbox(workspace_id) }
}

/// How many rows of the database hold a state as it is.
async fn rows_with(system: &System, state: &str) -> i64 {
    sqlx::query_scalar(
        "SELECT
            (SELECT count(*) FROM connect_states WHERE state_hash = $1)
            + (SELECT count(*) FROM idempotency WHERE position($1 IN response) > 0)",
    )
    .bind(state.as_bytes())
    .fetch_one(system.pool("accounts"))
    .await
    .unwrap()
}

async fn states(system: &System) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM connect_states")
        .fetch_one(system.pool("accounts"))
        .await
        .unwrap()
}

#[tokio::test]
async fn start_connect_gives_a_state_of_ten_minutes_and_where_to_go_with_it() {
    let system = System::start().await;
    let team = system.team().await;
    let (id, admin) = (&team.workspace.id, &team.admin.session);
    let answer = start(admin, sandbox(id)).await.unwrap();
    assert_eq!(
        answer.expire_time,
        Some(time::to_proto(system.clock.now() + TimeDelta::minutes(10)))
    );
    assert!(answer.state.len() >= 32 && answer.authorize_url.ends_with(&answer.state));
    assert_ne!(begun(admin, id).await, answer.state);
    assert_eq!(states(&system).await, 2);
    assert_eq!(rows_with(&system, &answer.state).await, 0);
}

#[tokio::test]
async fn start_connect_answers_a_repeated_request_alike_and_keeps_no_state_for_that() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let other = owner.session.create_workspace("Globex").await.unwrap().id;
    let first = start(&owner.session, repeated(&id)).await.unwrap();
    assert_eq!(rows_with(&system, &first.state).await, 0);
    system.clock.turn(TimeDelta::minutes(9));
    assert_eq!(start(&owner.session, repeated(&id)).await.unwrap(), first);
    assert_eq!(states(&system).await, 1);
    refused(start(&owner.session, repeated(&other)).await, Reason::RequestIdReused);
    complete(&owner.session, with(&first.state, "acme")).await.unwrap();
    system.clock.turn(TimeDelta::hours(24));
    let later = start(&owner.session, repeated(&id)).await.unwrap();
    assert_ne!(later.state, first.state);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twins_at_once_one_begins_a_connection_and_all_are_told_of_it() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let answers = join_all((0..8).map(|_| start(&owner.session, repeated(&id)))).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(states(&system).await, 1);
    complete(&owner.session, with(&answers[0].state, "acme")).await.unwrap();
}

#[tokio::test]
async fn start_connect_names_every_bad_field_at_once_and_every_other_network() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let bad = StartConnectRequest {
        workspace_id: owner.id().to_owned(),
        platform: 0,
        request_id: "x".repeat(65),
        ..Default::default()
    };
    let answer = start(&owner.session, bad).await;
    assert_eq!(invalid_fields(answer), ["platform", "request_id", "workspace_id"]);
    let known = (1..50).filter(|number| Platform::try_from(*number).is_ok());
    let configured = [Platform::Sandbox, Platform::Bluesky, Platform::Mastodon].map(i32::from);
    let others = known.filter(|number| !configured.contains(number));
    for platform in others.chain([99, -1]) {
        let answer = start(&owner.session, StartConnectRequest { platform, ..sandbox(&id) }).await;
        assert_eq!(invalid_fields(answer), ["platform"], "{platform}");
    }
}

#[tokio::test]
async fn a_network_of_many_servers_asks_which_and_no_other_does() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let at = |platform: Platform, server_url: &str| StartConnectRequest {
        platform: platform.into(),
        server_url: server_url.to_owned(),
        ..sandbox(&id)
    };
    let bluesky = start(&owner.session, at(Platform::Bluesky, "")).await.unwrap();
    assert_eq!(bluesky.authorize_url, "");
    for platform in [Platform::Bluesky, Platform::Sandbox] {
        let answer = start(&owner.session, at(platform, "https://social.example")).await;
        assert_eq!(invalid_fields(answer), ["server_url"]);
    }
    for server_url in ["", "social.example", "http://social.example", "https://social.example/@ann"]
    {
        let answer = start(&owner.session, at(Platform::Mastodon, server_url)).await;
        assert_eq!(invalid_fields(answer), ["server_url"], "{server_url}");
    }
    let answer = start(&owner.session, at(Platform::Mastodon, "https://10.0.0.1")).await;
    refused(answer, Reason::UrlForbidden);
}

#[tokio::test]
async fn start_connect_is_for_owners_and_admins_who_may_write() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    for user in [&team.owner, &team.admin] {
        begun(&user.session, id).await;
    }
    for user in [&team.editor, &team.reviewer] {
        refused(start(&user.session, sandbox(id)).await, Reason::RoleInsufficient);
    }
    let stranger = system.sign_up("stranger").await;
    refused(start(&stranger.session, sandbox(id)).await, Reason::WorkspaceOutOfReach);
    let nowhere = sandbox(&unknown::<Workspace>());
    refused(start(&team.owner.session, nowhere).await, Reason::WorkspaceOutOfReach);
    let read_only =
        CreateApiKeyRequest { permission: KeyPermission::ReadOnly.into(), ..Default::default() };
    let (_, reading) = team.owner.key(read_only).await.unwrap();
    refused(start(&reading, sandbox(id)).await, Reason::KeyReadOnly);
    let other = team.owner.session.create_workspace("Other").await.unwrap();
    let (_, scoped) = team.owner.scoped_key(&[&other.id]).await.unwrap();
    refused(start(&scoped, sandbox(id)).await, Reason::WorkspaceOutOfReach);
    begun(&scoped, &other.id).await;
}
