//! Taking authority away answers within a second, although a process was stopped while it held a lock that this needs.

use std::{
    pin::Pin,
    time::{Duration, Instant},
};

use futures_util::poll;
use postbreeze_ids::{KeyId, WorkspaceId};
use postbreeze_proto::{
    status::Reason,
    v1::{
        DeleteWorkspaceRequest, KeyPermission, LeaveWorkspaceRequest, RemoveMemberRequest,
        RevokeApiKeyRequest, Role, TransferOwnershipRequest, UpdateApiKeyRequest,
        UpdateMemberRequest, UpdateWorkspaceRequest,
    },
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::support::{System, User, refused, workspace};

/// A call, polled by hand: while it is not polled it does as little as a process that was stopped.
type Call = Pin<Box<dyn Future<Output = Result<(), Status>> + Send>>;

/// Goes on with a call until it holds a row's lock, and then stops.
async fn stop_when_locked(call: &mut Call, pool: &PgPool, table: &str, id: Uuid) {
    let free = format!("SELECT 1 FROM {table} WHERE id = $1 FOR UPDATE SKIP LOCKED");
    loop {
        let polled = poll!(call.as_mut());
        assert!(polled.is_pending(), "the call has ended without a stop: {polled:?}");
        let free = sqlx::query(sqlx::AssertSqlSafe(free.clone())).bind(id);
        if free.fetch_optional(pool).await.unwrap().is_none() {
            return;
        }
    }
}

/// Within a second the call is answered OK, and the stopped one, when it goes on, that it could not be done.
async fn answers_although_stopped(
    what: &str,
    call: impl Future<Output = Result<(), Status>>,
    stopped: Call,
) {
    let begun = Instant::now();
    let answer = call.await;
    let took = begun.elapsed();
    answer.unwrap_or_else(|status| panic!("{what}: {status:?}"));
    assert!(took < Duration::from_secs(1), "{what} took {took:?}");
    refused(stopped.await, Reason::SourceUnreachable);
}

fn rename_key(user: &User, key_id: &str) -> Call {
    let (client, key_id) = (user.session.clone(), key_id.to_owned());
    Box::pin(async move {
        let request = UpdateApiKeyRequest {
            key_id,
            display_name: "stopped".to_owned(),
            ..Default::default()
        };
        client.keys().update_api_key(request).await.map(drop)
    })
}

fn rename_workspace(user: &User, workspace_id: &str) -> Call {
    let (client, workspace_id) = (user.session.clone(), workspace_id.to_owned());
    Box::pin(async move {
        let request = UpdateWorkspaceRequest {
            workspace_id,
            name: "Stopped".to_owned(),
            ..Default::default()
        };
        client.workspaces().update_workspace(request).await.map(drop)
    })
}

#[tokio::test]
async fn keys_are_taken_away_within_a_second_although_a_process_was_stopped() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let pool = system.pool("identity");
    for what in ["RevokeApiKey", "UpdateApiKey"] {
        let key_id = ann.full_key().await.unwrap().0.id;
        let mut stopped = rename_key(&ann, &key_id);
        let id = key_id.parse::<KeyId>().unwrap().uuid();
        stop_when_locked(&mut stopped, pool, "api_keys", id).await;
        let mut keys = ann.session.keys();
        let call = async {
            if what == "RevokeApiKey" {
                keys.revoke_api_key(RevokeApiKeyRequest { key_id }).await.map(drop)
            } else {
                let permission = KeyPermission::ReadOnly.into();
                let request = UpdateApiKeyRequest { key_id, permission, ..Default::default() };
                keys.update_api_key(request).await.map(drop)
            }
        };
        answers_although_stopped(what, call, stopped).await;
    }
}

#[tokio::test]
async fn members_and_workspaces_are_taken_away_within_a_second_although_a_process_was_stopped() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let pool = system.pool("workspaces");
    for what in
        ["RemoveMember", "UpdateMember", "LeaveWorkspace", "TransferOwnership", "DeleteWorkspace"]
    {
        let workspace_id = workspace(&ann, "Acme").await.id;
        system.join(&ann, &workspace_id, &bob, Role::Admin).await;
        let id = workspace_id.parse::<WorkspaceId>().unwrap().uuid();
        let mut stopped = rename_workspace(&ann, &workspace_id);
        stop_when_locked(&mut stopped, pool, "workspaces", id).await;
        let (mut members, mut workspaces) = (ann.session.members(), ann.session.workspaces());
        let mut own = bob.session.members();
        let user_id = bob.id().to_owned();
        let call = async {
            match what {
                "RemoveMember" => {
                    let request = RemoveMemberRequest { workspace_id, user_id };
                    members.remove_member(request).await.map(drop)
                }
                "UpdateMember" => {
                    let role = Role::Editor.into();
                    let request = UpdateMemberRequest { workspace_id, user_id, role };
                    members.update_member(request).await.map(drop)
                }
                "LeaveWorkspace" => {
                    let request = LeaveWorkspaceRequest { workspace_id };
                    own.leave_workspace(request).await.map(drop)
                }
                "TransferOwnership" => {
                    let request = TransferOwnershipRequest { workspace_id, user_id };
                    members.transfer_ownership(request).await.map(drop)
                }
                _ => {
                    let request = DeleteWorkspaceRequest { workspace_id };
                    workspaces.delete_workspace(request).await.map(drop)
                }
            }
        };
        answers_although_stopped(what, call, stopped).await;
    }
}
