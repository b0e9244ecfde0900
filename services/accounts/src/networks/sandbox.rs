//! SANDBOX: a network that runs inside the system. Any code is granted: it is the handle of the account. What it has, and how
//! it answers, lies in tables: every replica, and one that comes after a crash, knows the same.
//!
//! Like a network without idempotency it accepts a key as often as it is sent, so that a sending that is repeated blindly can
//! be seen; but it can be asked what it has under a key.

mod grant;

use std::time::Duration;

use postbreeze_ids::Id;
use postbreeze_proto::{
    internal::v1::{FetchedComment, PublishCommentRequest, PublishRequest},
    time::to_proto,
    v1::{SandboxBehavior, SandboxFault},
};
use postbreeze_runtime::Environment;
use rand::RngExt as _;
use tokio::time::sleep;
use tonic::async_trait;

pub(crate) use self::grant::exchange;
use super::{
    Begun, Capabilities, ConnectError, Failure, Found, Given, Grant, Network, Outcome, Progress,
    Sent, Session, TokenTrouble,
};
use crate::store::{
    Store,
    sandbox::{NewCall, SandboxCallId},
};

/// What a 429 says when nothing else was commanded.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(crate) use postbreeze_proto::v1::SandboxCallKind as CallKind;

/// The network.
pub(super) struct Sandbox {
    store: Store,
    environment: Environment,
}

impl Sandbox {
    pub(super) fn new(store: Store, environment: Environment) -> Self {
        Self { store, environment }
    }

    fn new_call(&self, session: &Session) -> (SandboxCallId, chrono::DateTime<chrono::Utc>) {
        let id: SandboxCallId = self.environment.minter.mint(session.account.id.bucket());
        (id, self.environment.clock.now())
    }

    /// Receives a sending, and answers as it was commanded to.
    async fn receive(&self, session: &Session, call: NewCall<'_>) -> Outcome {
        let (id, now) = self.new_call(session);
        let account_id = session.account.id;
        let draw = |behavior: &mut SandboxBehavior| next_fault(behavior, &mut rand::rng());
        let (behavior, fault) =
            match self.store.receive_sandbox_call(account_id, id, &call, now, draw).await {
                Ok(received) => received,
                Err(error) => return Outcome::Failed(unwell(&error)),
            };
        let Some(fault) = fault else {
            return Failure::permanent("not_found", "the network has no such post").into();
        };
        pause(&behavior).await;
        answer(fault, id, &behavior)
    }

    async fn look(&self, session: &Session, key: &str, kind: CallKind) -> Result<Found, Failure> {
        let (id, now) = self.new_call(session);
        let asked = self.store.find_in_sandbox(session.account.id, id, key, kind, now).await;
        let (behavior, found) = asked.map_err(|error| unwell(&error))?;
        pause(&behavior).await;
        Ok(match found {
            _ if behavior.hides_posts => Found::Undecided {
                look_again: false,
                message: "the network does not tell what it has".to_owned(),
                retry_after: None,
            },
            Some(id) => Found::There(sent(id)),
            None => Found::NotThere,
        })
    }
}

#[async_trait]
impl Network for Sandbox {
    fn capabilities(&self) -> Capabilities {
        Capabilities { can_find: true, can_comment: true, pulls_urls: true, ..Default::default() }
    }

    async fn start_connect(&self, begun: &Begun<'_>) -> Result<String, ConnectError> {
        Ok(grant::authorize_url(begun.state))
    }

    async fn connect(&self, _: &Begun<'_>, given: Given<'_>) -> Result<Grant, ConnectError> {
        match given {
            Given::Code(code) => {
                exchange(code).map_err(|problem| ConnectError::invalid("code", problem))
            }
            Given::Credentials(_) => {
                Err(ConnectError::invalid("credentials", "the network wants a code"))
            }
        }
    }

    async fn publish(&self, session: &Session, post: &PublishRequest, _: &mut Progress) -> Outcome {
        self.receive(session, NewCall::of_post(post)).await
    }

    async fn find(
        &self,
        session: &Session,
        post: &PublishRequest,
        _: &Progress,
    ) -> Result<Found, Failure> {
        self.look(session, &post.key, CallKind::Publish).await
    }

