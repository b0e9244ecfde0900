use std::{collections::BTreeMap, time::Duration};

use chrono::TimeDelta;
use postbreeze_ids::{AccountId, TargetId, WorkspaceId};
use postbreeze_proto::{
    internal::v1::{
        FetchCommentsRequest, FetchCommentsResponse, FetchedComment, FetchedComments,
        FindCommentRequest, FindCommentResponse, FindPublishedRequest, FindPublishedResponse,
        PublishCommentRequest, PublishCommentResponse, PublishRequest, PublishResponse,
        SendFailure,
        fetch_comments_response::Result as Told,
        network_service_server::{NetworkService, NetworkServiceServer},
    },
    status::Reason,
    time::to_proto,
    v1::{DeliveryStatus, Platform, RefreshCommentsRequest, SandboxCallKind, WebhookEventType},
};
use postbreeze_testkit::postgres::database;
use tonic::{Request, Response, Status, async_trait, service::Routes};
use tonic_types::StatusExt as _;

use crate::support::{
    Receiver, Replica, Script, System, after, calls, comment_on, create, deliveries, disconnect,
    inbox, invalid_fields, new_webhook, published, read_only_key, refresh, refused, reply, start,
    until_that, workspace_of, written,
};

const FETCH: &str = "/postbreeze.internal.v1.NetworkService/FetchComments";
const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// A network that says this of comments.
struct Saying(Told);

#[async_trait]
impl NetworkService for Saying {
    async fn publish(
        &self,
        _: Request<PublishRequest>,
    ) -> Result<Response<PublishResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }

    async fn find_published(
        &self,
        _: Request<FindPublishedRequest>,
    ) -> Result<Response<FindPublishedResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }

    async fn publish_comment(
        &self,
        _: Request<PublishCommentRequest>,
    ) -> Result<Response<PublishCommentResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }

    async fn find_comment(
        &self,
        _: Request<FindCommentRequest>,
    ) -> Result<Response<FindCommentResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }

    async fn fetch_comments(
        &self,
        _: Request<FetchCommentsRequest>,
    ) -> Result<Response<FetchCommentsResponse>, Status> {
        Ok(Response::new(FetchCommentsResponse { result: Some(self.0.clone()) }))
    }
}

fn saying(told: Told) -> Script {
    Script::Answer(Routes::new(NetworkServiceServer::new(Saying(told))))
}

fn failing(failure: SendFailure) -> Script {
    saying(Told::Failed(failure))
}

#[tokio::test]
async fn refresh_comments_brings_what_is_new_and_each_once() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (post, external_post_id) = published(client, &team.account.id).await;
    let account_id = &team.account.id;
    let first = comment_on(client, account_id, &external_post_id, "ann", "nice").await;
    system.clock.turn(TimeDelta::seconds(1));
    let second = comment_on(client, account_id, &external_post_id, "bob", "well").await;
    let answer = refresh(&team.editor.session, &team.workspace.id).await.unwrap();
    assert_eq!((answer.new_count, answer.missed_count), (2, 0));
    let [newer, older] = inbox(&team.reviewer.session).await.try_into().unwrap();
    assert_eq!([&newer.external_id, &older.external_id], [&second, &first]);
    assert!(newer.id > older.id);
    assert_eq!(newer.workspace_id, team.workspace.id);
    assert_eq!(newer.account_id, team.account.id);
    assert_eq!(newer.platform(), Platform::Sandbox);
    assert_eq!(newer.post_id, post.id);
    assert_eq!(newer.target_id, post.targets[0].id);
    assert_eq!(newer.author.clone().unwrap().handle, "bob");
    assert_eq!(newer.body, "well");
    assert_eq!(newer.network_time, after(&system, TimeDelta::zero()));
    assert_eq!(newer.create_time, after(&system, TimeDelta::zero()));
    assert_eq!((newer.read_time, newer.reply), (None, None));

    system.clock.turn(MINUTE);
    assert_eq!(refresh(client, &team.workspace.id).await.unwrap().new_count, 0);
    comment_on(client, account_id, &external_post_id, "ann", "again").await;
    system.clock.turn(MINUTE);
    assert_eq!(refresh(client, &team.workspace.id).await.unwrap().new_count, 1);
    assert_eq!(inbox(client).await.len(), 3);
}

