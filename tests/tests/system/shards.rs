//! A system whose posts lie on two shards, the second of them behind a real socket, so that it can be cut off.

use chrono::{DateTime, Utc};
use postbreeze_aggregator::{Owners, Parts, Source, Sources};
use postbreeze_context::token::{EDGE, Issuer, Verifier};
use postbreeze_egress::Policy;
use postbreeze_ids::{Bucket, Post, WorkspaceId};
use postbreeze_proto::page::TokenKey;
use postbreeze_runtime::{
    BoxService, Environment, peer::Peer, postgres::Database, serve, stack::Limits,
};
use postbreeze_testkit::{
    Front, System, User,
    postgres::{TestDatabase, database},
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// Buckets below this are on the first shard.
const SPLIT: u16 = Bucket::COUNT / 2;

pub(crate) struct Sharded {
    pub(crate) system: System,
    pub(crate) front: Front,
    second: BoxService,
    second_database: TestDatabase,
    address: std::net::SocketAddr,
    serving: Option<(CancellationToken, TaskTracker)>,
}

impl Sharded {
    pub(crate) async fn start() -> Self {
        let system = System::start().await;
        let second_database = database("posts", &postbreeze_posts::MIGRATOR).await;
        let second = second_shard(&system, &second_database);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let first = system.services.owners.posts.first().clone();
        let far = Peer::at("posts", "address", &format!("http://{address}")).unwrap();
        let sources = Sources::sharded(vec![
            Source { buckets: 0..=SPLIT - 1, peer: first },
            Source { buckets: SPLIT..=Bucket::COUNT - 1, peer: far },
        ]);
        let owners = Owners { posts: sources.unwrap(), ..system.services.owners.clone() };
        let clock = system.environment.clock.clone();
        let front = postbreeze_aggregator::service(Parts {
            page_tokens: TokenKey::new(b"a key for these tests"),
            environment: system.environment.clone(),
            issuer: Issuer::new(EDGE, system.keys.signing(EDGE).unwrap(), clock).unwrap(),
            limits: Limits::default(),
            owners,
        });
        let front = Front::new(front.unwrap());
        let mut sharded = Self { system, front, second, second_database, address, serving: None };
        sharded.serve(listener);
        sharded
    }

    fn serve(&mut self, listener: TcpListener) {
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        let lifetimes = serve::Lifetimes::default();
        tasks.spawn(serve::serve(listener, self.second.clone(), lifetimes, stopping.clone()));
        self.serving = Some((stopping, tasks));
    }

    /// The second shard goes away.
    pub(crate) async fn cut_off(&mut self) {
        let (stopping, tasks) = self.serving.take().unwrap();
        stopping.cancel();
        tasks.close();
        tasks.wait().await;
    }

    /// It is gone, and something else holds its address that takes connections and never answers.
    pub(crate) async fn stall(&mut self) {
        self.cut_off().await;
        let listener = TcpListener::bind(self.address).await.unwrap();
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        });
    }

    /// And comes back.
    pub(crate) async fn bring_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    /// A user whose workspaces lie on one of the shards.
    pub(crate) async fn user_on(&self, shard: usize, name: &str) -> User {
        for attempt in 0..200 {
            let user = self.front.sign_up(&format!("{name}{attempt}")).await;
            let id: postbreeze_ids::UserId = user.id().parse().unwrap();
            if usize::from(id.bucket().get() >= SPLIT) == shard {
                return user;
            }
        }
        panic!("no user has a bucket of shard {shard}");
    }

    /// Posts of a workspace, on the shard that holds it. Their ids, newest first.
    pub(crate) async fn write_posts(&self, workspace_id: &str, count: usize) -> Vec<String> {
        let workspace_id: WorkspaceId = workspace_id.parse().unwrap();
        let is_on_second = workspace_id.bucket().get() >= SPLIT;
        let pool =
            if is_on_second { self.second_database.pool() } else { self.system.pool("posts") };
        let mut ids = Vec::new();
        for _ in 0..count {
            let id = self.system.environment.minter.mint::<Post>(workspace_id.bucket());
            write_post(pool, workspace_id, id.uuid(), self.system.clock.now()).await;
            // The next one is younger, also on the other shard.
            self.system.clock.turn(chrono::TimeDelta::milliseconds(2));
            ids.insert(0, id.to_string());
        }
        ids
    }
}

fn second_shard(system: &System, database: &TestDatabase) -> BoxService {
    let environment = Environment::new(system.clock.clock());
    let clock = || environment.clock.clone();
    let owners = &system.services.owners;
    postbreeze_posts::service(postbreeze_posts::Parts {
        config: postbreeze_posts::Config::new(
            TokenKey::new(b"a key for these tests"),
            &[7; 32],
            Policy::default(),
        ),
        database: Database::new(database.config(8), &postbreeze_posts::MIGRATOR).unwrap(),
        verifier: Verifier::new("posts", system.keys.public(), clock()).unwrap(),
        issuer: Issuer::new("posts", system.keys.signing("posts").unwrap(), clock()).unwrap(),
        limits: Limits::default(),
        identity: owners.identity.clone(),
        workspaces: owners.workspaces.clone(),
        accounts: owners.accounts.first().clone(),
        media: owners.media.clone(),
        environment,
    })
}

async fn write_post(pool: &sqlx::PgPool, workspace: WorkspaceId, id: Uuid, now: DateTime<Utc>) {
    sqlx::query(
        "WITH post AS (
            INSERT INTO posts (
                bucket, id, workspace_id, author_user_id, status, content, timezone, version, create_time, update_time
            )
            VALUES ($1, $2, $3, $3, 'draft', 'text', 'UTC', 1, $4, $4)
        ),
        target AS (
            INSERT INTO post_targets (bucket, id, post_id, position, account_id, platform, status, first_comment, options)
            VALUES ($1, $2, $2, 0, $3, 12, 'pending', '', '')
        )
        INSERT INTO post_heads AS head (bucket, workspace_id, last_id)
        VALUES ($1, $3, $2)
        ON CONFLICT (bucket, workspace_id) DO UPDATE SET last_id = GREATEST(head.last_id, $2)",
    )
    .bind(workspace.bucket().as_i16())
    .bind(id)
    .bind(workspace.uuid())
    .bind(now)
    .execute(pool)
    .await
    .unwrap();
}
