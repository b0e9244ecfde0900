//! Parallel calls with one `request_id` reach outside once, and a credential that is revoked midway leaves nothing behind.

use std::time::Duration;

use chrono::TimeDelta;
use postbreeze_ids::{Id, Request as RequestKind, UserId};
use postbreeze_proto::{
    status::Reason,
    v1::{
        CreatePostRequest, CreatePostResponse, MediaItemInput, RefreshCommentsRequest,
        RevokeApiKeyRequest, SandboxBehavior, SandboxCallKind,
    },
};
use postbreeze_runtime::Environment;
use postbreeze_testkit::Team;
use tonic::{Code, Request, Status};

use crate::support::{
    Client, System, Web, calls, command, comment_on, draft, eventually, list, media_of, published,
    refused,
};

const EGRESS: &[(&str, &str)] = &[("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32")];
/// A call that waits for another this long gives up.
const SOON: Duration = Duration::from_millis(1_500);

fn fetching(team: &Team, urls: &[String]) -> CreatePostRequest {
    let item = |url: &String| MediaItemInput { url: url.clone(), ..Default::default() };
    CreatePostRequest {
        media_items: urls.iter().map(item).collect(),
        request_id: "once".to_owned(),
        ..draft("x", &team.account.id)
    }
}

async fn create_within(
    client: &Client,
    request: CreatePostRequest,
    within: Duration,
) -> Result<CreatePostResponse, Status> {
    let mut request = Request::new(request);
    request.set_timeout(within);
    client.posts().create_post(request).await.map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_twin_waits_for_the_first_and_fetches_nothing() {
    let system = System::start_with(EGRESS).await;
    let team = system.team().await;
    let client = &team.owner.session;
    let web = Web::start().await;
    let request = fetching(&team, &[web.url("held/1")]);
    let first = tokio::spawn({
        let (client, request) = (client.clone(), request.clone());
        async move { create_within(&client, request, Duration::from_secs(50)).await }
    });
    eventually("the first has asked", || async { web.asked() == 1 }).await;
    // As long as its call lasts, and then it is told that the first is under way.
    let status = refused(create_within(client, request.clone(), SOON).await, Reason::Overloaded);
    assert_eq!(status.code(), Code::Unavailable);
    // Another body is another request only once there is an answer.
    let other = CreatePostRequest { content: "y".to_owned(), ..request.clone() };
    refused(create_within(client, other.clone(), SOON).await, Reason::Overloaded);
    assert_eq!(web.asked(), 1);
    let second = tokio::spawn({
        let (client, request) = (client.clone(), request.clone());
        async move { create_within(&client, request, Duration::from_secs(50)).await }
    });
    web.let_go();
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_eq!(first, second);
    assert_eq!(web.asked(), 1);
    refused(client.create_post(other).await, Reason::RequestIdReused);
    assert_eq!(list(client).await.len(), 1);
    assert_eq!(media_of(client, &team.workspace.id).await.len(), 1);
    eventually("no claim is left", || async { claims(&system).await == 0 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_one_may_once_the_first_was_refused_or_its_time_is_over() {
    let system = System::start_with(EGRESS).await;
    let team = system.team().await;
    let client = &team.owner.session;
    let web = Web::start().await;
    let refused_one = fetching(&team, &[web.url("text")]);
    for asked in 1..=2 {
        refused(client.create_post(refused_one.clone()).await, Reason::MediaTypeUnsupported);
        assert_eq!(web.asked(), asked);
    }
    // One that died holds its claim for as long as it may take.
    let user_id: UserId = team.owner.id().parse().unwrap();
    let holder: Id<RequestKind> =
        Environment::new(system.clock.clock()).minter.mint(user_id.bucket());
    eventually("no claim is left", || async { claims(&system).await == 0 }).await;
    sqlx::query(
        "INSERT INTO idempotency_claims (bucket, user_id, rpc, request_id, holder, expire_time)
        VALUES ($1, $2, 'CreatePost', 'once', $3, $4)",
    )
    .bind(user_id.bucket().as_i16())
    .bind(user_id.uuid())
    .bind(holder.uuid())
    .bind(system.clock.now() + TimeDelta::seconds(70))
    .execute(system.pool("posts"))
    .await
    .unwrap();
    let request = fetching(&team, &[web.url("png/1")]);
    refused(create_within(client, request.clone(), SOON).await, Reason::Overloaded);
    assert_eq!(web.asked(), 2);
    // A call that reaches nothing outside needs no claim.
    let plain = CreatePostRequest { media_items: Vec::new(), ..request.clone() };
    client
        .create_post(CreatePostRequest { request_id: "other".to_owned(), ..plain })
        .await
        .unwrap();
    system.clock.turn(TimeDelta::seconds(70));
    client.create_post(request).await.unwrap();
    assert_eq!(web.asked(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_that_refresh_comments_all_get_the_one_answer() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, post) = published(client, &team.account.id).await;
    comment_on(client, &team.account.id, &post, "ann", "nice").await;
    // Long enough for all of them to come meanwhile.
    let behavior = SandboxBehavior {
        delay: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        ..Default::default()
    };
    command(client, &team.account.id, behavior).await;
    let request = RefreshCommentsRequest {
        workspace_id: team.workspace.id.clone(),
        request_id: "once".to_owned(),
    };
    let twins = (0..4).map(|_| {
        let (client, request) = (client.clone(), request.clone());
        async move { client.comments().refresh_comments(request).await.unwrap().into_inner() }
    });
    let answers = futures_util::future::join_all(twins).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].new_count, 1);
    let fetches = calls(client, &team.account.id, SandboxCallKind::FetchComments).await;
    assert_eq!(fetches.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_midway_is_told_so_and_leaves_nothing() {
    let system = System::start_with(EGRESS).await;
    let team = system.team().await;
    let owner = &team.owner.session;
    let web = Web::start().await;
    let (key, client) = team.owner.scoped_key(&[&team.workspace.id]).await.unwrap();
    // Two are fetched at once: the last is asked for when the held ones have come.
    let urls = [web.url("png/1"), web.url("held/2"), web.url("held/3"), web.url("png/4")];
    let request = fetching(&team, &urls);
    let writing = tokio::spawn({
        let client = client.clone();
        async move { create_within(&client, request, Duration::from_secs(50)).await }
    });
    eventually("all but the last were asked for", || async { web.asked() == 3 }).await;
    let revocation = RevokeApiKeyRequest { key_id: key.id };
    owner.keys().revoke_api_key(revocation).await.unwrap();
    web.let_go();
    let status = refused(writing.await.unwrap(), Reason::CredentialRevoked);
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(web.asked(), 3);
    eventually("what was fetched is given back", || async {
        media_of(owner, &team.workspace.id).await.is_empty()
    })
    .await;
    assert_eq!(list(owner).await, []);
}

async fn claims(system: &System) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM idempotency_claims")
        .fetch_one(system.pool("posts"))
        .await
        .unwrap()
}