#[tokio::test]
async fn webhooks_are_told_of_each_comment_once() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let mut request = new_webhook(&team.workspace.id, &receiver.url("/"));
    request.event_types = vec![WebhookEventType::CommentReceived.into()];
    let (webhook, _) = create(client, request).await.unwrap();
    let (post, external_post_id) = published(client, &team.account.id).await;
    for author in ["ann", "bob"] {
        comment_on(client, &team.account.id, &external_post_id, author, "nice").await;
    }
    refresh(client, &team.workspace.id).await.unwrap();
    // What was answered and not written down yet would be sent once more.
    until_that(
        "two deliveries are over",
        || deliveries(client, &webhook.id),
        |all| all.iter().filter(|one| one.status() == DeliveryStatus::Delivered).count() == 2,
    )
    .await;
    comment_on(client, &team.account.id, &external_post_id, "eve", "last").await;
    system.clock.turn(MINUTE);
    refresh(client, &team.workspace.id).await.unwrap();
    let arrivals = receiver.wait_for("/", 3).await;
    // An event may arrive twice: each has one id.
    let told: BTreeMap<String, String> = arrivals
        .iter()
        .map(|arrival| {
            let body = arrival.json();
            assert_eq!(body["type"], "comment.received");
            assert_eq!(body["data"]["account_id"], team.account.id);
            assert_eq!(body["data"]["post_id"], post.id);
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            (text(&body["id"]), text(&body["data"]["comment_id"]))
        })
        .collect();
    let mut told: Vec<String> = told.into_values().collect();
    told.sort();
    let mut all: Vec<_> = inbox(client).await.into_iter().map(|comment| comment.id).collect();
    all.sort();
    assert_eq!(told, all);
}

#[tokio::test]
async fn refresh_comments_is_done_once_a_minute_for_each_workspace() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (other, _) = workspace_of(&team.owner, "globex").await;
    let request = RefreshCommentsRequest {
        workspace_id: team.workspace.id.clone(),
        request_id: "once".to_owned(),
    };
    let mut comments = client.comments();
    let first = comments.refresh_comments(request.clone()).await.unwrap().into_inner();
    refresh(client, &other.id).await.unwrap();
    system.clock.turn(TimeDelta::seconds(20));
    let refusal = refused(refresh(client, &team.workspace.id).await, Reason::Cooldown);
    let retry = refusal.get_error_details().retry_info().and_then(|info| info.retry_delay);
    assert_eq!(retry, Some(Duration::from_secs(40)));
    // The first answer comes before what depends on the clock.
    let again = comments.refresh_comments(request.clone()).await.unwrap().into_inner();
    assert_eq!(again, first);
    let reused = RefreshCommentsRequest { workspace_id: other.id, ..request };
    refused(comments.refresh_comments(reused).await, Reason::RequestIdReused);
    system.clock.turn(TimeDelta::seconds(40));
    refresh(client, &team.workspace.id).await.unwrap();
}

#[tokio::test]
async fn refresh_comments_is_for_editors_of_the_workspace() {
    let system = System::start().await;
    let team = system.team().await;
    let workspace_id = &team.workspace.id;
    refused(refresh(&team.reviewer.session, workspace_id).await, Reason::RoleInsufficient);
    let reading = read_only_key(&team.owner).await;
    refused(refresh(&reading, workspace_id).await, Reason::KeyReadOnly);
    let stranger = system.sign_up("stranger").await;
    refused(refresh(&stranger.session, workspace_id).await, Reason::WorkspaceOutOfReach);
    let client = &team.admin.session;
    for malformed in ["", "x", team.account.id.as_str()] {
        assert_eq!(invalid_fields(refresh(client, malformed).await), ["workspace_id"]);
    }
    let (_, scoped) = team.editor.scoped_key(&[workspace_id]).await.unwrap();
    assert_eq!(refresh(&scoped, workspace_id).await.unwrap().new_count, 0);
}

