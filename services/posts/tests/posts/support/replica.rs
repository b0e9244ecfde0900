//! One more process of `posts`, beside a system or with a database of its own, whose way to `accounts` can be cut.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use postbreeze_aggregator::{Owners, Sources};
use postbreeze_context::token::{EDGE, Issuer, Verifier};
use postbreeze_egress::Policy;
use postbreeze_posts::{Config, MIGRATOR, Parts};
use postbreeze_proto::{
    page::TokenKey,
    status::{Fault, Reason},
};
use postbreeze_runtime::{
    BoxService, Environment,
    config::Lookup,
    peer::Peer,
    postgres::Database,
    stack::{Limits, refuse},
};
use postbreeze_testkit::{Front, System, postgres::TestDatabase};
use tonic::{body::Body, service::Routes};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tower::Service;

const PAGE_TOKENS: &[u8] = b"a key for these tests";
const WEBHOOK_KEY: [u8; 32] = [7; 32];
/// The same for a system.
pub(super) const WEBHOOK_KEY_BASE64: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// Where webhooks of tests may be, beside what is public.
pub(super) const EGRESS: &str = "127.0.0.1/32";

#[derive(Clone)]
struct Way {
    accounts: Peer,
    is_cut: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
    scripts: Arc<Mutex<Scripts>>,
}

/// What becomes of the next calls of an RPC, by its path.
type Scripts = HashMap<&'static str, VecDeque<Script>>;

/// What becomes of a call to `accounts`.
pub(crate) enum Script {
    /// It is dealt with, and its answer never comes.
    Silence,
    /// `accounts` does not get it, this answers.
    Answer(Routes),
}

impl Service<Request<Body>> for Way {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Self::Error>>;

    fn poll_ready(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        self.accounts.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if self.is_cut.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            let fault = Fault::new(Reason::SourceUnreachable, "accounts cannot be reached");
            return Box::pin(async { Ok(refuse(fault)) });
        }
        let mut scripts = self.scripts.lock().unwrap();
        let script = scripts.get_mut(request.uri().path()).and_then(VecDeque::pop_front);
        match script {
            None => Box::pin(self.accounts.call(request)),
            Some(Script::Answer(mut routes)) => Box::pin(Service::call(&mut routes, request)),
            Some(Script::Silence) => {
                let answer = self.accounts.call(request);
                Box::pin(async move {
                    drop(answer.await);
                    std::future::pending().await
                })
            }
        }
    }
}

/// The process.
pub(crate) struct Replica {
    pub(crate) service: Peer,
    environment: Environment,
    way: Way,
}

impl Replica {
    pub(crate) fn start(system: &System, database: &TestDatabase) -> Self {
        let environment = Environment::new(system.clock.clock());
        let clock = || environment.clock.clone();
        let owners = &system.services.owners;
        let way = Way {
            accounts: owners.accounts.first().clone(),
            is_cut: Arc::default(),
            refused: Arc::default(),
            scripts: Arc::default(),
        };
        let egress = ("POSTBREEZE_EGRESS_ALLOW".to_owned(), EGRESS.to_owned());
        let policy = Policy::read(&Lookup::new([egress])).unwrap();
        let service = postbreeze_posts::service(Parts {
            config: Config::new(TokenKey::new(PAGE_TOKENS), &WEBHOOK_KEY, policy),
            database: Database::new(database.config(8), &MIGRATOR).unwrap(),
            verifier: Verifier::new("posts", system.keys.public(), clock()).unwrap(),
            issuer: Issuer::new("posts", system.keys.signing("posts").unwrap(), clock()).unwrap(),
            limits: Limits::default(),
            identity: owners.identity.clone(),
            workspaces: owners.workspaces.clone(),
            accounts: Peer::in_process("accounts", BoxService::new(way.clone())),
            media: owners.media.clone(),
            environment: environment.clone(),
        });
        Self { service: Peer::in_process("posts", service), environment, way }
    }

    /// One more process beside that of a system.
    pub(crate) fn beside(system: &System) -> Self {
        let posts = system.databases.iter().find(|(owner, _)| *owner == "posts");
        Self::start(system, &posts.unwrap().1)
    }

    /// A front door to the system with these posts in it.
    pub(crate) fn front(&self, system: &System) -> Front {
        let clock = system.environment.clock.clone();
        let posts = Sources::one(self.service.clone());
        let front = postbreeze_aggregator::service(postbreeze_aggregator::Parts {
            page_tokens: TokenKey::new(PAGE_TOKENS),
            environment: system.environment.clone(),
            issuer: Issuer::new(EDGE, system.keys.signing(EDGE).unwrap(), clock).unwrap(),
            limits: Limits::default(),
            owners: Owners { posts, ..system.services.owners.clone() },
        });
        Front::new(front.unwrap())
    }

    /// Cuts the way to `accounts`, or mends it.
    pub(crate) fn cut(&self, is_cut: bool) {
        self.way.is_cut.store(is_cut, Ordering::SeqCst);
    }

    /// What becomes of the next call of an RPC of `accounts`.
    pub(crate) fn script(&self, path: &'static str, script: Script) {
        self.way.scripts.lock().unwrap().entry(path).or_default().push_back(script);
    }

    /// How many calls to `accounts` have failed because the way was cut.
    pub(crate) fn refused(&self) -> usize {
        self.way.refused.load(Ordering::SeqCst)
    }

    /// Whether it says that it is ready, under a name.
    pub(crate) async fn says(&self, name: &str) -> bool {
        let request = HealthCheckRequest { service: name.to_owned() };
        let answer = HealthClient::new(self.service.clone()).check(request).await;
        answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
    }

    pub(crate) async fn stop(self) {
        self.environment.background.stop().await;
    }
}
