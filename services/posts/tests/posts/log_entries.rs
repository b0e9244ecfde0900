//! One bad entry of a log that `posts` follows holds up no other, and is not forgotten.

use chrono::TimeDelta;
use postbreeze_ids::{AccountId, WorkspaceId};
use postbreeze_posts::MIGRATOR;
use postbreeze_proto::v1::{
    CreateWebhookRequest, DeleteWorkspaceRequest, SandboxFault, SocialAccount, TargetStatus,
    WebhookEventType,
};
use postbreeze_runtime::peer::Peer;
use postbreeze_testkit::postgres::database;
use sqlx::PgPool;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use uuid::Uuid;

use crate::support::{
    Client, Receiver, Replica, System, command, create, disconnect, draft, eventually, faults, get,
    new_webhook, scheduled, start, target_statuses, until_eq, workspace_of,
};

/// A UUID of another version than those of ids: `posts` cannot read it.
const NO_ID: Uuid = Uuid::from_u128(0x0190_0000_0000_4000_8000_0000_0000_0001);

/// From now on a table of `posts` refuses rows whose column has one of the values in `refused`.
async fn refuse(pool: &PgPool, table: &str, column: &str) {
    let statement = format!(
        "CREATE TABLE IF NOT EXISTS refused (value TEXT NOT NULL);
        CREATE FUNCTION refuse_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM refused WHERE value = NEW.{column}::TEXT) THEN
                RAISE EXCEPTION 'refused by the test';
            END IF;
            RETURN NEW;
        END
        $$;
        CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table}
        FOR EACH ROW EXECUTE FUNCTION refuse_{table}();"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(pool).await.unwrap();
}

async fn refuse_value(pool: &PgPool, value: &str) {
    let insert = "INSERT INTO refused (value) VALUES ($1)";
    sqlx::query(insert).bind(value).execute(pool).await.unwrap();
}

async fn refuse_nothing(pool: &PgPool) {
    sqlx::query("DELETE FROM refused").execute(pool).await.unwrap();
}

fn uuid_of(account: &SocialAccount) -> String {
    account.id.parse::<AccountId>().unwrap().uuid().to_string()
}

