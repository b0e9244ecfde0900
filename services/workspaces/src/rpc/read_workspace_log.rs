//! `ReadWorkspaceLog`: answers as soon as there is something, and after a second at the latest, or else at once.

use std::time::Duration;

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{
        ReadWorkspaceLogRequest, ReadWorkspaceLogResponse, WorkspaceDeleted, WorkspaceLogEntry,
        workspace_log_entry::Event,
    },
};
use postbreeze_runtime::call::Call;
use tokio::time::{Instant, sleep, sleep_until};

use super::Rpc;
use crate::{error::Error, store::LogRow};

const MOST_ENTRIES: i64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(1);
/// Another replica may have appended, of which nothing wakes this one.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// An answer begun this long before the deadline still arrives.
const MARGIN: Duration = Duration::from_millis(50);

pub(super) async fn read_workspace_log(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: ReadWorkspaceLogRequest,
) -> Result<ReadWorkspaceLogResponse, Error> {
    let mut fields = Fields::new();
    let after = request.after_position;
    if after < 0 {
        fields.violate("after_position", "must not be negative");
    }
    fields.finish(())?;

    let mut end = Instant::now() + PATIENCE;
    if let Some(call) = Call::current() {
        end = end.min(Instant::now() + call.remaining().saturating_sub(MARGIN));
    }
    loop {
        // Listening begins before looking: what is appended in between is not slept through.
        let appended = rpc.appended.notified();
        let rows = rpc.store.log_after(after, MOST_ENTRIES).await?;
        let over =
            request.at_once || Instant::now() >= end || rpc.background.stopping().is_cancelled();
        if !rows.is_empty() || over {
            let last_position =
                if rows.is_empty() { Some(rpc.store.log_end().await?) } else { None };
            let entries = rows.into_iter().map(entry).collect();
            return Ok(ReadWorkspaceLogResponse { entries, last_position });
        }
        tokio::select! {
            () = appended => {}
            () = sleep(LOOK_AGAIN) => {}
            () = sleep_until(end) => {}
            () = rpc.background.stopping().cancelled() => {}
        }
    }
}

fn entry(row: LogRow) -> WorkspaceLogEntry {
    WorkspaceLogEntry {
        position: row.position,
        workspace_id: row.workspace_id.to_string(),
        event: Some(Event::Deleted(WorkspaceDeleted {})),
    }
}
