//! Posts while `media` cannot be reached, and once it can again.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use postbreeze_aggregator::{Owners, Sources};
use postbreeze_context::token::{EDGE, Issuer, Verifier};
use postbreeze_egress::Policy;
use postbreeze_ids::{MediaId, PostId};
use postbreeze_posts::{Config, MIGRATOR, Parts};
use postbreeze_proto::{
    page::TokenKey,
    status::{Fault, Reason},
    v1::{CreatePostRequest, DeleteWorkspaceRequest, ValidatePostRequest},
};
use postbreeze_runtime::{
    BoxService, Environment,
    peer::Peer,
    postgres::Database,
    stack::{Limits, refuse},
};
use postbreeze_testkit::{
    Front,
    postgres::{TestDatabase, database},
};
use tonic::body::Body;
use tower::Service;

use crate::support::{
    Client, System, User, add_image, cancel, delete, delete_media, draft, get, list, refused,
    schedule, scheduled, target, until_eq, workspace_of,
};

const DAY: TimeDelta = TimeDelta::days(1);

/// A way to `media` that can be cut.
#[derive(Clone)]
struct Way {
    media: Peer,
    is_cut: Arc<AtomicBool>,
}

impl Service<Request<Body>> for Way {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if self.is_cut.load(Ordering::SeqCst) {
            let fault = Fault::new(Reason::SourceUnreachable, "media cannot be reached");
            return Box::pin(async { Ok(refuse(fault)) });
        }
        self.media.call(request)
    }
}

/// A system with a `posts` of its own, whose way to `media` can be cut.
struct World {
    system: System,
    posts: TestDatabase,
    is_cut: Arc<AtomicBool>,
    ann: User,
}

impl World {
    async fn new() -> Self {
        let system = System::start().await;
        let posts = database("posts", &MIGRATOR).await;
        let is_cut = Arc::new(AtomicBool::new(false));
        let owners = &system.services.owners;
        let way = Way { media: owners.media.clone(), is_cut: Arc::clone(&is_cut) };
        let environment = Environment::new(system.clock.clock());
        let clock = || environment.clock.clone();
        let service = postbreeze_posts::service(Parts {
            config: Config::new(
                TokenKey::new(b"a key for these tests"),
                &[7; 32],
                Policy::default(),
            ),
            database: Database::new(posts.config(8), &MIGRATOR).unwrap(),
            verifier: Verifier::new("posts", system.keys.public(), clock()).unwrap(),
            issuer: Issuer::new("posts", system.keys.signing("posts").unwrap(), clock()).unwrap(),
            limits: Limits::default(),
            identity: owners.identity.clone(),
            workspaces: owners.workspaces.clone(),
            accounts: owners.accounts.first().clone(),
            media: Peer::in_process("media", BoxService::new(way)),
            environment: environment.clone(),
        });
        let service = Sources::one(Peer::in_process("posts", service));
        let front = postbreeze_aggregator::service(postbreeze_aggregator::Parts {
            page_tokens: TokenKey::new(b"a key for these tests"),
            environment: system.environment.clone(),
            issuer: Issuer::new(EDGE, system.keys.signing(EDGE).unwrap(), clock()).unwrap(),
            limits: Limits::default(),
            owners: Owners { posts: service, ..owners.clone() },
        });
        let ann = Front::new(front.unwrap()).sign_up("ann").await;
        Self { system, posts, is_cut, ann }
    }

    fn client(&self) -> &Client {
        &self.ann.session
    }

    fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::SeqCst);
    }

    async fn notices(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM media_notices")
            .fetch_one(self.posts.pool())
            .await
            .unwrap()
    }

    async fn told(&self) {
        until_eq("media has been told", 0, || self.notices()).await;
    }
}

