//! What there is to read and write while it is measured.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use postbreeze_proto::v1::{ChangeSubscriptionRequest, Plan};
use postbreeze_runtime::clock::Clock;
use postbreeze_testkit::{Client, Front, User, draft, web::PNG};
use postbreeze_tests::{processes::Processes, standalone::Standalone};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::Failure;

/// Over how many workspaces lists are measured.
pub(crate) const REACHES: [usize; 4] = [1, 10, 100, 1_000];
/// Posts per user at least: more than a page.
const POSTS: usize = 200;
const AT_ONCE: usize = 8;
const CONTENT_CHARS: usize = 300;

/// A user whose key reaches so many workspaces.
pub(crate) struct Reacher {
    pub(crate) user: User,
    pub(crate) key: Client,
    /// Each has an account.
    workspace_ids: Vec<String>,
    pub(crate) account_ids: Vec<String>,
    pub(crate) post_ids: Vec<String>,
}

/// Where the first of them keeps its media.
pub(crate) struct Library {
    pub(crate) workspace_id: String,
    /// A picture in it.
    pub(crate) media_id: String,
}

pub(crate) struct Scene {
    /// In the order of [`REACHES`].
    pub(crate) reachers: Vec<Reacher>,
    pub(crate) library: Library,
    pub(crate) content: String,
    pub(crate) now: DateTime<Utc>,
    /// Of the system in one process, over ten workspaces.
    pub(crate) alone: Reacher,
    /// The reference's table, on the posts' own server.
    pub(crate) plain: PgPool,
}

impl Scene {
    pub(crate) async fn set(
        processes: &Processes,
        standalone: &Standalone,
        url: &SecretString,
    ) -> Result<Self, Failure> {
        let content = "x".repeat(CONTENT_CHARS);
        let mut reachers = Vec::new();
        for reach in REACHES {
            reachers.push(reacher(&processes.front(), reach, &content).await?);
        }
        let workspace_id = reachers[0].workspace_ids[0].clone();
        let key = &reachers[0].key;
        let media_id = key.upload(&workspace_id, "picture.png", "image/png", PNG).await?.id;
        let library = Library { workspace_id, media_id };
        let alone = reacher(&standalone.front(), REACHES[1], &content).await?;
        let plain = PgPoolOptions::new()
            .max_connections(8)
            .connect(&format!("{}/postbreeze_posts", url.expose_secret()))
            .await?;
        sqlx::query(
            "CREATE TABLE plain (
                bucket SMALLINT NOT NULL,
                id UUID NOT NULL,
                workspace_id UUID NOT NULL,
                author_user_id UUID NOT NULL,
                account_id UUID NOT NULL,
                content TEXT NOT NULL,
                scheduled_time TIMESTAMPTZ NOT NULL,
                create_time TIMESTAMPTZ NOT NULL,
                PRIMARY KEY (bucket, id)
            )",
        )
        .execute(&plain)
        .await?;
        Ok(Self { reachers, library, alone, content, now: Clock::system().now(), plain })
    }

    /// When posts go out: within the month or not, their owner's plan has no cap.
    pub(crate) fn tomorrow(&self) -> DateTime<Utc> {
        self.now + TimeDelta::days(1)
    }
}

async fn reacher(front: &Front, reach: usize, content: &str) -> Result<Reacher, Failure> {
    let user = front.sign_up(&format!("reach{reach}")).await;
    let plan = ChangeSubscriptionRequest { plan: Plan::Enterprise.into() };
    user.session.billing().change_subscription(plan).await?;
    let (_, key) = user.full_key().await?;
    let (workspace_ids, account_ids): (Vec<_>, Vec<_>) = stream::iter(0..reach)
        .map(|number| {
            let key = key.clone();
            async move {
                let workspace = key.create_workspace(&format!("Workspace {number}")).await?;
                let account = key.connect(&workspace.id, &format!("acct{number}")).await?;
                Ok::<_, Failure>((workspace.id, account.id))
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?
        .into_iter()
        .unzip();
    let posts = POSTS.max(2 * reach);
    let post_ids = stream::iter(0..posts)
        .map(|number| {
            let (key, account) = (key.clone(), account_ids[number % reach].clone());
            async move { Ok::<_, Failure>(key.create_post(draft(content, &account)).await?.id) }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(Reacher { user, key, workspace_ids, account_ids, post_ids })
}
