use futures_util::future::{join, join_all};
use postbreeze_proto::{
    internal::v1::{
        ReadAccountLogRequest, account_log_entry::Event,
        account_log_service_client::AccountLogServiceClient,
    },
    time::to_proto,
    v1::{DeleteWorkspaceRequest, DisconnectSocialAccountRequest, Platform, SandboxFault},
};
use postbreeze_testkit::{until_eq, within};

use crate::support::{
    System, User, as_posts, invalid_fields, log, meet, post, publish, set_status, with_account,
};

async fn disconnect(owner: &User, account_id: &str) {
    let request =
        DisconnectSocialAccountRequest { account_id: account_id.to_owned(), ..Default::default() };
    owner.session.accounts().disconnect_social_account(request).await.unwrap();
}

fn events(entries: &[postbreeze_proto::internal::v1::AccountLogEntry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| match &entry.event {
            Some(Event::Connected(_)) => "connected".to_owned(),
            Some(Event::Expired(expired)) => format!("expired {}", expired.revoked),
            Some(Event::Disconnected(_)) => "disconnected".to_owned(),
            None => "nothing".to_owned(),
        })
        .collect()
}

#[tokio::test]
async fn what_happens_to_an_account_is_told_in_order_and_once() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    meet(&owner.session, &account.id, &[SandboxFault::TokenRevoked]).await;
    for key in ["a", "b"] {
        publish(&system, post(&system, &account.id, key, "text")).await;
    }
    owner.session.connect(&account.workspace_id, "acme").await.unwrap();
    disconnect(&owner, &account.id).await;
    // Again changes nothing.
    disconnect(&owner, &account.id).await;
    let entries = log(&system, 0).await;
    assert_eq!(events(&entries), ["connected", "expired false", "connected", "disconnected"]);
    for entry in &entries {
        assert_eq!(entry.account_id, account.id);
        assert_eq!(entry.workspace_id, account.workspace_id);
        assert_eq!(entry.platform(), Platform::Sandbox);
        assert_eq!(entry.handle, "acme");
        assert_eq!(entry.time, Some(to_proto(system.clock.now())));
    }
    assert!(entries.windows(2).all(|pair| pair[0].position < pair[1].position));
    assert_eq!(log(&system, entries[1].position).await, entries[2..]);
}

#[tokio::test]
async fn a_refused_connection_and_a_deleted_workspace_are_not_in_it() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    owner.session.connect(&account.workspace_id, "other").await.unwrap_err();
    let request = DeleteWorkspaceRequest { workspace_id: account.workspace_id.clone() };
    owner.session.workspaces().delete_workspace(request).await.unwrap();
    let gone = "SELECT count(*) FROM accounts WHERE status = 'disconnected'";
    let pool = system.pool("accounts");
    until_eq("the account is disconnected", 1, async || {
        sqlx::query_scalar::<_, i64>(gone).fetch_one(pool).await.unwrap()
    })
    .await;
    assert_eq!(events(&log(&system, 0).await), ["connected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_of_what_happens_at_once() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let mut workspaces = Vec::new();
    for n in 0..12 {
        workspaces.push(owner.session.create_workspace(&format!("n{n}")).await.unwrap().id);
    }
    let follow = async {
        let (mut seen, mut position) = (Vec::new(), 0);
        while seen.len() < workspaces.len() {
            for entry in log(&system, position).await {
                assert!(entry.position > position);
                position = entry.position;
                seen.push(entry.workspace_id);
            }
        }
        seen
    };
    let connect = join_all(workspaces.iter().map(|id| owner.session.connect(id, "acme")));
    let both = within("every connection is in the log", join(follow, connect));
    let (mut seen, connected) = both.await;
    assert!(connected.iter().all(Result::is_ok));
    seen.sort();
    let mut wanted = workspaces.clone();
    wanted.sort();
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn read_account_log_waits_a_second_for_the_next_entry_and_refuses_a_negative_position() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    set_status(&system, "revoked").await;
    let last = log(&system, 0).await[0].position;
    let connect = owner.session.connect(&account.workspace_id, "acme");
    let (entries, connected) = join(log(&system, last), connect).await;
    connected.unwrap();
    assert_eq!(events(&entries), ["connected"]);
    let request = as_posts(&system, ReadAccountLogRequest { after_position: -1 });
    let peer = system.services.owners.accounts.first().clone();
    let answer = AccountLogServiceClient::new(peer).read_account_log(request).await;
    assert_eq!(invalid_fields(answer), ["after_position"]);
}
