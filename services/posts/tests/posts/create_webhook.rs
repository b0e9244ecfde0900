use futures_util::future::join_all;
use postbreeze_ids::{WebhookId, WorkspaceId};
use postbreeze_proto::{
    status::Reason,
    v1::{CreateWebhookRequest, ListWebhooksRequest, WebhookEventType},
};
use tonic::Code;

use crate::support::{
    Client, System, after, create, get_webhook, invalid_fields, new_webhook, refused,
    violated_fields, workspace_of,
};

const URL: &str = "https://example.com/hook?a=b";

async fn count(client: &Client, workspace_id: &str) -> usize {
    let request =
        ListWebhooksRequest { workspace_id: workspace_id.to_owned(), ..Default::default() };
    client.webhooks().list_webhooks(request).await.unwrap().into_inner().webhooks.len()
}

#[tokio::test]
async fn create_webhook_shows_its_secret_once_and_keeps_it_sealed() {
    let system = System::start().await;
    let team = system.team().await;
    let request = CreateWebhookRequest {
        event_types: vec![
            WebhookEventType::CommentReceived.into(),
            WebhookEventType::PostPublished.into(),
        ],
        ..new_webhook(&team.workspace.id, URL)
    };
    let (webhook, secret) = create(&team.admin.session, request.clone()).await.unwrap();
    let body = secret.strip_prefix("whsec_").unwrap();
    assert!(body.len() == 32 && body.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{secret}");
    assert!(webhook.id.starts_with("whk_"));
    assert_eq!(webhook.workspace_id, team.workspace.id);
    assert_eq!(webhook.display_name, "mine");
    assert_eq!(webhook.url, URL);
    assert_eq!(webhook.event_types, request.event_types);
    assert!(webhook.enabled);
    assert_eq!(webhook.gone_time, None);
    assert_eq!(webhook.create_time, after(&system, chrono::TimeDelta::zero()));
    let [shown] = webhook.secrets.as_slice() else { panic!("{:?}", webhook.secrets) };
    assert_eq!(shown.prefix, body[..8]);
    assert_eq!(shown.expire_time, None);
    assert_eq!(get_webhook(&team.owner.session, &webhook.id).await.unwrap(), webhook);

    let sealed: Vec<u8> =
        sqlx::query_scalar("SELECT sealed FROM webhook_secrets WHERE webhook_id = $1")
            .bind(webhook.id.parse::<WebhookId>().unwrap().uuid())
            .fetch_one(system.pool("posts"))
            .await
            .unwrap();
    // A nonce, the text, a tag.
    assert_eq!(sealed.len(), 12 + secret.len() + 16);
    assert!(!sealed.windows(8).any(|bytes| secret.as_bytes().windows(8).any(|own| own == bytes)));

    let (_, other) = create(&team.admin.session, request).await.unwrap();
    assert_ne!(other, secret);
}

#[tokio::test]
async fn create_webhook_names_every_field_at_fault_and_writes_nothing() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let all = CreateWebhookRequest {
        workspace_id: "wsp_".to_owned(),
        display_name: "x".repeat(81),
        url: "ftp://example.com".to_owned(),
        event_types: Vec::new(),
        request_id: "x".repeat(65),
    };
    assert_eq!(
        invalid_fields(create(client, all).await),
        ["display_name", "event_types", "request_id", "url", "workspace_id"]
    );
    let canceled = i32::from(WebhookEventType::PostCanceled);
    for (event_types, field) in [
        (vec![canceled, canceled], "event_types[1]"),
        (vec![0], "event_types[0]"),
        (vec![canceled, 99], "event_types[1]"),
        (vec![canceled; 9], "event_types"),
    ] {
        let request = CreateWebhookRequest { event_types, ..new_webhook(&team.workspace.id, URL) };
        assert_eq!(invalid_fields(create(client, request).await), [field]);
    }
    let long = format!("https://example.com/{}", "x".repeat(2_029));
    for url in [
        "",
        "example.com",
        "javascript:alert(1)",
        "https://",
        "https://user:pw@example.com/",
        "http://2130706433/",
        "http://0x7f.1/",
        "https://example.com:0/",
        "https://example.com/\u{0}",
        "https://exa mple.com/",
        &long,
    ] {
        let request = new_webhook(&team.workspace.id, url);
        assert_eq!(invalid_fields(create(client, request).await), ["url"], "{url}");
    }
    assert_eq!(count(client, &team.workspace.id).await, 0);
}

