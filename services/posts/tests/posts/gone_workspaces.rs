//! The rows of a deleted workspace are out of reach, also long after: no sweep makes one something that never was.

use std::time::Duration;

use postbreeze_proto::{
    status::{Reason, reason_of},
    v1::{
        CreateFolderRequest, DeleteWebhookRequest, DeleteWorkspaceRequest, GetCommentRequest,
        GetMediaRequest, GetSocialAccountRequest, ListDeliveriesRequest,
        ListPublishAttemptsRequest, MediaKind, RedeliverDeliveryRequest,
        RotateWebhookSecretRequest, UpdateFolderRequest, UpdateWebhookRequest,
    },
};
use postbreeze_testkit::Team;
use tokio::time::{advance, pause, resume};
use tonic::Status;

use crate::support::{
    NewComment, System, add_comment, add_media, cancel_one, create, deliveries, draft, eventually,
    get, get_webhook, library, new_webhook, refused, start, workspace_of,
};

/// A row of each kind that a workspace has, by its id.
struct Things {
    post: String,
    comment: String,
    media: String,
    folder: String,
    webhook: String,
}

/// Every way to one of them that is no list.
async fn answers(system: &System, team: &Team, things: &Things) -> Vec<(&'static str, Status)> {
    let client = &team.owner.session;
    let (post_id, webhook_id) = (things.post.clone(), things.webhook.clone());
    let mut found = Vec::new();
    let mut told = |rpc: &'static str, answer: Result<(), Status>| {
        found.push((rpc, answer.err().unwrap_or_else(|| Status::ok("answered"))));
    };
    told("GetPost", get(client, &post_id).await.map(drop));
    let request = ListPublishAttemptsRequest { post_id, ..Default::default() };
    told("ListPublishAttempts", client.posts().list_publish_attempts(request).await.map(drop));
    let request = GetCommentRequest { comment_id: things.comment.clone(), ..Default::default() };
    told("GetComment", client.comments().get_comment(request).await.map(drop));
    let request = GetMediaRequest { media_id: things.media.clone(), ..Default::default() };
    told("GetMedia", library(client).get_media(request).await.map(drop));
    let request = UpdateFolderRequest {
        folder_id: things.folder.clone(),
        name: "x".to_owned(),
        ..Default::default()
    };
    told("UpdateFolder", library(client).update_folder(request).await.map(drop));
    let account_id = team.account.id.clone();
    let request = GetSocialAccountRequest { account_id, ..Default::default() };
    told("GetSocialAccount", client.accounts().get_social_account(request).await.map(drop));
    told("GetWebhook", get_webhook(client, &webhook_id).await.map(drop));
    let request = UpdateWebhookRequest {
        webhook_id: webhook_id.clone(),
        display_name: "x".to_owned(),
        ..Default::default()
    };
    told("UpdateWebhook", client.webhooks().update_webhook(request).await.map(drop));
    let request =
        RotateWebhookSecretRequest { webhook_id: webhook_id.clone(), ..Default::default() };
    told("RotateWebhookSecret", client.webhooks().rotate_webhook_secret(request).await.map(drop));
    let request = ListDeliveriesRequest { webhook_id: webhook_id.clone(), ..Default::default() };
    told("ListDeliveries", client.webhooks().list_deliveries(request).await.map(drop));
    let event_id = system.environment.minter.mint::<postbreeze_ids::Event>(
        webhook_id.parse::<postbreeze_ids::WebhookId>().unwrap().bucket(),
    );
    let request = RedeliverDeliveryRequest {
        webhook_id: webhook_id.clone(),
        event_id: event_id.to_string(),
        ..Default::default()
    };
    told("RedeliverDelivery", client.webhooks().redeliver_delivery(request).await.map(drop));
    let request = DeleteWebhookRequest { webhook_id, ..Default::default() };
    told("DeleteWebhook", client.webhooks().delete_webhook(request).await.map(drop));
    found
}

async fn webhooks(system: &System) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM webhooks")
        .fetch_one(system.pool("posts"))
        .await
        .unwrap()
}

#[tokio::test]
async fn what_a_deleted_workspace_had_stays_out_of_reach_when_everything_was_swept() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let workspace_id = &team.workspace.id;
    let (kept, kept_account) = workspace_of(&team.owner, "globex").await;
    let request = CreateFolderRequest {
        workspace_id: workspace_id.clone(),
        name: "Folder".to_owned(),
        ..Default::default()
    };
    let folder = library(client).create_folder(request).await.unwrap().into_inner();
    let request = new_webhook(workspace_id, "https://example.invalid/");
    let things = Things {
        post: client.create_post(draft("x", &team.account.id)).await.unwrap().id,
        comment: add_comment(&system, &team.account, NewComment::at(system.clock.now())).await,
        media: add_media(&system, workspace_id, MediaKind::Image, "").await,
        folder: folder.folder.unwrap().id,
        webhook: create(client, request).await.unwrap().0.id,
    };
    // With a delivery, which goes with it.
    cancel_one(&system, &team).await;
    eventually("it is to be delivered", || async {
        !deliveries(client, &things.webhook).await.is_empty()
    })
    .await;
    let request = new_webhook(&kept.id, "https://example.invalid/");
    let deleted = create(client, request).await.unwrap().0.id;
    let request = DeleteWebhookRequest { webhook_id: deleted.clone(), ..Default::default() };
    client.webhooks().delete_webhook(request).await.unwrap();
    let request = DeleteWorkspaceRequest { workspace_id: workspace_id.clone() };
    client.workspaces().delete_workspace(request).await.unwrap();
    for (rpc, status) in answers(&system, &team, &things).await {
        assert_eq!(reason_of(&status), Some(Reason::WorkspaceOutOfReach), "{rpc}: {status:?}");
    }
    eventually("its webhooks are deleted", || async {
        let living: i64 =
            sqlx::query_scalar("SELECT count(*) FROM webhooks WHERE delete_time IS NULL")
                .fetch_one(system.pool("posts"))
                .await
                .unwrap();
        living == 0
    })
    .await;

    // Whatever is swept is swept every ten minutes.
    assert_eq!(webhooks(&system).await, 2);
    pause();
    advance(Duration::from_secs(601)).await;
    resume();
    eventually("a webhook that was deleted by itself is swept", || async {
        webhooks(&system).await == 1
    })
    .await;
    refused(get_webhook(client, &deleted).await, Reason::ResourceNotFound);
    for (rpc, status) in answers(&system, &team, &things).await {
        assert_eq!(reason_of(&status), Some(Reason::WorkspaceOutOfReach), "{rpc}: {status:?}");
    }
    client.create_post(draft("x", &kept_account.id)).await.unwrap();
}