#[tokio::test]
async fn posts_without_media_do_not_need_it_and_those_with_media_say_that_it_is_gone() {
    let world = World::new().await;
    let (system, client) = (&world.system, world.client());
    let (workspace, account) = workspace_of(&world.ann, "acme").await;
    let image = add_image(system, &workspace.id).await;
    let showing = |request: CreatePostRequest| CreatePostRequest {
        media_ids: vec![image.clone()],
        ..request
    };
    let kept = client.create_post(showing(draft("x", &account.id))).await.unwrap();
    world.cut(true);
    let post = client.create_post(scheduled(system, "x", &account.id)).await.unwrap();
    cancel(client, &post.id).await.unwrap();
    schedule(system, client, &post.id, DAY).await.unwrap();
    delete(client, &post.id).await.unwrap();
    assert_eq!(get(client, &kept.id).await.unwrap(), kept);
    assert_eq!(list(client).await, std::slice::from_ref(&kept));
    for request in [draft("x", &account.id), scheduled(system, "x", &account.id)] {
        refused(client.create_post(showing(request)).await, Reason::SourceUnreachable);
    }
    refused(schedule(system, client, &kept.id, DAY).await, Reason::SourceUnreachable);
    let request = ValidatePostRequest {
        platforms: vec![target(&account.id)],
        media_ids: vec![image.clone()],
        ..Default::default()
    };
    refused(client.posts().validate_post(request).await, Reason::SourceUnreachable);
    world.cut(false);
    schedule(system, client, &kept.id, DAY).await.unwrap();
}

#[tokio::test]
async fn media_is_told_what_it_missed_once_it_can_be_reached() {
    let world = World::new().await;
    let (system, client) = (&world.system, world.client());
    let (workspace, account) = workspace_of(&world.ann, "acme").await;
    let mut posts = Vec::new();
    for _ in 0..3 {
        let image = add_image(system, &workspace.id).await;
        let request = CreatePostRequest {
            media_ids: vec![image.clone()],
            ..scheduled(system, "x", &account.id)
        };
        posts.push((client.create_post(request).await.unwrap(), image));
    }
    world.told().await;
    world.cut(true);
    for (post, _) in &posts {
        cancel(client, &post.id).await.unwrap();
    }
    // Another change of one of them leaves one notice, of the latest.
    let post = &posts[0].0;
    delete(client, &post.id).await.unwrap();
    assert_eq!(world.notices().await, 3);
    for (_, image) in &posts {
        refused(delete_media(client, image).await, Reason::MediaInUse);
    }
    world.cut(false);
    world.told().await;
    for (_, image) in &posts {
        delete_media(client, image).await.unwrap();
    }
}

#[tokio::test]
async fn a_notice_that_was_written_by_a_process_that_died_is_delivered() {
    let world = World::new().await;
    let (system, client) = (&world.system, world.client());
    let (workspace, account) = workspace_of(&world.ann, "acme").await;
    let image = add_image(system, &workspace.id).await;
    let request =
        CreatePostRequest { media_ids: vec![image.clone()], ..scheduled(system, "x", &account.id) };
    let post = client.create_post(request).await.unwrap();
    world.told().await;
    let id: PostId = post.id.parse().unwrap();
    sqlx::query(
        "INSERT INTO media_notices (bucket, post_id, version, media_ids) VALUES ($1, $2, 2, '{}')",
    )
    .bind(id.bucket().as_i16())
    .bind(id.uuid())
    .execute(world.posts.pool())
    .await
    .unwrap();
    world.told().await;
    delete_media(client, &image).await.unwrap();
}

#[tokio::test]
async fn a_deleted_workspace_leaves_no_notice() {
    let world = World::new().await;
    let (system, client) = (&world.system, world.client());
    let (workspace, account) = workspace_of(&world.ann, "acme").await;
    let post = client.create_post(scheduled(system, "x", &account.id)).await.unwrap();
    world.cut(true);
    let (id, media_id): (PostId, MediaId) =
        (post.id.parse().unwrap(), add_image(system, &workspace.id).await.parse().unwrap());
    sqlx::query("INSERT INTO media_notices (bucket, post_id, version, media_ids) VALUES ($1, $2, 1, ARRAY[$3::UUID])")
        .bind(id.bucket().as_i16())
        .bind(id.uuid())
        .bind(media_id.uuid())
        .execute(world.posts.pool())
        .await
        .unwrap();
    let request = DeleteWorkspaceRequest { workspace_id: workspace.id };
    client.workspaces().delete_workspace(request).await.unwrap();
    world.told().await;
}