#[tokio::test]
async fn create_webhook_refuses_addresses_that_are_not_public() {
    let system = System::start().await;
    let team = system.team().await;
    for url in [
        "http://127.0.0.1/",
        "https://127.0.0.1:8443/x",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[fd00::1]/",
        "http://localhost/",
        "http://metadata.google.internal/",
    ] {
        let answer = create(&team.owner.session, new_webhook(&team.workspace.id, url)).await;
        let refusal = refused(answer, Reason::UrlForbidden);
        assert_eq!(refusal.code(), Code::InvalidArgument);
        assert_eq!(violated_fields(&refusal), ["url"], "{url}");
    }
    assert_eq!(count(&team.owner.session, &team.workspace.id).await, 0);
}

#[tokio::test]
async fn create_webhook_is_for_sessions_of_owners_and_admins() {
    let system = System::start().await;
    let team = system.team().await;
    let request = new_webhook(&team.workspace.id, URL);
    for user in [&team.editor, &team.reviewer] {
        refused(create(&user.session, request.clone()).await, Reason::RoleInsufficient);
    }
    let (_, key) = team.owner.full_key().await.unwrap();
    refused(create(&key, request.clone()).await, Reason::SessionRequired);
    let stranger = system.sign_up("stranger").await;
    refused(create(&stranger.session, request).await, Reason::WorkspaceOutOfReach);
    assert_eq!(count(&team.owner.session, &team.workspace.id).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_has_twenty_webhooks_at_the_most_whatever_runs_at_once() {
    let system = System::start().await;
    let team = system.team().await;
    let (elsewhere, _) = workspace_of(&team.owner, "globex").await;
    let client = &team.owner.session;
    create(client, new_webhook(&elsewhere.id, URL)).await.unwrap();
    for _ in 0..18 {
        create(client, new_webhook(&team.workspace.id, URL)).await.unwrap();
    }
    let answers =
        join_all((0..6).map(|_| create(client, new_webhook(&team.workspace.id, URL)))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
    for refusal in answers.into_iter().filter(Result::is_err) {
        assert_eq!(invalid_fields(refusal), ["workspace_id"]);
    }
    assert_eq!(count(client, &team.workspace.id).await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn create_webhook_replays_its_first_answer_without_the_secret() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let request = CreateWebhookRequest {
        request_id: "once".to_owned(),
        ..new_webhook(&team.workspace.id, URL)
    };
    let twins = join_all((0..4).map(|_| create(client, request.clone()))).await;
    let twins: Vec<_> = twins.into_iter().map(Result::unwrap).collect();
    assert!(twins.iter().all(|(webhook, _)| *webhook == twins[0].0));
    assert_eq!(twins.iter().filter(|(_, secret)| !secret.is_empty()).count(), 1);
    let reused = CreateWebhookRequest { display_name: "other".to_owned(), ..request.clone() };
    refused(create(client, reused).await, Reason::RequestIdReused);
    assert_eq!(count(client, &team.workspace.id).await, 1);
    let (replayed, secret) = create(client, request).await.unwrap();
    assert_eq!((replayed, secret.as_str()), (twins[0].0.clone(), ""));
}

#[tokio::test]
async fn nothing_is_created_in_a_workspace_whose_deletion_was_there_first() {
    let system = System::start().await;
    let team = system.team().await;
    let workspace_id: WorkspaceId = team.workspace.id.parse().unwrap();
    sqlx::query(
        "INSERT INTO post_heads (bucket, workspace_id, last_id, delete_time) VALUES ($1, $2, $2, $3)",
    )
    .bind(workspace_id.bucket().as_i16())
    .bind(workspace_id.uuid())
    .bind(system.clock.now())
    .execute(system.pool("posts"))
    .await
    .unwrap();
    let answer = create(&team.owner.session, new_webhook(&team.workspace.id, URL)).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    assert_eq!(count(&team.owner.session, &team.workspace.id).await, 0);
}
