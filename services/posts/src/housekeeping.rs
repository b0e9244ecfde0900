//! Work beside the calls: following the log of deleted workspaces, sweeping idempotency records and what webhooks need no
//! longer, sealing secrets of webhooks anew.

use std::{sync::Arc, time::Duration};

use postbreeze_context::{
    token::Issuer,
    workspace_log::{self, Follower, Following, Pass},
};
use postbreeze_ids::WorkspaceId;
use postbreeze_runtime::{Environment, clock::Clock, peer::Peer};
use tokio::time::sleep;
use tonic::async_trait;

use crate::{error::Error, store::Store, vault::Vault};

const SWEEP_EVERY: Duration = Duration::from_mins(10);
const RESEALED: i64 = 100;

/// Starts the tasks; they end with the process. Answers how the log of deleted workspaces is followed.
pub(crate) fn start(
    environment: &Environment,
    store: &Store,
    vault: Arc<Vault>,
    issuer: Issuer,
    workspaces: Peer,
) -> Following {
    let stopping = environment.background.stopping().clone();
    let (clock, sweeper) = (environment.clock.clone(), store.clone());
    environment.background.spawn(async move {
        while stopping.run_until_cancelled(sleep(SWEEP_EVERY)).await.is_some() {
            let now = clock.now();
            if let Err(error) = postbreeze_idempotency::sweep(sweeper.pool(), now).await {
                tracing::warn!(%error, "idempotency records cannot be swept");
            }
            if let Err(error) = postbreeze_idempotency::sweep_claims(sweeper.pool(), now).await {
                tracing::warn!(%error, "idempotency claims cannot be swept; that is tried again");
            }
            if let Err(error) = sweeper.sweep_sources(now).await {
                tracing::warn!(%error, "targets whose comments are not fetched any more cannot be swept");
            }
            if let Err(error) = sweeper.sweep_webhooks(now).await {
                tracing::warn!(%error, "old events and deliveries cannot be swept");
            }
        }
    });
    if vault.is_rotating() {
        let stopping = environment.background.stopping().clone();
        let store = store.clone();
        environment.background.spawn(async move {
            // At once, and again: until a roll-out is over, others still seal with the old key.
            let sealing = async {
                loop {
                    if let Err(error) = reseal(&store, &vault).await {
                        tracing::warn!(%error, "secrets of webhooks cannot be sealed anew");
                    }
                    sleep(SWEEP_EVERY).await;
                }
            };
            stopping.run_until_cancelled::<_>(sealing).await;
        });
    }
    let deletions = Deletions { store: store.clone(), clock: environment.clock.clone() };
    workspace_log::follow(environment, store.database(), issuer, workspaces, deletions)
}

/// Seals every secret anew that is not under the current key, a few at a time, while everything goes on.
async fn reseal(store: &Store, vault: &Vault) -> Result<(), sqlx::Error> {
    let (mut after, mut unreadable) = (None, 0_u64);
    loop {
        let rows = store.secrets_after(after, RESEALED).await?;
        let Some(last) = rows.last() else { break };
        after = Some((last.webhook_id, last.number));
        for row in rows {
            match vault.reseal(row.webhook_id, row.number, &row.sealed) {
                Ok(Some(anew)) => store.keep_resealed(&row, &anew).await?,
                Ok(None) if vault.open(row.webhook_id, row.number, &row.sealed).is_some() => {}
                Ok(None) | Err(_) => unreadable += 1,
            }
        }
    }
    if unreadable > 0 {
        tracing::error!(
            unreadable,
            "secrets of webhooks cannot be opened: their key is not configured"
        );
    }
    Ok(())
}

struct Deletions {
    store: Store,
    clock: Clock,
}

#[async_trait]
impl Follower for Deletions {
    type Error = Error;

    async fn deleted(&self, workspace_id: WorkspaceId, pass: Pass) -> Result<(), Error> {
        self.store.release_workspace(workspace_id, pass, self.clock.now()).await
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use postbreeze_ids::{Id, WebhookId};
    use postbreeze_runtime::postgres::Database;
    use postbreeze_testkit::postgres::database;
    use secrecy::ExposeSecret as _;
    use uuid::Uuid;

    use super::*;
    use crate::{
        MIGRATOR,
        store::webhook_secrets::{SecretRow, insert_secret},
    };

    #[tokio::test]
    async fn every_secret_is_sealed_anew_and_the_old_key_can_go() {
        let test = database("posts", &MIGRATOR).await;
        let store = Store::new(&Database::new(test.config(2), &MIGRATOR).unwrap());
        let before = Vault::new(&[7; 32], &[]);
        // More than are sealed at a time.
        for n in 1..=150 {
            let webhook_id: WebhookId = Id::from_uuid(Uuid::from_u128(n));
            let secret = SecretRow {
                webhook_id,
                number: 1,
                shown: "x".to_owned(),
                create_time: DateTime::UNIX_EPOCH,
                expire_time: None,
            };
            let sealed = before.seal(webhook_id, 1, &format!("whsec_{n}").into()).unwrap();
            let mut connection = store.pool().acquire().await.unwrap();
            insert_secret(&mut connection, &secret, &sealed).await.unwrap();
        }
        reseal(&store, &Vault::new(&[8; 32], &[[7; 32]])).await.unwrap();
        let alone = Vault::new(&[8; 32], &[]);
        let rows = store.secrets_after(None, 200).await.unwrap();
        assert_eq!(rows.len(), 150);
        for (n, row) in (1..).zip(rows) {
            let secret = alone.open(row.webhook_id, row.number, &row.sealed).unwrap();
            assert_eq!(secret.expose_secret(), format!("whsec_{n}"));
        }
    }
}
