//! What happens to a key between the moment it is authenticated and the moment its allow-list is read.

use postbreeze_proto::{
    status::Reason,
    v1::{GetWorkspaceRequest, GetWorkspaceResponse},
};
use postbreeze_testkit::until_that;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::task::JoinHandle;
use tonic::{Response, Status};

use crate::support::{Client, System, refused, workspace};

type Call = JoinHandle<Result<Response<GetWorkspaceResponse>, Status>>;

/// Whoever reads allow-lists waits until this transaction ends.
async fn hold_allow_lists(pool: &PgPool) -> Transaction<'static, Postgres> {
    let mut transaction = pool.begin().await.unwrap();
    let lock = "LOCK TABLE api_key_workspaces IN ACCESS EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *transaction).await.unwrap();
    transaction
}

/// Begins a call, which is authenticated and then waits.
async fn begin(pool: &PgPool, client: &Client, workspace_id: &str) -> Call {
    let (client, workspace_id) = (client.clone(), workspace_id.to_owned());
    let call = tokio::spawn(async move {
        client.workspaces().get_workspace(GetWorkspaceRequest { workspace_id }).await
    });
    let waiting = "
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until_that(
        "a call waits for the lock",
        async || sqlx::query_scalar::<_, i64>(waiting).fetch_one(pool).await.unwrap(),
        |calls| *calls > 0,
    )
    .await;
    call
}

#[tokio::test]
async fn a_key_that_is_given_full_access_meanwhile_reaches_all() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (acme, globex) = (workspace(&ann, "Acme").await, workspace(&ann, "Globex").await);
    let (_, client) = ann.scoped_key(&[&acme.id]).await.unwrap();
    let pool = system.pool("identity");
    let mut holding = hold_allow_lists(pool).await;
    let call = begin(pool, &client, &globex.id).await;
    for change in ["UPDATE api_keys SET scoped = FALSE", "DELETE FROM api_key_workspaces"] {
        sqlx::query(change).execute(&mut *holding).await.unwrap();
    }
    holding.commit().await.unwrap();
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_key_that_is_revoked_meanwhile_is_refused() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let acme = workspace(&ann, "Acme").await;
    let (_, client) = ann.scoped_key(&[&acme.id]).await.unwrap();
    let pool = system.pool("identity");
    let mut holding = hold_allow_lists(pool).await;
    let call = begin(pool, &client, &acme.id).await;
    let change = "UPDATE api_keys SET revoke_time = create_time";
    sqlx::query(change).execute(&mut *holding).await.unwrap();
    holding.commit().await.unwrap();
    refused(call.await.unwrap(), Reason::CredentialRevoked);
}
