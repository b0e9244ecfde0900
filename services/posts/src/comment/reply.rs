//! What becomes of a reply: it is sent, and where nobody knows whether the network has it, it is looked for, and sent again
//! only once the network certainly has it not.

use std::time::Duration;

use aws_lc_rs::digest;
use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::CommentId;

use crate::text::hex;

/// How often a reply is sent at the most.
pub const MOST_TRIES: i32 = 3;

const FIRST_LOOK: TimeDelta = TimeDelta::seconds(5);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);
/// How long a reply is looked for.
const LOOKED_FOR: TimeDelta = TimeDelta::hours(24);

/// Where a reply stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyStatus {
    /// It is being sent, or looked for.
    Sending,
    /// The network has it.
    Sent,
    /// The network does not have it.
    Failed,
    /// It cannot be found out.
    Unknown,
}

impl ReplyStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Sending, Self::Sent, Self::Failed, Self::Unknown];

    /// The name a database keeps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// The status of such a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Of the hash that a reply is named by.
const KEY_BYTES: usize = 16;

/// Names a reply on the network for ever: the same comment and text have the same key.
#[must_use]
pub fn key(comment_id: CommentId, body: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(comment_id.uuid().as_bytes());
    context.update(body.as_bytes());
    format!("reply-{}", hex(&context.finish().as_ref()[..KEY_BYTES]))
}

/// What was told of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The network has it.
    There {
        /// The network's own id of it.
        external_id: String,
    },
    /// The network refused it: it does not have it.
    Refused {
        /// Why.
        message: String,
    },
    /// It was sent, and what became of it is not known.
    Lost {
        /// Why.
        message: String,
    },
    /// The network certainly does not have it, and what was sent cannot arrive any more.
    NotThere,
    /// The network was asked and cannot tell.
    Undecided {
        /// Whether asking again can help.
        look_again: bool,
        /// Why.
        message: String,
        /// How long the network asks to wait.
        retry_after: Option<Duration>,
    },
    /// The network could not be asked.
    NotAsked,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It is there.
    Sent {
        /// The network's own id of it.
        external_id: String,
    },
    /// It is not, and the comment may be answered again.
    Failed {
        /// Why.
        message: String,
    },
    /// It is looked for then.
    Look {
        /// When.
        at: DateTime<Utc>,
        /// Why it is not known.
        message: String,
    },
    /// It is sent once more.
    Send,
    /// Nobody will ever know.
    Unknown {
        /// Why.
        message: String,
    },
}

/// What follows from what was told of a reply that was sent `tries` times, and looked for `looks` times since, the first
/// time at `first_try_time`.
#[must_use]
pub fn next(
    told: Told,
    tries: i32,
    looks: i32,
    first_try_time: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Next {
    let pause = || {
        let doublings = u32::try_from(looks.clamp(0, 12)).unwrap_or(0);
        (FIRST_LOOK * 2_i32.pow(doublings)).min(LONGEST_PAUSE)
    };
    match told {
        Told::There { external_id } => Next::Sent { external_id },
        Told::Refused { message } => Next::Failed { message },
        Told::Lost { message } => Next::Look { at: now + FIRST_LOOK, message },
        Told::NotThere if tries < MOST_TRIES => Next::Send,
        Told::NotThere => Next::Failed { message: "the network did not take it".to_owned() },
        Told::Undecided { look_again, message, retry_after } => {
            if !look_again || now - first_try_time >= LOOKED_FOR {
                return Next::Unknown { message };
            }
            let asked_for = retry_after.and_then(|wait| TimeDelta::from_std(wait).ok());
            Next::Look { at: now + asked_for.unwrap_or_default().max(pause()), message }
        }
        // Trouble of our own says nothing of the reply; it ends all the same, later.
        Told::NotAsked if now - first_try_time >= LOOKED_FOR * 3 => {
            Next::Unknown { message: "the network could not be asked whether it has it".to_owned() }
        }
        Told::NotAsked => Next::Look { at: now + pause(), message: String::new() },
    }
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::Id;
    use uuid::Uuid;

    use super::*;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_781_524_800, 0).unwrap()
    }

    fn undecided(look_again: bool, retry_after: Option<Duration>) -> Told {
        Told::Undecided { look_again, message: "hidden".to_owned(), retry_after }
    }

    #[test]
    fn it_is_sent_again_only_when_it_is_certainly_not_there_and_not_for_ever() {
        let lost = Told::Lost { message: "lost".to_owned() };
        for told in [lost, Told::NotAsked, undecided(true, None), undecided(false, None)] {
            for (tries, looks) in [(0, 0), (1, 0), (3, 100)] {
                assert_ne!(next(told.clone(), tries, looks, noon(), noon()), Next::Send);
            }
        }
        assert_eq!(next(Told::NotThere, 1, 5, noon(), noon()), Next::Send);
        assert_eq!(next(Told::NotThere, 2, 0, noon(), noon()), Next::Send);
        assert!(matches!(next(Told::NotThere, 3, 0, noon(), noon()), Next::Failed { .. }));
    }

    #[test]
    fn it_is_looked_for_ever_less_often_for_a_day_unless_the_network_hides_it() {
        let mut now = noon();
        let mut looks = 0;
        loop {
            match next(undecided(true, None), 1, looks, noon(), now) {
                Next::Look { at, .. } => {
                    assert!(at > now && at - now <= LONGEST_PAUSE);
                    now = at;
                    looks += 1;
                }
                last => {
                    assert_eq!(last, Next::Unknown { message: "hidden".to_owned() });
                    break;
                }
            }
        }
        assert!((30..40).contains(&looks), "{looks}");
        let hidden = next(undecided(false, None), 1, 0, noon(), noon());
        assert!(matches!(hidden, Next::Unknown { .. }));
        let asked = next(undecided(true, Some(Duration::from_mins(2))), 1, 0, noon(), noon());
        assert!(matches!(asked, Next::Look { at, .. } if at == noon() + TimeDelta::minutes(2)));
        // Trouble of our own ends the search later.
        let late = noon() + TimeDelta::days(2);
        assert!(matches!(next(Told::NotAsked, 1, 50, noon(), late), Next::Look { .. }));
        let later = noon() + TimeDelta::days(3);
        assert!(matches!(next(Told::NotAsked, 1, 99, noon(), later), Next::Unknown { .. }));
    }

    #[test]
    fn a_key_names_comment_and_text() {
        let [one, other] = [1, 2].map(|n| Id::from_uuid(Uuid::from_u128(n)));
        let key_of_one = key(one, "thanks");
        assert_eq!(key_of_one, key(one, "thanks"));
        assert_ne!(key_of_one, key(other, "thanks"));
        assert_ne!(key_of_one, key(one, "thanks!"));
        assert_eq!(key_of_one.len(), 38);
        assert!(key_of_one.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    }

    #[test]
    fn names_round_trip() {
        for status in ReplyStatus::ALL {
            assert_eq!(ReplyStatus::parse(status.as_str()), Some(status));
        }
    }
}
