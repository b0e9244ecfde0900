//! The five databases on one server.

use postbreeze_runtime::{
    config::{ConfigError, Lookup},
    postgres::{Database, DatabaseConfig},
};
use sqlx::migrate::{MigrateError, Migrator};

/// The database of each owner.
#[derive(Clone)]
pub struct Databases {
    /// Users, sessions, keys.
    pub identity: Database,
    /// Workspaces, members, plans.
    pub workspaces: Database,
    /// Posts and comments.
    pub posts: Database,
    /// Media.
    pub media: Database,
    /// Social accounts.
    pub accounts: Database,
}

/// Each owner with the schema of its database.
pub fn schemas() -> [(&'static str, &'static Migrator); 5] {
    [
        ("identity", &postbreeze_identity::MIGRATOR),
        ("workspaces", &postbreeze_workspaces::MIGRATOR),
        ("posts", &postbreeze_posts::MIGRATOR),
        ("media", &postbreeze_media::MIGRATOR),
        ("accounts", &postbreeze_accounts::MIGRATOR),
    ]
}

impl Databases {
    /// The databases on the server that the settings name.
    ///
    /// # Errors
    /// When a setting is missing or bad.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        Self::open(|owner| DatabaseConfig::read(lookup, owner))
    }

    /// The databases with these settings.
    ///
    /// # Errors
    /// When `config` fails, or a URL is none.
    pub fn open(
        config: impl Fn(&str) -> Result<DatabaseConfig, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let [identity, workspaces, posts, media, accounts] = schemas().map(|(owner, migrator)| {
            Database::new(config(owner)?, migrator)
                .map_err(|_| ConfigError::new("POSTBREEZE_DATABASE_URL", "cannot be parsed"))
        });
        Ok(Self {
            identity: identity?,
            workspaces: workspaces?,
            posts: posts?,
            media: media?,
            accounts: accounts?,
        })
    }

    /// Makes what is missing and brings every schema up to date.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        for database in [&self.identity, &self.workspaces, &self.posts, &self.media, &self.accounts]
        {
            database.migrate().await?;
        }
        Ok(())
    }
}
