//! Fetches comments: by itself, ever less often, and when somebody wishes it. Accounts that have something due are in rows,
//! and each is taken by one at a time: replicas share the work, and any may die.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::AccountId;
use postbreeze_proto::internal::v1::{
    FetchCommentsRequest, SendFailure, fetch_comments_response::Result as Told,
};
use postbreeze_runtime::{Environment, postgres::bounded};
use tokio::{sync::Semaphore, time::Instant};
use tonic::Code;

use crate::{
    bell::Bell,
    comment::fetching::{kept, pause},
    networks::{Networks, is_of_account},
    store::{
        Store,
        comment_feeds::{FeedEnd, TakenFeed},
        comment_sources::Source,
    },
};

/// Accounts whose comments one process fetches by itself at once.
const AT_ONCE: usize = 4;
const FEEDS: i64 = 32;
/// Nothing more of an account is begun after this: it must be given back in time.
const TURN: Duration = Duration::from_mins(1);

/// What fetches.
#[derive(Clone)]
pub(crate) struct Inbox {
    pub(crate) store: Store,
    pub(crate) environment: Environment,
    pub(crate) networks: Networks,
    /// Rung when something is due.
    pub(crate) bell: Bell,
}

/// Why the comments of a target were not fetched.
#[derive(Debug)]
pub(crate) enum Missed {
    /// The network does not tell them, of this target.
    Target,
    /// The network is not well, or the account cannot be used.
    Account {
        /// Whether it goes away by itself.
        transient: bool,
        /// How long the network asks to wait.
        wait: Option<Duration>,
    },
    /// `accounts` did not answer.
    NotAsked(tonic::Status),
}

impl Inbox {
    /// Starts fetching; it ends with the process.
    pub(crate) fn start(self) {
        let background = self.environment.background.clone();
        let stopping = background.stopping().clone();
        background.spawn(async move {
            stopping.run_until_cancelled(self.run()).await;
        });
    }

    async fn run(&self) {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut failing = false;
        loop {
            self.bell.wait().await;
            let begun = self.fetch_due(&permits).await;
            if let Err(error) = &begun
                && !failing
            {
                tracing::warn!(%error, "comments that are due cannot be fetched");
            }
            failing = begun.is_err();
            if begun.is_ok_and(|count| count > 0) {
                self.bell.ring();
            }
        }
    }

    /// Begins to fetch what is due. Answers for how many accounts.
    async fn fetch_due(&self, permits: &Arc<Semaphore>) -> Result<usize, sqlx::Error> {
        let mut begun = 0;
        let due = self.store.due_feeds(self.environment.clock.now(), FEEDS);
        for account_id in bounded(due).await? {
            let Ok(permit) = Arc::clone(permits).acquire_owned().await else { break };
            let now = self.environment.clock.now();
            let taken = bounded(self.store.take_due_feed(account_id, now)).await?;
            let Some(feed) = taken else { continue };
            begun += 1;
            let inbox = self.clone();
            self.environment.background.spawn(async move {
                if let Err(error) = Box::pin(inbox.fetch_account(feed)).await {
                    tracing::warn!(%error, account.id = %feed.account_id, "comments cannot be kept");
                }
                drop(permit);
            });
        }
        Ok(begun)
    }

    /// Fetches what is due of an account that was taken, and gives it back, also when the process stops.
    #[tracing::instrument(skip_all, name = "comments.fetch", fields(account.id = %feed.account_id))]
    async fn fetch_account(&self, feed: TakenFeed) -> Result<(), sqlx::Error> {
        let begun = Instant::now();
        let mut missed = None;
        let now = self.environment.clock.now();
        for source in bounded(self.store.due_sources(feed.account_id, now)).await? {
            if begun.elapsed() > TURN {
                break;
            }
            let stopping = self.environment.background.stopping();
            match stopping.run_until_cancelled(Box::pin(self.fetch(&source))).await.transpose()? {
                None => break,
                Some(Ok(_) | Err(Missed::Target)) => {}
                Some(Err(why)) => {
                    missed = Some(why);
                    break;
                }
            }
        }
        self.give_back(feed, missed.as_ref()).await
    }

    /// Takes an account because somebody wishes it.
    pub(crate) async fn take(
        &self,
        account_id: AccountId,
    ) -> Result<Option<TakenFeed>, sqlx::Error> {
        self.store.take_feed(account_id, self.environment.clock.now()).await
    }

    /// Gives an account back. After a failure it is left alone for a while.
    pub(crate) async fn give_back(
        &self,
        feed: TakenFeed,
        missed: Option<&Missed>,
    ) -> Result<(), sqlx::Error> {
        let now = self.environment.clock.now();
        let failures = feed.failures.saturating_add(1);
        let (end, wait) = match missed {
            None | Some(Missed::Target) => (FeedEnd::Well, None),
            Some(Missed::Account { transient, wait }) => {
                let until = now + pause(failures, *transient, *wait);
                (FeedEnd::Failed(until), wait.and_then(|wait| ahead(now, wait)))
            }
            Some(Missed::NotAsked(_)) => (FeedEnd::Failed(now + pause(1, true, None)), None),
        };
        bounded(self.store.give_back_feed(feed, end, wait)).await
    }

    /// Fetches the comments of a target whose account was taken, and says when they are fetched next. Answers how many were
    /// new.
    pub(crate) async fn fetch(
        &self,
        source: &Source,
    ) -> Result<Result<usize, Missed>, sqlx::Error> {
        let told = match self.ask(source).await {
            Ok(Told::Comments(told)) => told.comments,
            Ok(Told::Failed(failure)) => {
                let missed = missed(&failure);
                if matches!(missed, Missed::Target) {
                    bounded(self.store.postpone_fetch(source, self.environment.clock.now()))
                        .await?;
                }
                return Ok(Err(missed));
            }
            Err(status) if is_away(&status) => return Ok(Err(Missed::NotAsked(status))),
            Err(status) => {
                // It would be the same the next time, and in the way of the account's other targets.
                tracing::warn!(%status, target.id = %source.target_id, "comments cannot be asked for");
                bounded(self.store.postpone_fetch(source, self.environment.clock.now())).await?;
                return Ok(Err(Missed::Target));
            }
        };
        let Environment { clock, minter, .. } = &self.environment;
        let now = clock.now();
        let comments = told.into_iter().filter_map(|comment| kept(comment, now)).collect();
        let new = bounded(self.store.take_in(source, comments, minter, now)).await?;
        bounded(self.store.set_next_fetch(source, now)).await?;
        Ok(Ok(new))
    }

    async fn ask(&self, source: &Source) -> Result<Told, tonic::Status> {
        let request = self.networks.request(FetchCommentsRequest {
            account_id: source.account_id.to_string(),
            external_post_id: source.external_post_id.clone(),
        })?;
        let answer = self.networks.client().fetch_comments(request).await?.into_inner();
        answer.result.ok_or_else(|| tonic::Status::unavailable("an answer without a result"))
    }
}

/// Whether `accounts` is not there, or not well, for now.
fn is_away(status: &tonic::Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded)
}

fn missed(failure: &SendFailure) -> Missed {
    if !failure.transient && !is_of_account(&failure.code) {
        return Missed::Target;
    }
    let wait = failure.retry_after.and_then(|wait| wait.try_into().ok());
    Missed::Account { transient: failure.transient, wait }
}

fn ahead(now: DateTime<Utc>, wait: Duration) -> Option<DateTime<Utc>> {
    TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait))
}
