//! A second process of the service on the same database.

use postbreeze_accounts::{Config, MIGRATOR, Parts, service};
use postbreeze_context::token::{Issuer, Verifier};
use postbreeze_proto::internal::v1::{
    PublishRequest, network_service_client::NetworkServiceClient, send_outcome,
};
use postbreeze_runtime::{
    Environment, config::Lookup, peer::Peer, postgres::Database, stack::Limits,
};

use crate::support::{System, as_posts};

/// Settings that replicas share, for tests that have several.
pub(crate) const SETTINGS: &[(&str, &str)] = &[
    ("POSTBREEZE_TOKEN_KEY", FIRST_KEY),
    ("POSTBREEZE_PAGE_TOKEN_KEY", "a key for tests alone"),
    ("POSTBREEZE_EGRESS_ALLOW", "127.0.0.0/8"),
];
/// 32 bytes of 1.
pub(crate) const FIRST_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
/// 32 bytes of 2.
pub(crate) const SECOND_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

/// The process.
pub(crate) struct Replica {
    peer: Peer,
    environment: Environment,
}

impl Replica {
    /// Starts a replica with these settings beside the one of the system.
    pub(crate) fn start(system: &System, settings: &[(&str, &str)]) -> Self {
        let environment = Environment::new(system.clock.clock());
        let clock = || environment.clock.clone();
        let pairs = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let (_, database) = system.databases.iter().find(|(name, _)| *name == "accounts").unwrap();
        let owners = &system.services.owners;
        let signing = system.keys.signing("accounts").unwrap();
        let service = service(Parts {
            config: Config::read(&Lookup::new(pairs)).unwrap(),
            database: Database::new(database.config(8), &MIGRATOR).unwrap(),
            verifier: Verifier::new("accounts", system.keys.public(), clock()).unwrap(),
            issuer: Issuer::new("accounts", signing, clock()).unwrap(),
            limits: Limits::default(),
            identity: owners.identity.clone(),
            workspaces: owners.workspaces.clone(),
            environment: environment.clone(),
        });
        Self { peer: Peer::in_process("accounts", service), environment }
    }

    pub(crate) async fn publish(
        &self,
        system: &System,
        request: PublishRequest,
    ) -> send_outcome::Outcome {
        let mut client = NetworkServiceClient::new(self.peer.clone());
        let answer = client.publish(as_posts(system, request)).await.unwrap().into_inner();
        answer.outcome.unwrap().outcome.unwrap()
    }

    /// Ends its background tasks.
    pub(crate) async fn stop(self) {
        self.environment.background.stop().await;
    }
}
