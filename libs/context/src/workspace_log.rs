//! Follows the log of `workspaces`, for the services that hold rows of workspaces: a deletion reaches them in the order
//! of its commit, at least once, also after a restart. The log lets its readers wait, so they ask again at once.

use std::{fmt::Display, time::Duration};

use postbreeze_ids::WorkspaceId;
use postbreeze_proto::internal::v1::{
    ReadWorkspaceLogRequest, WorkspaceLogEntry, workspace_log_entry::Event,
    workspace_log_service_client::WorkspaceLogServiceClient,
};
use postbreeze_runtime::{Environment, peer::Peer};
use tokio::time::{Instant, sleep, timeout};
use tonic::async_trait;

use crate::token::Issuer;

/// After a reading that failed, and after one that told nothing sooner than this: who is stopping lets nobody wait.
const PAUSE: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(5);
/// A reading and all that is done with it: a connection to the database may never answer.
const READ_WITHIN: Duration = Duration::from_secs(30);
const AUDIENCE: &[&str] = &["workspaces"];

/// What a service does with the log.
#[async_trait]
pub trait Follower: Send + Sync + 'static {
    /// What can go wrong.
    type Error: Display + Send;

    /// The position of the last entry that was dealt with.
    async fn position(&self) -> Result<i64, Self::Error>;

    /// Deals with a deletion and moves the position on, in one transaction. Must bear to be told twice.
    async fn deleted(&self, workspace_id: WorkspaceId, position: i64) -> Result<(), Self::Error>;

    /// Moves the position on over an entry that is nothing to this version.
    async fn skipped(&self, position: i64) -> Result<(), Self::Error>;
}

/// Follows the log until the process has ended its calls: they are answered from what it tells.
pub fn follow(
    environment: &Environment,
    issuer: Issuer,
    workspaces: Peer,
    follower: impl Follower,
) {
    let ending = environment.background.ending().clone();
    environment.background.spawn(async move {
        let following = async {
            let mut failing = false;
            let mut passed = 0;
            loop {
                let asked = Instant::now();
                let read = read_on(&issuer, &workspaces, &follower, &mut passed);
                let read = timeout(READ_WITHIN, read).await;
                let read = read.unwrap_or_else(|_| Err("no answer in time".to_owned()));
                if let Err(cause) = read.as_ref()
                    && !failing
                {
                    tracing::warn!(cause, "the log of workspaces cannot be followed");
                }
                failing = read.is_err();
                if failing || (read == Ok(0) && asked.elapsed() < PAUSE) {
                    sleep(PAUSE).await;
                }
            }
        };
        ending.run_until_cancelled::<_>(following).await;
    });
}

/// Reads what there is after the last entry that was passed, and answers how many entries there were.
async fn read_on(
    issuer: &Issuer,
    workspaces: &Peer,
    follower: &impl Follower,
    passed: &mut i64,
) -> Result<usize, String> {
    let kept = follower.position().await.map_err(|error| error.to_string())?;
    let after_position = kept.max(*passed);
    let read = ReadWorkspaceLogRequest { after_position, at_once: false };
    let request = issuer.request(read, AUDIENCE, PATIENCE).map_err(|error| error.to_string())?;
    let answer = WorkspaceLogServiceClient::new(workspaces.clone())
        .read_workspace_log(request)
        .await
        .map_err(|status| status.to_string())?;
    let entries = answer.into_inner().entries;
    let count = entries.len();
    for entry in entries {
        let position = entry.position;
        deal_with(follower, entry).await?;
        *passed = position;
    }
    Ok(count)
}

async fn deal_with(follower: &impl Follower, entry: WorkspaceLogEntry) -> Result<(), String> {
    let done = match entry.event {
        Some(Event::Deleted(_)) => {
            let workspace_id = entry.workspace_id.parse::<WorkspaceId>();
            let workspace_id = workspace_id.map_err(|error| error.to_string())?;
            follower.deleted(workspace_id, entry.position).await
        }
        // An event of a later version: not ours to deal with.
        None => follower.skipped(entry.position).await,
    };
    done.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, sync::Mutex};

    use postbreeze_ids::Id;
    use postbreeze_proto::internal::v1::{
        ReadWorkspaceLogResponse, WorkspaceDeleted,
        workspace_log_service_server::{WorkspaceLogService, WorkspaceLogServiceServer},
    };
    use postbreeze_runtime::{BoxService, clock::Clock};
    use tonic::{Request, Response, Status, service::Routes};
    use uuid::Uuid;

    use super::*;
    use crate::token;

    struct Log;

    fn workspace() -> WorkspaceId {
        Id::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001))
    }

    #[async_trait]
    impl WorkspaceLogService for Log {
        async fn read_workspace_log(
            &self,
            request: Request<ReadWorkspaceLogRequest>,
        ) -> Result<Response<ReadWorkspaceLogResponse>, Status> {
            let after = request.into_inner().after_position;
            let entry = |position: i64| WorkspaceLogEntry {
                position,
                workspace_id: if position == 2 { workspace().to_string() } else { String::new() },
                event: (position == 2).then_some(Event::Deleted(WorkspaceDeleted {})),
            };
            let entries = (1..=3).filter(|position| *position > after).map(entry).collect();
            Ok(Response::new(ReadWorkspaceLogResponse { entries }))
        }
    }

    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);

    #[async_trait]
    impl Follower for Told {
        type Error = Infallible;

        async fn position(&self) -> Result<i64, Infallible> {
            Ok(0)
        }

        async fn deleted(&self, id: WorkspaceId, position: i64) -> Result<(), Infallible> {
            self.0.lock().unwrap().push(format!("{position}: deleted {id}"));
            Ok(())
        }

        async fn skipped(&self, position: i64) -> Result<(), Infallible> {
            self.0.lock().unwrap().push(format!("{position}: skipped"));
            Ok(())
        }
    }

    #[tokio::test]
    async fn entries_of_a_later_version_are_passed_and_not_asked_for_again() {
        let (signing, _) = token::generate("posts", "1").unwrap();
        let issuer = Issuer::new("posts", &signing, Clock::system()).unwrap();
        let routes = Routes::new(WorkspaceLogServiceServer::new(Log)).prepare();
        let workspaces = Peer::in_process("workspaces", BoxService::new(routes));
        let (told, mut passed) = (Told::default(), 0);
        assert_eq!(read_on(&issuer, &workspaces, &told, &mut passed).await, Ok(3));
        assert_eq!(read_on(&issuer, &workspaces, &told, &mut passed).await, Ok(0));
        let deleted = format!("2: deleted {}", workspace());
        assert_eq!(*told.0.lock().unwrap(), ["1: skipped", &deleted, "3: skipped"]);
    }
}