#[tokio::test]
async fn the_fifty_targets_of_the_last_thirty_days_that_were_published_last_are_asked_for() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    published(client, &team.account.id).await;
    let bucket = team.workspace.id.parse::<WorkspaceId>().unwrap().bucket();
    let account = team.account.id.parse::<AccountId>().unwrap();
    for (count, days) in [(3, 31), (60, 8)] {
        for _ in 0..count {
            sqlx::query(
                "INSERT INTO comment_sources (
                    bucket, target_id, workspace_id, post_id, account_id, platform, external_post_id, publish_time
                )
                SELECT bucket, $2, workspace_id, post_id, account_id, platform, external_post_id, $3
                FROM comment_sources
                WHERE account_id = $1 AND next_time IS NOT NULL",
            )
            .bind(account.uuid())
            .bind(system.environment.minter.mint::<postbreeze_ids::Target>(bucket).uuid())
            .bind(system.clock.now() - TimeDelta::days(days))
            .execute(system.pool("posts"))
            .await
            .unwrap();
        }
    }
    let answer = refresh(client, &team.workspace.id).await.unwrap();
    let asked = calls(client, &team.account.id, SandboxCallKind::FetchComments).await;
    let asked = i32::try_from(asked.len()).unwrap();
    // As many as there was time for.
    assert_eq!(asked + answer.missed_count, 50);
    assert!(asked > 0, "{answer:?}");
}

#[tokio::test]
async fn an_account_that_cannot_be_used_is_missed_and_others_are_not() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, post) = published(client, &team.account.id).await;
    disconnect(&team.owner, &team.account.id).await;
    let again = client.connect(&team.workspace.id, "again").await.unwrap();
    let (_, other) = published(client, &again.id).await;
    comment_on(client, &again.id, &other, "ann", "nice").await;
    let answer = refresh(client, &team.workspace.id).await.unwrap();
    assert_eq!((answer.new_count, answer.missed_count), (1, 1));
    assert!(!post.is_empty());
}

#[tokio::test]
async fn a_network_that_wants_to_be_left_alone_is_left_alone() {
    let system = System::start().await;
    let posts = database("posts", &postbreeze_posts::MIGRATOR).await;
    let replica = Replica::start(&system, &posts);
    let front = replica.front(&system);
    let ann = front.sign_up("ann").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    let client = &ann.session;
    let (_, post) = published(client, &account.id).await;
    comment_on(client, &account.id, &post, "bob", "nice").await;
    replica.script(
        FETCH,
        failing(SendFailure {
            transient: true,
            code: "rate_limited".to_owned(),
            message: "slowly".to_owned(),
            retry_after: Some(prost_types::Duration { seconds: 3_600, nanos: 0 }),
        }),
    );
    let fetches = || calls(client, &account.id, SandboxCallKind::FetchComments);
    for _ in 0..3 {
        let answer = refresh(client, &workspace.id).await.unwrap();
        assert_eq!((answer.new_count, answer.missed_count), (0, 1));
        system.clock.turn(TimeDelta::minutes(10));
    }
    assert!(fetches().await.is_empty());
    system.clock.turn(TimeDelta::minutes(30));
    // It may have come by itself by now.
    refresh(client, &workspace.id).await.unwrap();
    assert_eq!(inbox(client).await.len(), 1);
    replica.stop().await;
}

#[tokio::test]
async fn what_the_network_tells_of_the_account_itself_is_no_comment() {
    let system = System::start().await;
    let posts = database("posts", &postbreeze_posts::MIGRATOR).await;
    let replica = Replica::start(&system, &posts);
    let front = replica.front(&system);
    let ann = front.sign_up("ann").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    let client = &ann.session;
    let id = written(client, &workspace.id, &account.id).await;
    let own = reply(client, &id, "thanks").await.unwrap().reply.unwrap().external_id;
    assert!(!own.is_empty());
    let told = |external_id: &str, body: &str| FetchedComment {
        external_id: external_id.to_owned(),
        author_handle: "acme".to_owned(),
        body: body.to_owned(),
        network_time: Some(to_proto(system.clock.now())),
        ..Default::default()
    };
    let comments = vec![told(&own, "thanks"), told("", "nameless"), told("1", "a\0b")];
    replica.script(FETCH, saying(Told::Comments(FetchedComments { comments })));
    system.clock.turn(MINUTE);
    assert_eq!(refresh(client, &workspace.id).await.unwrap().new_count, 1);
    let bodies: Vec<_> = inbox(client).await.into_iter().map(|comment| comment.body).collect();
    assert!(bodies.contains(&"ab".to_owned()) && bodies.len() == 2, "{bodies:?}");
    replica.stop().await;
}

