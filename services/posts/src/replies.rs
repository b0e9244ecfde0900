//! Answers comments. A reply is written down before the network is called; what became of one whose answer was lost, or
//! whose process died, is found out by looking, and it is sent again only once the network certainly does not have it.

use futures_util::{StreamExt as _, stream};
use postbreeze_ids::CommentId;
use postbreeze_proto::{
    internal::v1::{
        FindCommentRequest, FindOutcome, PublishCommentRequest, SendFailure, SendOutcome, Sent,
        find_outcome, send_outcome,
    },
    status::{Reason, reason_of},
    time::to_proto,
};
use postbreeze_runtime::{Environment, postgres::bounded};
use tokio::sync::oneshot;
use tonic::Status;
use tracing::Instrument as _;

use crate::{
    bell::Bell,
    comment::reply::{Next, Told, key, next},
    networks::Networks,
    store::{Store, comments::replies::TakenReply},
    text::cut,
};

const REPLIES: i64 = 32;
/// Replies that are looked for at once.
const AT_ONCE: usize = 8;
const ID_CHARS: usize = 500;
const MESSAGE_CHARS: usize = 1_000;

/// What sends.
#[derive(Clone)]
pub(crate) struct Replies {
    pub(crate) store: Store,
    pub(crate) environment: Environment,
    pub(crate) networks: Networks,
    /// Rung when a reply is due.
    pub(crate) bell: Bell,
}

/// What became of a first sending.
#[derive(Debug)]
pub(crate) enum FirstSending {
    /// The network has it.
    Sent,
    /// The network does not have it.
    Refused(SendFailure),
    /// It is not known.
    Lost,
}

impl Replies {
    /// Starts looking for what was lost; it ends with the process.
    pub(crate) fn start(&self) {
        let (replies, stopping) = (self.clone(), self.environment.background.stopping().clone());
        self.environment.background.spawn(async move {
            stopping.run_until_cancelled(replies.run()).await;
        });
    }

    async fn run(&self) {
        let mut failing = false;
        loop {
            self.bell.wait().await;
            let looked = self.look_for_due().await;
            if let Err(error) = &looked
                && !failing
            {
                tracing::warn!(%error, "replies that are due cannot be dealt with");
            }
            failing = looked.is_err();
            if looked.is_ok_and(|count| count > 0) {
                self.bell.ring();
            }
        }
    }

    async fn look_for_due(&self) -> Result<usize, sqlx::Error> {
        let due = bounded(self.store.due_replies(self.environment.clock.now(), REPLIES)).await?;
        let looking = stream::iter(due).map(|id| self.look_for(id));
        let looked: Vec<Result<(), sqlx::Error>> =
            looking.buffer_unordered(AT_ONCE).collect().await;
        let count = looked.len();
        looked.into_iter().collect::<Result<(), _>>()?;
        Ok(count)
    }

    async fn look_for(&self, id: CommentId) -> Result<(), sqlx::Error> {
        let now = self.environment.clock.now();
        let Some(taken) = bounded(self.store.take_reply(id, now)).await? else { return Ok(()) };
        let told = self.look(&taken).await;
        self.go_on(taken, told).await
    }

    /// Sends a reply that was written down a moment ago, also when whoever waits for it goes away. Answers what became of it
    /// where that is known.
    pub(crate) async fn send_first(&self, taken: TakenReply) -> FirstSending {
        let (replies, background) = (self.clone(), self.environment.background.clone());
        let (tell, told) = oneshot::channel();
        let to_the_end = async move {
            let sending = async {
                let (told, first) = replies.send(&taken).await;
                match replies.go_on(taken, told).await {
                    // Nobody may wait any more.
                    Ok(()) => drop(tell.send(first)),
                    Err(error) => tracing::warn!(%error, "what became of a reply is not written"),
                }
            };
            // What does not end in time is looked for by another.
            background.finish(sending).await;
        };
        self.environment.background.spawn(to_the_end.in_current_span());
        told.await.unwrap_or(FirstSending::Lost)
    }

