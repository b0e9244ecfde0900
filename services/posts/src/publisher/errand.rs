//! What `accounts` is asked, and what its answers mean. Once a sending was begun, only an answer says what became of it: an
//! error, a lost answer and a passed deadline say nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use postbreeze_proto::internal::v1::{
    FindCommentRequest, FindOutcome, FindPublishedRequest, SendOutcome, Sent, find_outcome,
    network_service_client::NetworkServiceClient, send_outcome,
};
use postbreeze_proto::status::{Reason, reason_of};
use postbreeze_runtime::peer::NOT_SENT;
use tonic::{Code, Request, Status};

use super::{Shared, claim::Errand, settle::Outcome};
use crate::{post::Part, text::cut};

/// With less time than this a sending is not begun.
const WORTH_SENDING: Duration = Duration::from_millis(500);
/// What is only asked is answered soon, or asked again.
const LOOK_WITHIN: Duration = Duration::from_secs(20);

const CODE_CHARS: usize = 100;
const MESSAGE_CHARS: usize = 1_000;
const ID_CHARS: usize = 500;
const URL_CHARS: usize = 2_048;

impl Shared {
    /// Does what was claimed at a time, once.
    pub(super) async fn run(&self, errand: Errand, claim_time: DateTime<Utc>) -> Outcome {
        let mut client = NetworkServiceClient::new(self.accounts.clone());
        match errand {
            Errand::Publish(mut letter, shown) => {
                letter.media = match self.share(&shown).await {
                    Ok(media) => media,
                    Err(outcome) => return outcome,
                };
                match self.sending(letter, Part::Post, claim_time) {
                    Ok(request) => {
                        self.sent(client.publish(request).await, |answer| answer.outcome)
                    }
                    Err(withheld) => withheld,
                }
            }
            Errand::Comment(letter) => match self.sending(letter, Part::FirstComment, claim_time) {
                Ok(request) => {
                    self.sent(client.publish_comment(request).await, |answer| answer.outcome)
                }
                Err(withheld) => withheld,
            },
            Errand::FindPost(mut sent, shown) => {
                // How many media it has tells a post from others.
                sent.media = match self.share(&shown).await {
                    Ok(media) => media,
                    // A medium that is gone does not come back.
                    Err(Outcome::Failed { message, .. }) => {
                        return Outcome::Undecided {
                            look_again: false,
                            message,
                            retry_after: None,
                        };
                    }
                    Err(_) => return Outcome::NotAsked,
                };
                match self.request(FindPublishedRequest { sent: Some(sent) }, LOOK_WITHIN) {
                    Ok(request) => {
                        self.found(client.find_published(request).await, |answer| answer.outcome)
                    }
                    Err(_) => Outcome::NotAsked,
                }
            }
            Errand::FindComment(sent) => {
                match self.request(FindCommentRequest { sent: Some(sent) }, LOOK_WITHIN) {
                    Ok(request) => {
                        self.found(client.find_comment(request).await, |answer| answer.outcome)
                    }
                    Err(_) => Outcome::NotAsked,
                }
            }
        }
    }

    /// A sending, by a right that was written down at a time. A process that stood still since may have been taken for dead,
    /// and what it was to send for lost: it is not sent any more.
    fn sending<T>(
        &self,
        letter: T,
        part: Part,
        claim_time: DateTime<Utc>,
    ) -> Result<Request<T>, Outcome> {
        let within = self.terms.within(part);
        let elapsed = (self.environment.clock.now() - claim_time).to_std().unwrap_or_default();
        let left = within.saturating_sub(elapsed);
        if left < WORTH_SENDING {
            return Err(withheld("it was claimed too long ago to be sent"));
        }
        self.request(letter, left)
    }

    /// A request in the name of this service.
    fn request<T>(&self, message: T, within: Duration) -> Result<Request<T>, Outcome> {
        self.issuer.request(message, &["accounts"], within).map_err(|cause| {
            tracing::error!(%cause, "no context token can be signed");
            withheld("it could not be sent")
        })
    }

    fn sent<T>(
        &self,
        answer: Result<tonic::Response<T>, Status>,
        outcome: impl FnOnce(T) -> Option<SendOutcome>,
    ) -> Outcome {
        match answer {
            Ok(answer) => read_sent(outcome(answer.into_inner())),
            Err(status) => {
                self.note_error(&status);
                match reason_of(&status) {
                    _ if never_begun(&status) => withheld("accounts cannot be reached"),
                    // Requests are checked before any network is called.
                    Some(Reason::FieldInvalid) => Outcome::Failed {
                        transient: false,
                        code: "invalid_request".to_owned(),
                        message: cut(status.message(), MESSAGE_CHARS),
                        retry_after: None,
                    },
                    _ => lost(),
                }
            }
        }
    }