#[tokio::test]
async fn without_accounts_it_is_told_so_and_may_be_tried_again_at_once() {
    let system = System::start().await;
    let posts = database("posts", &postbreeze_posts::MIGRATOR).await;
    let replica = Replica::start(&system, &posts);
    let front = replica.front(&system);
    let ann = front.sign_up("ann").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    let client = &ann.session;
    let (_, post) = published(client, &account.id).await;
    comment_on(client, &account.id, &post, "bob", "nice").await;
    replica.cut(true);
    refused(refresh(client, &workspace.id).await, Reason::SourceUnreachable);
    replica.cut(false);
    assert_eq!(refresh(client, &workspace.id).await.unwrap().new_count, 1);
    replica.stop().await;
}

#[tokio::test]
async fn a_target_whose_comments_are_not_told_keeps_no_other_from_being_fetched() {
    let system = System::start().await;
    let posts = database("posts", &postbreeze_posts::MIGRATOR).await;
    let replica = Replica::start(&system, &posts);
    let front = replica.front(&system);
    let ann = front.sign_up("ann").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    let client = &ann.session;
    let (_, older) = published(client, &account.id).await;
    system.clock.turn(TimeDelta::seconds(1));
    let (newer, _) = published(client, &account.id).await;
    comment_on(client, &account.id, &older, "bob", "nice").await;
    // The newer one is asked for first.
    replica
        .script(FETCH, failing(SendFailure { code: "not_found".to_owned(), ..Default::default() }));
    let answer = refresh(client, &workspace.id).await.unwrap();
    assert_eq!((answer.new_count, answer.missed_count), (1, 1));
    let target: TargetId = newer.targets[0].id.parse().unwrap();
    let next: Option<chrono::DateTime<chrono::Utc>> =
        sqlx::query_scalar("SELECT next_time FROM comment_sources WHERE target_id = $1")
            .bind(target.uuid())
            .fetch_one(posts.pool())
            .await
            .unwrap();
    assert_eq!(next, Some(system.clock.now() + TimeDelta::hours(6)));
    replica.stop().await;
}

#[tokio::test]
async fn comments_that_are_many_and_long_are_taken_in() {
    let system = System::start().await;
    let posts = database("posts", &postbreeze_posts::MIGRATOR).await;
    let replica = Replica::start(&system, &posts);
    let front = replica.front(&system);
    let ann = front.sign_up("ann").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    let client = &ann.session;
    published(client, &account.id).await;
    // As much as `accounts` tells at the most.
    let told = |n: usize| FetchedComment {
        external_id: n.to_string(),
        author_handle: "bob".to_owned(),
        body: "\u{1f980}".repeat(10_000),
        network_time: Some(to_proto(system.clock.now())),
        ..Default::default()
    };
    let comments = (0..200).map(told).collect();
    replica.script(FETCH, saying(Told::Comments(FetchedComments { comments })));
    assert_eq!(refresh(client, &workspace.id).await.unwrap().new_count, 200);
    replica.stop().await;
}

#[tokio::test]
async fn a_target_that_accounts_cannot_answer_for_keeps_no_other_from_being_fetched() {
    let system = System::start().await;
    let posts = database("posts", &postbreeze_posts::MIGRATOR).await;
    let replica = Replica::start(&system, &posts);
    let front = replica.front(&system);
    let ann = front.sign_up("ann").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    let client = &ann.session;
    let (_, older) = published(client, &account.id).await;
    system.clock.turn(TimeDelta::seconds(1));
    published(client, &account.id).await;
    comment_on(client, &account.id, &older, "bob", "nice").await;
    // More than is taken, of the newer one, which is asked for first.
    let comment = FetchedComment { body: "x".repeat(17 << 20), ..Default::default() };
    let comments = vec![comment];
    replica.script(FETCH, saying(Told::Comments(FetchedComments { comments })));
    let answer = refresh(client, &workspace.id).await.unwrap();
    assert_eq!((answer.new_count, answer.missed_count), (1, 1));
    replica.stop().await;
}
