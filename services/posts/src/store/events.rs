//! Table `events`: the outbox. What webhooks are told of is written in the transaction of the fact, after the rows of the
//! fact itself.

use postbreeze_ids::{EventId, WorkspaceId};
use sqlx::PgConnection;

use crate::event::Event;

/// Writes down what happened.
#[tracing::instrument(skip_all, name = "db.events.record", err(level = "debug"))]
pub async fn record(connection: &mut PgConnection, event: &Event) -> Result<(), sqlx::Error> {
    record_all(connection, std::slice::from_ref(event)).await
}

/// Writes down all that happened in one bucket.
#[tracing::instrument(skip_all, name = "db.events.record_all", err(level = "debug"))]
pub async fn record_all(
    connection: &mut PgConnection,
    events: &[Event],
) -> Result<(), sqlx::Error> {
    let Some(first) = events.first() else { return Ok(()) };
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let workspaces: Vec<WorkspaceId> = events.iter().map(|event| event.workspace_id).collect();
    let kinds: Vec<String> = events.iter().map(|event| event.kind.as_str().to_owned()).collect();
    let data: Vec<String> = events.iter().map(|event| event.subject.data()).collect();
    let times: Vec<_> = events.iter().map(|event| event.time).collect();
    sqlx::query!(
        r#"
        INSERT INTO events (bucket, id, workspace_id, kind, data, create_time)
        SELECT $1, event.id, event.workspace_id, event.kind, event.data, event.create_time
        FROM unnest($2::UUID[], $3::UUID[], $4::TEXT[], $5::TEXT[], $6::TIMESTAMPTZ[])
            AS event (id, workspace_id, kind, data, create_time)
        "#,
        first.workspace_id.bucket().as_i16(),
        &ids as &[EventId],
        &workspaces as &[WorkspaceId],
        &kinds,
        &data,
        &times,
    )
    .execute(connection)
    .await?;
    Ok(())
}