    async fn publish_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        _: &mut Progress,
    ) -> Outcome {
        self.receive(session, NewCall::of_comment(comment)).await
    }

    async fn find_comment(
        &self,
        session: &Session,
        comment: &PublishCommentRequest,
        _: &Progress,
    ) -> Result<Found, Failure> {
        self.look(session, &comment.key, CallKind::Comment).await
    }

    async fn fetch_comments(
        &self,
        session: &Session,
        external_post_id: &str,
    ) -> Result<Vec<FetchedComment>, Failure> {
        let (id, now) = self.new_call(session);
        let fetched =
            self.store.fetch_sandbox_comments(session.account.id, id, external_post_id, now).await;
        let (behavior, comments) = fetched.map_err(|error| unwell(&error))?;
        pause(&behavior).await;
        let told = comments.into_iter().map(|row| FetchedComment {
            external_id: row.id.to_string(),
            author_display_name: row.author_handle.clone(),
            author_handle: row.author_handle,
            author_avatar_url: String::new(),
            body: row.body,
            network_time: Some(to_proto(row.create_time)),
        });
        Ok(told.collect())
    }
}

fn unwell(error: &sqlx::Error) -> Failure {
    tracing::warn!(%error, "the sandbox cannot be reached");
    Failure::transient("unreachable", "the network cannot be reached")
}

async fn pause(behavior: &SandboxBehavior) {
    if let Some(delay) = behavior.delay.and_then(|delay| Duration::try_from(delay).ok()) {
        sleep(delay).await;
    }
}

/// What it has, as it tells it.
pub(crate) fn sent(id: Id<crate::store::sandbox::SandboxCall>) -> Sent {
    Sent {
        external_id: id.to_string(),
        external_url: format!("https://sandbox.postbreeze.invalid/posts/{id}"),
    }
}

/// The fault that the next sending meets, which is taken out of those to come.
pub(crate) fn next_fault(
    behavior: &mut SandboxBehavior,
    random: &mut impl rand::Rng,
) -> SandboxFault {
    let fault = if behavior.next_faults.is_empty() {
        let meets_one = random.random_range(0..100) < behavior.fault_percent;
        let drawn = random.random_range(0..behavior.random_faults.len().max(1));
        behavior.random_faults.get(drawn).filter(|_| meets_one).copied()
    } else {
        Some(behavior.next_faults.remove(0))
    };
    fault.and_then(|number| SandboxFault::try_from(number).ok()).unwrap_or_default()
}

/// Whether the network has what met a fault.
pub(crate) fn is_accepted(fault: SandboxFault) -> bool {
    matches!(fault, SandboxFault::Unspecified | SandboxFault::AnswerLost)
}

fn answer(fault: SandboxFault, id: SandboxCallId, behavior: &SandboxBehavior) -> Outcome {
    let lost = || Outcome::Unknown {
        code: "answer_lost".to_owned(),
        message: "the connection was lost before an answer came".to_owned(),
    };
    match fault {
        SandboxFault::Unspecified => Outcome::Sent(sent(id)),
        SandboxFault::ServerError => {
            Failure::transient("server_error", "the network answered 500 and did nothing").into()
        }
        SandboxFault::RateLimited => {
            let wait = behavior.retry_after.and_then(|wait| Duration::try_from(wait).ok());
            let failure = Failure::transient("rate_limited", "the network answered 429");
            failure.after(Some(wait.unwrap_or(RETRY_AFTER))).into()
        }
        SandboxFault::AnswerLost | SandboxFault::RequestLost => lost(),
        SandboxFault::Refused => {
            Failure::permanent("refused", "the network refused it for good").into()
        }
        SandboxFault::TokenRevoked => {
            Failure::of_token(TokenTrouble::Expired, "the network does not take the token").into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_order_and_then_as_often_as_was_said() {
        let faults = [SandboxFault::Refused, SandboxFault::Unspecified, SandboxFault::AnswerLost];
        let mut behavior = SandboxBehavior {
            next_faults: faults.map(i32::from).to_vec(),
            fault_percent: 30,
            random_faults: vec![SandboxFault::ServerError.into()],
            ..Default::default()
        };
        let mut random = rand::rng();
        assert_eq!(faults.map(|_| next_fault(&mut behavior, &mut random)), faults);
        let drawn = (0..10_000).map(|_| next_fault(&mut behavior, &mut random));
        let met = drawn.filter(|fault| *fault == SandboxFault::ServerError).count();
        assert!((2_500..3_500).contains(&met), "{met}");
        behavior.fault_percent = 0;
        assert!(
            (0..1_000).all(|_| next_fault(&mut behavior, &mut random) == SandboxFault::Unspecified)
        );
        behavior.fault_percent = 100;
        assert!(
            (0..1_000).all(|_| next_fault(&mut behavior, &mut random) == SandboxFault::ServerError)
        );
    }
}