    /// Writes down what follows from what was told of a reply that was taken, and does it.
    async fn go_on(&self, mut taken: TakenReply, mut told: Told) -> Result<(), sqlx::Error> {
        loop {
            let now = self.environment.clock.now();
            let next = next(told, taken.tries, taken.looks, taken.first_try_time, now);
            if next != Next::Send {
                return bounded(self.store.settle_reply(&taken, &next, now)).await;
            }
            match bounded(self.store.take_reply_again(&taken, now)).await? {
                None => return Ok(()),
                Some(again) => taken = again,
            }
            told = self.send(&taken).await.0;
        }
    }

    #[tracing::instrument(skip_all, name = "reply.send", fields(comment.id = %taken.comment_id))]
    async fn send(&self, taken: &TakenReply) -> (Told, FirstSending) {
        let lost = |message: &str| (Told::Lost { message: message.to_owned() }, FirstSending::Lost);
        let outcome = match self.publish(taken).await {
            Ok(outcome) => outcome,
            // It was not even tried to be sent.
            Err(status) if reason_of(&status) == Some(Reason::FieldInvalid) => {
                tracing::error!(cause = %status, "accounts does not take a reply");
                let message = "the reply cannot be sent".to_owned();
                let failure = SendFailure { message: message.clone(), ..Default::default() };
                return (Told::Refused { message }, FirstSending::Refused(failure));
            }
            Err(status) => {
                tracing::warn!(cause = %status, "a reply was sent without an answer");
                return lost("no answer came");
            }
        };
        match outcome.outcome {
            Some(send_outcome::Outcome::Sent(sent)) => {
                (Told::There { external_id: id_of(&sent) }, FirstSending::Sent)
            }
            Some(send_outcome::Outcome::Failed(failure)) => {
                let message = cut(&failure.message, MESSAGE_CHARS);
                (Told::Refused { message }, FirstSending::Refused(failure))
            }
            Some(send_outcome::Outcome::Unknown(unknown)) => {
                lost(&cut(&unknown.message, MESSAGE_CHARS))
            }
            None => lost("no answer came"),
        }
    }

    #[tracing::instrument(skip_all, name = "reply.look", fields(comment.id = %taken.comment_id))]
    async fn look(&self, taken: &TakenReply) -> Told {
        #[cfg(feature = "sabotage")]
        if is_sabotaged() {
            return Told::NotThere;
        }
        let outcome = match self.find(taken).await {
            Ok(outcome) => outcome,
            Err(status) => {
                tracing::warn!(cause = %status, "a reply cannot be looked for");
                return Told::NotAsked;
            }
        };
        match outcome.outcome {
            Some(find_outcome::Outcome::Found(sent)) => Told::There { external_id: id_of(&sent) },
            Some(find_outcome::Outcome::NotThere(_)) => Told::NotThere,
            Some(find_outcome::Outcome::Undecided(undecided)) => Told::Undecided {
                look_again: undecided.look_again,
                message: cut(&undecided.message, MESSAGE_CHARS),
                retry_after: undecided.retry_after.and_then(|wait| wait.try_into().ok()),
            },
            None => Told::NotAsked,
        }
    }

    async fn publish(&self, taken: &TakenReply) -> Result<SendOutcome, Status> {
        let request = self.networks.request(sending(taken))?;
        let answer = self.networks.client().publish_comment(request).await?.into_inner();
        Ok(answer.outcome.unwrap_or_default())
    }

    async fn find(&self, taken: &TakenReply) -> Result<FindOutcome, Status> {
        let request = self.networks.request(FindCommentRequest { sent: Some(sending(taken)) })?;
        let answer = self.networks.client().find_comment(request).await?.into_inner();
        Ok(answer.outcome.unwrap_or_default())
    }
}

/// The broken mechanism: what was lost is taken for not there.
#[cfg(feature = "sabotage")]
fn is_sabotaged() -> bool {
    postbreeze_runtime::sabotage::is_broken(postbreeze_runtime::sabotage::Mechanism::Publishing)
}

/// The network's own id of what it has, as it can be kept.
fn id_of(sent: &Sent) -> String {
    cut(&sent.external_id, ID_CHARS)
}

fn sending(taken: &TakenReply) -> PublishCommentRequest {
    PublishCommentRequest {
        account_id: taken.account_id.to_string(),
        key: key(taken.comment_id, &taken.body),
        external_post_id: taken.external_post_id.clone(),
        external_comment_id: taken.external_comment_id.clone(),
        text: taken.body.clone(),
        first_attempt_time: Some(to_proto(taken.first_try_time)),
    }
}