    fn found<T>(
        &self,
        answer: Result<tonic::Response<T>, Status>,
        outcome: impl FnOnce(T) -> Option<FindOutcome>,
    ) -> Outcome {
        match answer {
            Ok(answer) => read_found(outcome(answer.into_inner())),
            Err(status) => {
                self.note_error(&status);
                match status.code() {
                    Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted => {
                        Outcome::NotAsked
                    }
                    // Asking in the same way again and again must end some day.
                    _ => Outcome::Undecided {
                        look_again: true,
                        message: "the network could not be asked".to_owned(),
                        retry_after: None,
                    },
                }
            }
        }
    }

    fn note_error(&self, status: &Status) {
        tracing::warn!(%status, "accounts did not say what became of a sending");
        if status.code() == Code::Unavailable {
            self.gate.close();
        }
    }
}

/// Whether it is certain that `accounts` did nothing: it never got the call, or had no room for it.
fn never_begun(status: &Status) -> bool {
    status.metadata().as_ref().contains_key(NOT_SENT)
        || reason_of(status) == Some(Reason::Overloaded)
}

pub(super) fn withheld(message: &str) -> Outcome {
    Outcome::Withheld { code: "not_sent".to_owned(), message: message.to_owned() }
}

fn lost() -> Outcome {
    Outcome::Unknown {
        code: "answer_lost".to_owned(),
        message: "the answer was lost; the network is asked whether it has it".to_owned(),
        over: false,
    }
}

fn read_sent(outcome: Option<SendOutcome>) -> Outcome {
    use send_outcome::Outcome as Read;
    match outcome.and_then(|outcome| outcome.outcome) {
        Some(Read::Sent(sent)) => found_or_sent(sent),
        Some(Read::Failed(failed)) => Outcome::Failed {
            transient: failed.transient,
            code: cut(&failed.code, CODE_CHARS),
            message: cut(&failed.message, MESSAGE_CHARS),
            retry_after: failed.retry_after.and_then(|wait| wait.try_into().ok()),
        },
        Some(Read::Unknown(unknown)) => Outcome::Unknown {
            code: cut(&unknown.code, CODE_CHARS),
            message: cut(&unknown.message, MESSAGE_CHARS),
            over: true,
        },
        // An outcome of a later version.
        None => lost(),
    }
}

fn read_found(outcome: Option<FindOutcome>) -> Outcome {
    use find_outcome::Outcome as Read;
    match outcome.and_then(|outcome| outcome.outcome) {
        Some(Read::Found(sent)) => found_or_sent(sent),
        Some(Read::NotThere(_)) => Outcome::NotThere,
        Some(Read::Undecided(undecided)) => Outcome::Undecided {
            look_again: undecided.look_again,
            message: cut(&undecided.message, MESSAGE_CHARS),
            retry_after: undecided.retry_after.and_then(|wait| wait.try_into().ok()),
        },
        None => Outcome::NotAsked,
    }
}

fn found_or_sent(sent: Sent) -> Outcome {
    Outcome::Sent {
        external_id: cut(&sent.external_id, ID_CHARS),
        external_url: cut(&sent.external_url, URL_CHARS),
    }
}

#[cfg(test)]
mod tests {
    use postbreeze_proto::internal::v1::{SendFailure, Undecided};

    use super::*;

    #[test]
    fn an_answer_that_says_nothing_leaves_the_outcome_unknown() {
        assert!(matches!(read_sent(None), Outcome::Unknown { .. }));
        assert!(matches!(read_sent(Some(SendOutcome::default())), Outcome::Unknown { .. }));
        assert_eq!(read_found(Some(FindOutcome::default())), Outcome::NotAsked);
    }

    #[test]
    fn what_a_network_says_is_kept_as_far_as_it_can_be() {
        let failed = SendFailure {
            code: "x\0y".to_owned(),
            message: "ü".repeat(2_000),
            retry_after: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
            ..Default::default()
        };
        let outcome = send_outcome::Outcome::Failed(failed);
        assert_eq!(
            read_sent(Some(SendOutcome { outcome: Some(outcome) })),
            Outcome::Failed {
                transient: false,
                code: "xy".to_owned(),
                message: "ü".repeat(MESSAGE_CHARS),
                retry_after: None,
            }
        );
        let undecided = find_outcome::Outcome::Undecided(Undecided::default());
        assert_eq!(
            read_found(Some(FindOutcome { outcome: Some(undecided) })),
            Outcome::Undecided { look_again: false, message: String::new(), retry_after: None }
        );
    }
}
