//! `AccountLogService.ReadAccountLog`: answers as soon as there is something, and after a second at the latest.

use std::time::Duration;

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{
        AccountConnected, AccountDisconnected, AccountExpired, AccountLogEntry,
        ReadAccountLogRequest, ReadAccountLogResponse, account_log_entry::Event,
    },
    time::to_proto,
};
use postbreeze_runtime::call::Call;
use tokio::time::{Instant, sleep, sleep_until};

use super::Rpc;
use crate::{
    error::Error,
    store::account_log::{AccountEvent, LogRow},
};

const MOST_ENTRIES: i64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(1);
/// Another replica may have appended, of which nothing wakes this one.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// An answer begun this long before the deadline still arrives.
const MARGIN: Duration = Duration::from_millis(50);

pub(super) async fn read_account_log(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: ReadAccountLogRequest,
) -> Result<ReadAccountLogResponse, Error> {
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
    let stopping = rpc.environment.background.stopping();
    loop {
        // Listening begins before looking: what is appended in between is not slept through.
        let appended = rpc.store.appended().notified();
        let rows = rpc.store.account_log_after(after, MOST_ENTRIES).await?;
        let over = Instant::now() >= end || stopping.is_cancelled();
        if !rows.is_empty() || over {
            let last_position =
                if rows.is_empty() { Some(rpc.store.account_log_end().await?) } else { None };
            let entries = rows.into_iter().map(entry).collect();
            return Ok(ReadAccountLogResponse { entries, last_position });
        }
        tokio::select! {
            () = appended => {}
            () = sleep(LOOK_AGAIN) => {}
            () = sleep_until(end) => {}
            () = stopping.cancelled() => {}
        }
    }
}

/// An entry whose event a later version has written has none here: it holds up no reader.
fn entry(row: LogRow) -> AccountLogEntry {
    let event = AccountEvent::parse(&row.event).map(|event| match event {
        AccountEvent::Connected => Event::Connected(AccountConnected {}),
        AccountEvent::Expired => Event::Expired(AccountExpired { revoked: false }),
        AccountEvent::Revoked => Event::Expired(AccountExpired { revoked: true }),
        AccountEvent::Disconnected => Event::Disconnected(AccountDisconnected {}),
    });
    if event.is_none() {
        tracing::error!(
            position = row.position,
            event = row.event,
            "the account log has an event that this version does not know: readers skip it"
        );
    }
    AccountLogEntry {
        position: row.position,
        account_id: row.account_id.to_string(),
        workspace_id: row.workspace_id.to_string(),
        platform: row.platform.into(),
        handle: row.handle,
        time: Some(to_proto(row.create_time)),
        event,
    }
}
