//! What becomes of the accounts of a workspace that is deleted.

use std::time::Duration;

use futures_util::future::join;
use postbreeze_proto::{
    status::Reason,
    v1::{DeleteWorkspaceRequest, ListSocialAccountsRequest},
};
use postbreeze_testkit::{until_eq, until_that};
use tokio::time::sleep;

use crate::support::{System, User, accounts, begun, complete, refused, tokens, with};

async fn delete(owner: &User, workspace_id: &str) {
    let request = DeleteWorkspaceRequest { workspace_id: workspace_id.to_owned() };
    owner.session.workspaces().delete_workspace(request).await.unwrap();
}

/// Waits until accounts has dealt with every deletion there was.
async fn until_followed(system: &System) {
    let written: i64 = sqlx::query_scalar("SELECT position FROM workspace_log_head")
        .fetch_one(system.pool("workspaces"))
        .await
        .unwrap();
    let read = "SELECT position FROM workspace_log_position";
    let pool = system.pool("accounts");
    until_that(
        "accounts has followed",
        async || sqlx::query_scalar::<_, i64>(read).fetch_one(pool).await.unwrap(),
        |seen| *seen >= written,
    )
    .await;
}

#[tokio::test]
async fn a_deletion_disconnects_the_accounts_and_destroys_their_tokens() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let kept = owner.session.create_workspace("Kept").await.unwrap().id;
    for workspace in [&id, &kept] {
        owner.session.connect(workspace, "acme").await.unwrap();
    }
    let state = begun(&owner.session, &id).await;
    delete(&owner, &id).await;
    until_followed(&system).await;
    assert_eq!(accounts(&system).await, (2, 1));
    assert_eq!(tokens(&system).await.len(), 1);
    refused(complete(&owner.session, with(&state, "acme")).await, Reason::WorkspaceOutOfReach);
    let request = ListSocialAccountsRequest { include_disconnected: true, ..Default::default() };
    let listed = owner.session.accounts().list_social_accounts(request).await.unwrap();
    let listed = listed.into_inner().accounts;
    assert_eq!(listed.iter().map(|row| &row.workspace_id).collect::<Vec<_>>(), [&kept]);
}

#[tokio::test]
async fn one_who_was_admitted_before_the_deletion_connects_nothing_after_it() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    for connected_before in [false, true] {
        let id = owner.session.create_workspace("Acme").await.unwrap().id;
        if connected_before {
            owner.session.connect(&id, "acme").await.unwrap();
        }
        let state = begun(&owner.session, &id).await;
        // Whoever spends a state waits until this transaction ends: admitted, and nothing written yet.
        let mut holding = system.pool("accounts").begin().await.unwrap();
        let hold = "SELECT FROM connect_states FOR UPDATE";
        sqlx::query(hold).execute(&mut *holding).await.unwrap();
        let (client, request) = (owner.session.clone(), with(&state, "acme"));
        let call = tokio::spawn(async move { complete(&client, request).await });
        let waiting = "
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let pool = system.pool("accounts");
        until_eq("one call waits for a lock", 1, async || {
            sqlx::query_scalar::<_, i64>(waiting).fetch_one(pool).await.unwrap()
        })
        .await;
        delete(&owner, &id).await;
        until_followed(&system).await;
        holding.rollback().await.unwrap();
        refused(call.await.unwrap(), Reason::WorkspaceOutOfReach);
        assert_eq!(accounts(&system).await.1, 0);
        assert_eq!(tokens(&system).await.len(), 0);
        sqlx::query("DELETE FROM connect_states").execute(pool).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_while_the_workspace_is_deleted_leaves_nothing_behind() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    for round in 0_u64..12 {
        let id = owner.session.create_workspace("Acme").await.unwrap().id;
        let state = begun(&owner.session, &id).await;
        let connect = async {
            sleep(Duration::from_millis(round)).await;
            complete(&owner.session, with(&state, "acme")).await
        };
        let ((), connected) = join(delete(&owner, &id), connect).await;
        if connected.is_err() {
            refused(connected, Reason::WorkspaceOutOfReach);
        }
        until_followed(&system).await;
        assert_eq!(accounts(&system).await.1, 0);
        assert_eq!(tokens(&system).await.len(), 0);
    }
}

/// From now on what is learnt of a workspace's deletion cannot be written down.
async fn refuse_deletion(system: &System, workspace_id: &str) {
    let statement = "
        CREATE TABLE refused (workspace_id UUID NOT NULL);
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM refused WHERE refused.workspace_id = NEW.workspace_id) THEN
                RAISE EXCEPTION 'refused by the test';
            END IF;
            RETURN NEW;
        END
        $$;
        CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON account_heads
        FOR EACH ROW EXECUTE FUNCTION refuse();";
    let pool = system.pool("accounts");
    sqlx::raw_sql(statement).execute(pool).await.unwrap();
    sqlx::query("INSERT INTO refused VALUES ($1)")
        .bind(workspace_id.parse::<postbreeze_ids::WorkspaceId>().unwrap().uuid())
        .execute(pool)
        .await
        .unwrap();
}

async fn set_aside(system: &System) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM failed_log_entries")
        .fetch_one(system.pool("accounts"))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_deletion_that_fails_holds_up_no_other_and_is_made_up_for() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let first = owner.session.create_workspace("First").await.unwrap().id;
    let second = owner.session.create_workspace("Second").await.unwrap().id;
    for workspace in [&first, &second] {
        owner.session.connect(workspace, "acme").await.unwrap();
    }
    refuse_deletion(&system, &first).await;
    delete(&owner, &first).await;
    delete(&owner, &second).await;
    until_followed(&system).await;
    assert_eq!((set_aside(&system).await, tokens(&system).await.len()), (1, 1));
    let mend = "DELETE FROM refused";
    sqlx::query(mend).execute(system.pool("accounts")).await.unwrap();
    system.clock.turn(chrono::TimeDelta::minutes(6));
    until_that("the first is released", async || tokens(&system).await, Vec::is_empty).await;
    assert_eq!(set_aside(&system).await, 0);
}
