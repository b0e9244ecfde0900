//! The media service is killed at every request that it makes of its object store and at every commit in its database: no
//! medium is READY whose bytes are not there, no bytes stay that are nobody's, storage counts what is stored, and whoever
//! asks again gets what was asked for.

mod caller;
mod commits;

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use postbreeze_embedded_postgres::EmbeddedPostgres;
use postbreeze_proto::v1::MediaStatus;
use postbreeze_testkit::{
    Gate, S3, Side, Web,
    web::{PNG, Page},
};
use postbreeze_tests::processes::Processes;
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use tonic::Code;
use url::Url;

use crate::server::{Directory, postgres};
use caller::{Caller, SIZE, assert_whole};

/// More than any operation makes of one kind.
const REQUESTS: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Upload,
    Ingestion,
    /// Of what was uploaded before, until its bytes are gone.
    Deletion,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_survives_the_death_of_the_service_at_every_step() {
    let mut world = World::start("media-upload").await;
    let kills = world.kill_everywhere(Operation::Upload).await;
    assert!(kills >= 18, "{kills}");
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingestion_survives_the_death_of_the_service_at_every_step() {
    let mut world = World::start("media-ingestion").await;
    let kills = world.kill_everywhere(Operation::Ingestion).await;
    assert!(kills >= 24, "{kills}");
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_survives_the_death_of_the_service_at_every_step() {
    let mut world = World::start("media-deletion").await;
    let kills = world.kill_everywhere(Operation::Deletion).await;
    assert!(kills >= 12, "{kills}");
    world.settle().await;
}

struct World {
    processes: Processes,
    caller: Arc<Caller>,
    s3: S3,
    store: Arc<Gate>,
    commits: Arc<Gate>,
    /// Media that nobody has deleted since they were READY.
    ready: usize,
    /// Uploads in parts whose maker died before it knew what they are called.
    unknown_uploads: usize,
    _web: Web,
    _server: EmbeddedPostgres,
    _directory: Directory,
}

impl World {
    async fn start(name: &str) -> Self {
        let directory = Directory::new(name);
        let server = postgres(&directory).await;
        let settings = [("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32")];
        let mut processes = Processes::start(server.url(), directory.path(), &settings).await;
        let (store, commits) = (Arc::new(Gate::open()), Arc::new(Gate::open()));
        let s3 = S3::start_behind(Arc::clone(&store)).await;
        for (name, value) in s3.settings() {
            processes.tell("media", name, &value);
        }
        let mut url: Url = server.url().expose_secret().parse().unwrap();
        let database = PgPool::connect(&format!("{url}/postbreeze_media")).await.unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], url.port().unwrap()));
        let gated = commits::serve(address, Arc::clone(&commits)).await;
        url.set_port(Some(gated.port())).unwrap();
        processes.tell("media", "POSTBREEZE_DATABASE_URL", url.as_str());
        processes.kill("media").await;
        processes.launch("media");
        processes.until_ready("media").await;
        let owner = processes.front().sign_up("owner").await;
        let workspace_id = owner.session.create_workspace("Acme").await.unwrap().id;
        let web = Web::start().await;
        let url = web.page("/a.png", Page::Bytes("image/png", Bytes::from_static(PNG)));
        Self {
            processes,
            caller: Arc::new(Caller { owner, workspace_id, url, database }),
            s3,
            store,
            commits,
            ready: 0,
            unknown_uploads: 0,
            _web: web,
            _server: server,
            _directory: directory,
        }
    }

    /// Does an operation over and over, and kills the service at another step of it each time. Answers how often.
    async fn kill_everywhere(&mut self, operation: Operation) -> usize {
        let mut kills = 0;
        for (at, gate) in [("store", self.store.clone()), ("commit", self.commits.clone())] {
            for (side, asks_again) in
                [(Side::Before, true), (Side::Before, false), (Side::After, true)]
            {
                for number in 1.. {
                    assert!(number < REQUESTS, "{operation:?} has no end");
                    let name = format!("{operation:?} {at} {side:?} {number} {asks_again}");
                    let subject = match operation {
                        Operation::Deletion => self.caller.old_upload(&name).await,
                        Operation::Upload | Operation::Ingestion => String::new(),
                    };
                    gate.stop_at(number, side);
                    let stopped = self.attempt(operation, &name, &subject, &gate, asks_again).await;
                    let Some(stopped) = stopped else { break };
                    if side == Side::After && stopped.contains("?uploads") {
                        self.unknown_uploads += 1;
                    }
                    kills += 1;
                }
            }
        }
        kills
    }

    /// Does an operation, and kills the service where the gate stops it. Answers at what, if it does.
    async fn attempt(
        &mut self,
        operation: Operation,
        name: &str,
        subject: &str,
        gate: &Gate,
        asks_again: bool,
    ) -> Option<String> {
        let caller = Arc::clone(&self.caller);
        let mut attempt = Box::pin(caller.attempt(operation, name, subject));
        let stopped = tokio::select! {
            stopped = gate.stopped() => Some(stopped),
            done = &mut attempt => {
                done.unwrap_or_else(|status| panic!("{name}: {status:?}"));
                None
            }
        };
        let mut is_done = true;
        if stopped.is_some() {
            self.processes.kill("media").await;
            gate.reopen();
            self.start_again().await;
            self.check().await;
            is_done = match attempt.await {
                Ok(()) => true,
                Err(status) => {
                    assert_eq!(status.code(), Code::Unavailable, "{name}: {status:?}");
                    false
                }
            };
            assert!(!is_done || operation == Operation::Deletion, "{name} was acknowledged");
            if !is_done && asks_again {
                let again = caller.insist(operation, name, subject).await;
                again.unwrap_or_else(|status| panic!("{name}, again: {status:?}"));
                is_done = true;
            }
            self.check().await;
        } else {
            gate.reopen();
        }
        self.ready += usize::from(is_done != (operation == Operation::Deletion));
        stopped
    }

    async fn start_again(&mut self) {
        self.processes.launch("media");
        self.processes.until_ready("media").await;
    }

    /// What must hold at any time. Answers how many media are READY.
    async fn check(&self) -> usize {
        let counts = "
            SELECT NOT EXISTS (
                SELECT 1
                FROM media_usage AS usage
                FULL JOIN (
                    SELECT charged_owner_user_id AS owner_user_id, sum(charged_bytes) AS bytes
                    FROM media
                    GROUP BY charged_owner_user_id
                ) AS charged USING (owner_user_id)
                WHERE COALESCE(usage.bytes, 0) <> COALESCE(charged.bytes, 0)
            )";
        assert!(self.caller.is(counts).await, "storage is counted wrongly");
        let mut ready = 0;
        for media in self.caller.list().await {
            if media.status() == MediaStatus::Ready {
                assert_whole(&media).await;
                ready += 1;
            }
        }
        ready
    }

    /// Lets everything end that ends by itself, though whoever sees to it is killed as well. Then there is what is READY, and
    /// nothing else.
    async fn settle(mut self) {
        self.caller.age().await;
        for side in [Side::Before, Side::After] {
            for number in 1..=4 {
                self.processes.kill("media").await;
                self.store.stop_at(number, side);
                self.processes.launch("media");
                tokio::select! {
                    _ = self.store.stopped() => {}
                    () = self.caller.until_idle() => {}
                }
            }
        }
        self.processes.kill("media").await;
        self.store.reopen();
        self.start_again().await;
        while !self.caller.nothing_lapses().await {
            self.caller.age().await;
            self.caller.until_idle().await;
        }
        assert_eq!(self.check().await, self.ready);
        let media = self.caller.list().await;
        assert_eq!(media.len(), self.ready);
        let counted: (i64, i64) = sqlx::query_as(
            "SELECT sum(bytes)::BIGINT, (SELECT count(*) FROM media) FROM media_usage",
        )
        .fetch_one(&self.caller.database)
        .await
        .unwrap();
        let rows = i64::try_from(self.ready).unwrap();
        assert_eq!(counted, (rows * SIZE, rows));
        let mut objects: Vec<String> = media
            .iter()
            .map(|media| format!("{}/{}", media.workspace_id, media.id))
            .flat_map(|key| [key.clone(), format!("{key}.thumbnail")])
            .collect();
        objects.sort();
        assert_eq!(self.s3.objects(), objects);
        // A rule of the bucket deletes them.
        assert_eq!(self.s3.uploads().len(), self.unknown_uploads);
    }
}
