//! Every service in one process: the same code that production runs as six deployments, with peers that are function
//! calls. `make run` starts it on an embedded Postgres; tests compose it on databases of their own.

mod databases;
mod keys;
pub mod secrets;

use std::net::SocketAddr;

use postbreeze_aggregator::{Owners, Sources};
use postbreeze_context::token::{EDGE, Issuer, Verifier};
use postbreeze_media::storage::Storage;
use postbreeze_proto::page::TokenKey;
use postbreeze_runtime::{
    BoxService, Environment,
    config::{ConfigError, Lookup, page_token_key},
    peer::Peer,
    process::Failure,
    stack::Limits,
};

pub use crate::{
    databases::{Databases, schemas},
    keys::Keys,
};

/// The composed system.
pub struct System {
    /// The public endpoint.
    pub front: BoxService,
    /// The owners behind it, for tests that speak to them directly.
    pub owners: Owners,
    /// Where the bytes of media are: `postbreeze_media::serve_bytes` serves what its URLs reach.
    pub storage: Storage,
}

/// What the services are told: their own settings, for what they share once.
pub struct Settings {
    identity: postbreeze_identity::Config,
    workspaces: postbreeze_workspaces::Config,
    posts: postbreeze_posts::Config,
    media: postbreeze_media::Config,
    accounts: postbreeze_accounts::Config,
    page_tokens: TokenKey,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one is missing or bad.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        Ok(Self {
            identity: postbreeze_identity::Config::read(lookup)?,
            workspaces: postbreeze_workspaces::Config::read(lookup)?,
            posts: postbreeze_posts::Config::read(lookup)?,
            media: postbreeze_media::Config::read(lookup)?,
            accounts: postbreeze_accounts::Config::read(lookup)?,
            page_tokens: page_token_key(lookup)?,
        })
    }

    /// Where the bytes of media are to be served, where that is this process.
    #[must_use]
    pub fn bytes_listen(&self) -> Option<SocketAddr> {
        self.media.storage.listen()
    }
}

/// Composes every service.
///
/// # Errors
/// When a key pair is missing, the object store cannot be opened, or the descriptors that reflection serves cannot be read.
pub fn compose(
    settings: Settings,
    environment: &Environment,
    databases: &Databases,
    keys: &Keys,
    limits: &Limits,
) -> Result<System, Failure> {
    compose_behind(settings, environment, databases, keys, limits, |_, service| service)
}

/// Composes every service, each behind what `door` puts before it: all callers call through that. Tests stop a service
/// there.
///
/// # Errors
/// As [`compose`].
pub fn compose_behind(
    settings: Settings,
    environment: &Environment,
    databases: &Databases,
    keys: &Keys,
    limits: &Limits,
    door: impl Fn(&'static str, BoxService) -> BoxService,
) -> Result<System, Failure> {
    let in_process = |name: &'static str, service| Peer::in_process(name, door(name, service));
    let clock = || environment.clock.clone();
    let verifier = |audience| Verifier::new(audience, keys.public(), clock());
    let issuer = |name: &'static str| -> Result<Issuer, ConfigError> {
        Issuer::new(name, keys.signing(name)?, clock())
    };

    // These two ask each other: one of them is made before the other is there.
    let (workspaces, workspaces_arrives) = Peer::late("workspaces");
    let identity = in_process(
        "identity",
        postbreeze_identity::service(postbreeze_identity::Parts {
            config: settings.identity,
            environment: environment.clone(),
            database: databases.identity.clone(),
            verifier: verifier("identity")?,
            limits: limits.clone(),
            workspaces: workspaces.clone(),
        }),
    );
    let service = postbreeze_workspaces::service(postbreeze_workspaces::Parts {
        config: settings.workspaces,
        environment: environment.clone(),
        database: databases.workspaces.clone(),
        verifier: verifier("workspaces")?,
        limits: limits.clone(),
        identity: identity.clone(),
    });
    workspaces_arrives.arrive(door("workspaces", service));
    let accounts = in_process(
        "accounts",
        postbreeze_accounts::service(postbreeze_accounts::Parts {
            config: settings.accounts,
            environment: environment.clone(),
            database: databases.accounts.clone(),
            verifier: verifier("accounts")?,
            issuer: issuer("accounts")?,
            limits: limits.clone(),
            identity: identity.clone(),
            workspaces: workspaces.clone(),
        }),
    );
    let storage = Storage::open(&settings.media.storage, clock())?;
    let media = in_process(
        "media",
        postbreeze_media::service(postbreeze_media::Parts {
            config: settings.media,
            storage: storage.clone(),
            environment: environment.clone(),
            database: databases.media.clone(),
            verifier: verifier("media")?,
            issuer: issuer("media")?,
            limits: limits.clone(),
            identity: identity.clone(),
            workspaces: workspaces.clone(),
        }),
    );
    let posts = in_process(
        "posts",
        postbreeze_posts::service(postbreeze_posts::Parts {
            config: settings.posts,
            environment: environment.clone(),
            database: databases.posts.clone(),
            verifier: verifier("posts")?,
            issuer: issuer("posts")?,
            limits: limits.clone(),
            identity: identity.clone(),
            workspaces: workspaces.clone(),
            accounts: accounts.clone(),
            media: media.clone(),
        }),
    );
    let owners = Owners {
        identity,
        workspaces,
        media,
        posts: Sources::one(posts),
        accounts: Sources::one(accounts),
    };
    let front = postbreeze_aggregator::service(postbreeze_aggregator::Parts {
        page_tokens: settings.page_tokens,
        environment: environment.clone(),
        issuer: issuer(EDGE)?,
        limits: limits.clone(),
        owners: owners.clone(),
    })?;
    Ok(System { front, owners, storage })
}
