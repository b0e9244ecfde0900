use postbreeze_ids::Account;
use postbreeze_proto::{
    internal::v1::send_outcome::Outcome,
    status::Reason,
    v1::{
        CreateApiKeyRequest, KeyPermission, SandboxBehavior, SandboxFault,
        SetSandboxBehaviorRequest, SetSandboxBehaviorResponse,
    },
};
use tonic::{Code, Status};

use crate::support::{
    Client, System, commands, invalid_fields, meet, post, publish, refused, sent, unknown,
    with_account,
};

async fn set(
    client: &Client,
    account_id: &str,
    behavior: Option<SandboxBehavior>,
) -> Result<SetSandboxBehaviorResponse, Status> {
    let request = SetSandboxBehaviorRequest { account_id: account_id.to_owned(), behavior };
    Ok(commands(client).set_sandbox_behavior(request).await?.into_inner())
}

#[tokio::test]
async fn a_behavior_replaces_the_one_before_and_none_is_the_first_again() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let behavior = SandboxBehavior {
        next_faults: vec![SandboxFault::Refused.into(); 2],
        fault_percent: 100,
        random_faults: vec![SandboxFault::ServerError.into()],
        ..Default::default()
    };
    let answer = set(&owner.session, &account.id, Some(behavior.clone())).await.unwrap();
    assert_eq!(answer.behavior, Some(behavior));
    let mut codes = Vec::new();
    for n in 0..4 {
        let request = post(&system, &account.id, &format!("key-{n}"), "text");
        let Outcome::Failed(failure) = publish(&system, request).await else { panic!("accepted") };
        codes.push(failure.code);
    }
    assert_eq!(codes, ["refused", "refused", "server_error", "server_error"]);
    let answer = set(&owner.session, &account.id, None).await.unwrap();
    assert_eq!(answer.behavior, Some(SandboxBehavior::default()));
    sent(publish(&system, post(&system, &account.id, "key", "text")).await);
}

#[tokio::test]
async fn a_behavior_is_one_accounts_alone() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let other = owner.session.create_workspace("Globex").await.unwrap().id;
    let other = owner.session.connect(&other, "acme").await.unwrap();
    meet(&owner.session, &account.id, &[SandboxFault::Refused; 3]).await;
    sent(publish(&system, post(&system, &other.id, "key", "text")).await);
}

#[tokio::test]
async fn set_sandbox_behavior_names_every_bad_field_at_once() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let duration = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });
    let bad = SandboxBehavior {
        next_faults: vec![0, 99],
        fault_percent: 101,
        random_faults: vec![],
        delay: duration(31, 0),
        retry_after: duration(0, -1),
        ..Default::default()
    };
    let answer = set(&owner.session, "junk", Some(bad)).await;
    let fields = [
        "account_id",
        "behavior.delay",
        "behavior.fault_percent",
        "behavior.next_faults[1]",
        "behavior.random_faults",
        "behavior.retry_after",
    ];
    assert_eq!(invalid_fields(answer), fields);
    let many = SandboxBehavior {
        next_faults: vec![1; 101],
        random_faults: vec![1; 11],
        delay: duration(i64::MAX, 0),
        ..Default::default()
    };
    let answer = set(&owner.session, &account.id, Some(many)).await;
    let fields = ["behavior.delay", "behavior.next_faults", "behavior.random_faults"];
    assert_eq!(invalid_fields(answer), fields);
}

#[tokio::test]
async fn set_sandbox_behavior_is_for_connectors_who_may_write() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.account.id;
    for user in [&team.owner, &team.admin] {
        set(&user.session, id, None).await.unwrap();
    }
    for user in [&team.editor, &team.reviewer] {
        refused(set(&user.session, id, None).await, Reason::RoleInsufficient);
    }
    let read_only =
        CreateApiKeyRequest { permission: KeyPermission::ReadOnly.into(), ..Default::default() };
    let (_, reading) = team.owner.key(read_only).await.unwrap();
    refused(set(&reading, id, None).await, Reason::KeyReadOnly);
    let stranger = system.sign_up("stranger").await;
    refused(set(&stranger.session, id, None).await, Reason::WorkspaceOutOfReach);
    let nobody = unknown::<Account>();
    refused(set(&team.owner.session, &nobody, None).await, Reason::ResourceNotFound);
    // Of another network, as far as anybody can tell.
    sqlx::query("UPDATE accounts SET platform = 3").execute(system.pool("accounts")).await.unwrap();
    assert_eq!(invalid_fields(set(&team.owner.session, id, None).await), ["account_id"]);
}

#[tokio::test]
async fn without_the_operators_word_nothing_is_commanded() {
    let system = System::start_with(&[("POSTBREEZE_SANDBOX_COMMANDS", "false")]).await;
    let (owner, account) = with_account(&system).await;
    let answer = set(&owner.session, &account.id, None).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
    sent(publish(&system, post(&system, &account.id, "key", "text")).await);
}
