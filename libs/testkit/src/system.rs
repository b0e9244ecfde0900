//! The whole system in this process, on databases of its own.

use std::ops::Deref;

use postbreeze_runtime::{Environment, config::Lookup, serve::ServeConfig};
use postbreeze_standalone::{
    Databases, Keys, Settings, System as Composed, compose_behind, schemas, secrets,
};

use tokio::net::TcpListener;

use crate::{
    clock::TurnableClock,
    directory::Directory,
    doors::Doors,
    front::Front,
    postgres::{TestDatabase, database},
};

/// Connections of each service's pool in a test.
const CONNECTIONS: u32 = 8;

/// A system that a test has for itself. Seen from outside it is its [`Front`].
pub struct System {
    /// Its services.
    pub services: Composed,
    /// Its time.
    pub clock: TurnableClock,
    /// Its databases, by owner.
    pub databases: Vec<(&'static str, TestDatabase)>,
    /// What its services take from their process.
    pub environment: Environment,
    /// Signs and verifies context tokens.
    pub keys: Keys,
    /// Where the bytes of media are.
    pub media: Directory,
    doors: Doors,
    front: Front,
}

impl System {
    /// Starts a system.
    ///
    /// # Panics
    /// When it cannot: a test has nothing to do then.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a system with further settings.
    ///
    /// # Panics
    /// When it cannot: a test has nothing to do then.
    pub async fn start_with(more: &[(&str, &str)]) -> Self {
        let clock = TurnableClock::new();
        let environment = Environment::new(clock.clock());
        let mut databases = Vec::new();
        for (owner, migrator) in schemas() {
            databases.push((owner, database(owner, migrator).await));
        }
        let opened = Databases::open(|owner| {
            let found = databases.iter().find(|(name, _)| *name == owner);
            let (_, database) = found.expect("every owner has a database");
            Ok(database.config(CONNECTIONS))
        })
        .expect("the test server's URL is one");
        let media = Directory::new("media");
        let bytes = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let listen = bytes.local_addr().expect("it is bound").to_string();
        let internal_url = format!("http://{listen}");
        let store = format!("file://{}", media.path().display());
        let own = [
            ("POSTBREEZE_SELF_SERVICE_PLANS", "true"),
            ("POSTBREEZE_SANDBOX_COMMANDS", "true"),
            ("POSTBREEZE_MEDIA_STORE", store.as_str()),
            ("POSTBREEZE_MEDIA_LISTEN", listen.as_str()),
            ("POSTBREEZE_MEDIA_INTERNAL_URL", internal_url.as_str()),
        ];
        // Of one name the last counts.
        let told = own.iter().chain(more);
        let told = told.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let secrets = secrets::ephemeral().expect("randomness");
        let lookup = Lookup::new(told).with_defaults(secrets);
        let keys = Keys::generate().expect("randomness");
        let settings = Settings::read(&lookup).expect("the settings of tests are good");
        let limits = ServeConfig::read(&lookup, "127.0.0.1:0").expect("the limits are good").limits;
        let doors = Doors::default();
        let door = |owner, service| doors.put(owner, service);
        let services = compose_behind(settings, &environment, &opened, &keys, &limits, door)
            .unwrap_or_else(|failure| panic!("the system cannot be composed: {failure}"));
        postbreeze_media::serve_bytes(&services.storage, bytes, &environment);
        let front = Front::new(services.front.clone());
        Self { services, clock, databases, environment, keys, media, doors, front }
    }

    /// Stops an owner: all who call it find nobody there, until it is started again. Its own background tasks go on.
    ///
    /// # Panics
    /// When there is no such owner.
    pub fn stop_owner(&self, owner: &str) {
        self.doors.set(owner, true);
    }

    /// Starts an owner again.
    ///
    /// # Panics
    /// When there is no such owner.
    pub fn start_owner(&self, owner: &str) {
        self.doors.set(owner, false);
    }

    /// The connections to an owner's database, for what no RPC can bring about.
    ///
    /// # Panics
    /// When there is no such owner.
    #[must_use]
    pub fn pool(&self, owner: &str) -> &sqlx::PgPool {
        let found = self.databases.iter().find(|(name, _)| *name == owner);
        found.map(|(_, database)| database.pool()).expect("every owner has a database")
    }

    /// Ends every background task.
    pub async fn stop(self) {
        self.environment.background.stop().await;
    }
}

impl Deref for System {
    type Target = Front;

    fn deref(&self) -> &Front {
        &self.front
    }
}