/// The attempts at each entry that was set aside, oldest first, and whether it is retried.
async fn set_aside(pool: &PgPool) -> Vec<(i32, bool)> {
    sqlx::query_as(
        "SELECT attempts, next_time IS NOT NULL FROM failed_log_entries ORDER BY log, position",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

async fn says(posts: &Peer, name: &str) -> bool {
    let request = HealthCheckRequest { service: name.to_owned() };
    let answer = HealthClient::new(posts.clone()).check(request).await;
    answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
}

/// The statuses of the targets of a new post for tomorrow.
async fn post_for_tomorrow(system: &System, client: &Client, account: &SocialAccount) -> String {
    client.create_post(scheduled(system, "tomorrow", &account.id)).await.unwrap().id
}

async fn until_canceled(client: &Client, post_id: &str) {
    eventually("the target is canceled", || async {
        target_statuses(&get(client, post_id).await.unwrap()) == [TargetStatus::Canceled]
    })
    .await;
}

#[tokio::test]
async fn an_account_that_cannot_be_stopped_holds_up_no_other_and_health_tells_of_it() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, second) = workspace_of(&team.owner, "second").await;
    let stuck = post_for_tomorrow(&system, client, &team.account).await;
    let free = post_for_tomorrow(&system, client, &second).await;
    let pool = system.pool("posts");
    refuse(pool, "disconnected_accounts", "account_id").await;
    refuse_value(pool, &uuid_of(&team.account)).await;

    disconnect(&team.owner, &team.account.id).await;
    let malformed = "
        WITH head AS (UPDATE account_log_head SET position = position + 1 RETURNING position)
        INSERT INTO account_log (position, account_id, workspace_id, platform, handle, event, create_time)
        SELECT position, $1, $1, 12, 'x', 'disconnected', $2 FROM head";
    sqlx::query(malformed)
        .bind(NO_ID)
        .bind(system.clock.now())
        .execute(system.pool("accounts"))
        .await
        .unwrap();
    // An event that only a later version knows.
    let later = "
        ALTER TABLE account_log DROP CONSTRAINT account_log_event;
        WITH head AS (UPDATE account_log_head SET position = position + 1 RETURNING position)
        INSERT INTO account_log (position, account_id, workspace_id, platform, handle, event, create_time)
        SELECT head.position, account_id, workspace_id, platform, handle, 'renamed', create_time
        FROM head, account_log AS first
        WHERE first.position = 2";
    sqlx::raw_sql(later).execute(system.pool("accounts")).await.unwrap();
    disconnect(&team.owner, &second.id).await;
    until_canceled(client, &free).await;

    // The first is retried, the second cannot be read, and the event of a later version is passed over.
    let entries = set_aside(pool).await;
    assert_eq!(entries.iter().map(|(_, retried)| *retried).collect::<Vec<_>>(), [true, false]);
    assert_eq!(target_statuses(&get(client, &stuck).await.unwrap()), [TargetStatus::Pending]);
    let posts = system.services.owners.posts.first();
    sqlx::query("DELETE FROM failed_log_entries WHERE next_time IS NULL")
        .execute(pool)
        .await
        .unwrap();
    eventually("the logs are followed", || says(posts, "logs")).await;
    for minutes in [2, 10] {
        system.clock.turn(TimeDelta::minutes(minutes));
        eventually("health tells of it", || async { !says(posts, "logs").await }).await;
        assert!(says(posts, "").await && says(posts, "postbreeze.v1.PostService").await);
        let before = set_aside(pool).await[0].0;
        eventually("it is tried again", || async {
            system.clock.turn(TimeDelta::seconds(10));
            set_aside(pool).await[0].0 > before
        })
        .await;
    }
    refuse_nothing(pool).await;
    system.clock.turn(TimeDelta::minutes(6));
    until_canceled(client, &stuck).await;
    eventually("nothing is set aside", || async { set_aside(pool).await.is_empty() }).await;
    eventually("the logs are followed", || says(posts, "logs")).await;
}

#[tokio::test]
async fn an_entry_that_was_set_aside_is_retried_by_the_next_process() {
    let system = System::start().await;
    let team = system.team().await;
    let own = database("posts", &MIGRATOR).await;
    let pool = own.pool();
    refuse(pool, "disconnected_accounts", "account_id").await;
    refuse_value(pool, &uuid_of(&team.account)).await;
    let first = Replica::start(&system, &own);
    disconnect(&team.owner, &team.account.id).await;
    eventually("it is set aside", || async { set_aside(pool).await.len() == 1 }).await;
    first.stop().await;

    let attempts = set_aside(pool).await[0].0;
    system.clock.turn(TimeDelta::minutes(6));
    let second = Replica::start(&system, &own);
    eventually("it is tried again", || async { set_aside(pool).await[0].0 > attempts }).await;
    refuse_nothing(pool).await;
    system.clock.turn(TimeDelta::minutes(6));
    eventually("it is dealt with", || async { set_aside(pool).await.is_empty() }).await;
    let stopped: i64 = sqlx::query_scalar("SELECT count(*) FROM disconnected_accounts")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(stopped, 1);
    second.stop().await;
}

