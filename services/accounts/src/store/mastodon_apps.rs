//! Table `mastodon_apps`: this system as an app of each server.

use chrono::{DateTime, Utc};

use super::Store;

/// What an app's secret is bound to.
pub(crate) fn place_of(server_url: &str, redirect_url: &str) -> String {
    format!("mastodon_apps.client_secret:{server_url} {redirect_url}")
}

/// An app and where it is one.
#[derive(Debug, Clone)]
pub(crate) struct PlacedApp {
    /// The server.
    pub(crate) server_url: String,
    /// Where people come back to.
    pub(crate) redirect_url: String,
    /// Its secret, sealed.
    pub(crate) client_secret: Vec<u8>,
}

/// An app.
#[derive(Debug, Clone)]
pub(crate) struct AppRow {
    /// Its id there.
    pub(crate) client_id: String,
    /// Its secret, sealed.
    pub(crate) client_secret: Vec<u8>,
    /// When it was registered.
    pub(crate) create_time: DateTime<Utc>,
}

impl Store {
    /// Every app. There are as many as servers that accounts are on.
    #[tracing::instrument(skip_all, name = "db.mastodon_apps.list", err(level = "debug"))]
    pub(crate) async fn mastodon_apps(&self) -> Result<Vec<PlacedApp>, sqlx::Error> {
        sqlx::query_as!(
            PlacedApp,
            r#"
            SELECT
                server_url,
                redirect_url,
                client_secret
            FROM mastodon_apps
            "#,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Puts a secret that was sealed anew in the place of what it was made from.
    #[tracing::instrument(skip_all, name = "db.mastodon_apps.rewrap", err(level = "debug"))]
    pub(crate) async fn reseal_mastodon_app(
        &self,
        app: &PlacedApp,
        client_secret: &[u8],
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            r#"
            UPDATE mastodon_apps
            SET client_secret = $4
            WHERE server_url = $1 AND redirect_url = $2 AND client_secret = $3
            "#,
            app.server_url,
            app.redirect_url,
            app.client_secret,
            client_secret,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// The app of a server.
    #[tracing::instrument(skip_all, name = "db.mastodon_apps.find", err(level = "debug"))]
    pub(crate) async fn find_mastodon_app(
        &self,
        server_url: &str,
        redirect_url: &str,
    ) -> Result<Option<AppRow>, sqlx::Error> {
        sqlx::query_as!(
            AppRow,
            r#"
            SELECT
                client_id,
                client_secret,
                create_time
            FROM mastodon_apps
            WHERE server_url = $1 AND redirect_url = $2
            "#,
            server_url,
            redirect_url,
        )
        .fetch_optional(self.pool())
        .await
    }

    /// Keeps an app in place of the one whose id is `instead_of` (empty: of none), and answers the one that is kept: of
    /// two that were registered at once, the first.
    #[tracing::instrument(skip_all, name = "db.mastodon_apps.keep", err(level = "debug"))]
    pub(crate) async fn keep_mastodon_app(
        &self,
        server_url: &str,
        redirect_url: &str,
        app: &AppRow,
        instead_of: &str,
    ) -> Result<AppRow, sqlx::Error> {
        sqlx::query_as!(
            AppRow,
            r#"
            INSERT INTO mastodon_apps AS app (
                server_url, redirect_url, client_id, client_secret, create_time
            )
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (server_url, redirect_url) DO UPDATE
            SET client_id = CASE WHEN app.client_id = $6 THEN excluded.client_id ELSE app.client_id END,
                client_secret = CASE WHEN app.client_id = $6 THEN excluded.client_secret ELSE app.client_secret END,
                create_time = CASE WHEN app.client_id = $6 THEN excluded.create_time ELSE app.create_time END
            RETURNING
                client_id,
                client_secret,
                create_time
            "#,
            server_url,
            redirect_url,
            app.client_id,
            app.client_secret,
            app.create_time,
            instead_of,
        )
        .fetch_one(self.pool())
        .await
    }
}