#[tokio::test]
async fn of_one_account_webhooks_are_told_in_order_and_a_disconnection_stops_at_once() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let request = CreateWebhookRequest {
        event_types: vec![
            WebhookEventType::AccountExpired.into(),
            WebhookEventType::AccountDisconnected.into(),
        ],
        ..new_webhook(&team.workspace.id, &receiver.url("/"))
    };
    create(client, request).await.unwrap();
    let pool = system.pool("posts");
    refuse(pool, "events", "kind").await;
    refuse_value(pool, "account.expired").await;

    command(client, &team.account.id, faults(&[SandboxFault::TokenRevoked])).await;
    let waiting = post_for_tomorrow(&system, client, &team.account).await;
    let now = postbreeze_proto::v1::CreatePostRequest {
        publish_now: true,
        ..draft("now", &team.account.id)
    };
    client.create_post(now).await.unwrap();
    eventually("the expiry is set aside", || async { set_aside(pool).await.len() == 1 }).await;
    disconnect(&team.owner, &team.account.id).await;
    until_canceled(client, &waiting).await;
    eventually("the disconnection waits", || async { set_aside(pool).await.len() == 2 }).await;
    refuse_nothing(pool).await;
    system.clock.turn(TimeDelta::minutes(6));
    eventually("both are told", || async { receiver.at("/").len() == 2 }).await;
    let kinds: Vec<String> = sqlx::query_scalar(
        "SELECT kind FROM events WHERE kind IN ('account.expired', 'account.disconnected') ORDER BY id",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(kinds, ["account.expired", "account.disconnected"]);
    assert_eq!(set_aside(pool).await, []);
}

#[tokio::test]
async fn a_deletion_that_fails_holds_up_no_other() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (second, account) = workspace_of(&team.owner, "second").await;
    post_for_tomorrow(&system, client, &team.account).await;
    post_for_tomorrow(&system, client, &account).await;
    let pool = system.pool("posts");
    refuse(pool, "post_heads", "workspace_id").await;
    let id = |workspace_id: &str| workspace_id.parse::<WorkspaceId>().unwrap().uuid();
    refuse_value(pool, &id(&team.workspace.id).to_string()).await;

    let delete = |workspace_id: &str| {
        let request = DeleteWorkspaceRequest { workspace_id: workspace_id.to_owned() };
        let mut workspaces = client.workspaces();
        async move { workspaces.delete_workspace(request).await.unwrap() }
    };
    delete(&team.workspace.id).await;
    let malformed = "
        WITH head AS (UPDATE workspace_log_head SET position = position + 1 RETURNING position)
        INSERT INTO workspace_log (position, workspace_id, event, create_time)
        SELECT position, $1, 'deleted', $2 FROM head";
    sqlx::query(malformed)
        .bind(NO_ID)
        .bind(system.clock.now())
        .execute(system.pool("workspaces"))
        .await
        .unwrap();
    delete(&second.id).await;
    let scheduled = |workspace_id: Uuid| {
        let count = "SELECT count(*) FROM posts WHERE workspace_id = $1 AND status = 'scheduled'";
        let count = sqlx::query_scalar::<_, i64>(count).bind(workspace_id);
        async move { count.fetch_one(pool).await.unwrap() }
    };
    let (first, second) = (id(&team.workspace.id), id(&second.id));
    eventually("the second is released", || async { scheduled(second).await == 0 }).await;
    assert_eq!(scheduled(first).await, 1);
    refuse_nothing(pool).await;
    system.clock.turn(TimeDelta::minutes(6));
    eventually("the first is released", || async { scheduled(first).await == 0 }).await;
    until_eq("what cannot be read is tried once", vec![(1, false)], || set_aside(pool)).await;
}

/// A backup of `workspaces` gives positions out again that `posts` has read before.
#[tokio::test]
async fn a_log_that_was_restored_from_a_backup_is_followed_from_its_end() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    let id = post_for_tomorrow(&system, &ann.session, &account).await;
    sqlx::query("UPDATE workspace_log_position SET position = 1000")
        .execute(system.pool("posts"))
        .await
        .unwrap();
    eventually("the position is that of the log's end", || async {
        let position: i64 = sqlx::query_scalar("SELECT position FROM workspace_log_position")
            .fetch_one(system.pool("posts"))
            .await
            .unwrap();
        position == 0
    })
    .await;
    let request = DeleteWorkspaceRequest { workspace_id: workspace.id.clone() };
    ann.session.workspaces().delete_workspace(request).await.unwrap();
    let post: postbreeze_ids::PostId = id.parse().unwrap();
    eventually("the post is canceled", || async {
        let status: String = sqlx::query_scalar("SELECT status FROM posts WHERE id = $1")
            .bind(post.uuid())
            .fetch_one(system.pool("posts"))
            .await
            .unwrap();
        status == "canceled"
    })
    .await;
}
