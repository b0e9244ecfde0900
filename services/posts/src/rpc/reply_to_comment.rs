//! `CommentService.ReplyToComment`.

use std::time::Duration;

use postbreeze_context::{Action, Admitted, Denied, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_ids::{AccountId, CommentId};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::SendFailure,
    status::Fault,
    v1::{ReplyToCommentRequest, ReplyToCommentResponse},
};
use postbreeze_runtime::call::Call;
use tokio::time::{sleep, timeout};

use super::{Rpc, accounts, get_comment::load, message};
use crate::{
    comment::reply::ReplyStatus,
    error::Error,
    networks::is_of_account,
    replies::FirstSending,
    store::{
        comments::{
            CommentRow,
            replies::{NewReply, TakenReply, begin_reply},
        },
        heads::take_workspace,
    },
};

const BODY_CHARS: usize = 2_000;
/// What the answer itself needs of the deadline.
const MARGIN: Duration = Duration::from_millis(150);
/// When what became of a reply may be known.
const AGAIN: Duration = Duration::from_secs(5);
/// How often it is looked whether a twin's reply has been sent.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn reply_to_comment(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ReplyToCommentRequest,
) -> Result<ReplyToCommentResponse, Error> {
    let mut fields = Fields::new();
    let comment_id = fields.id("comment_id", &request.comment_id);
    let body = fields.text("body", &request.body, 1..=BODY_CHARS);
    let request_id = fields.request_id(&request.request_id);
    let (comment_id, body, request_id) = fields.finish((comment_id, body, request_id))?;

    let comment = load(rpc, context, comment_id, Action::AnswerComments).await?;
    let user_id = context.user_id()?;
    let key = Key::of(user_id, "CommentService.ReplyToComment", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first) = idempotency::look_up(rpc.store.statements(), key.as_ref(), now).await? {
        return Ok(first);
    }
    let reply = NewReply { body: &body, author_user_id: user_id, request_id: &request_id };
    let mut standing = Standing::of(&comment, &reply);
    if standing == Standing::Free {
        accounts::find_active(rpc, comment.account_id).await?;
        standing = match begin(rpc, &comment, &reply).await? {
            Some(taken) => {
                send(rpc, taken, comment.account_id).await?;
                Standing::Done
            }
            // A twin was first.
            None => Standing::UnderWay,
        };
    }
    let comment = match standing {
        Standing::UnderWay => sent_by_twin(rpc, context, comment_id, &reply).await?,
        Standing::Done | Standing::Free => load(rpc, context, comment_id, Action::Read).await?,
        Standing::Taken => return Err(Error::AlreadyReplied),
    };
    let answer = ReplyToCommentResponse { comment: Some(message::comment(comment.into_row())?) };
    idempotency::once(rpc.store.pool(), key.as_ref(), now, async |transaction| {
        Ok((transaction, answer))
    })
    .await
}

/// Where a comment stands for one who wants to answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It can be answered.
    Free,
    /// This very request has answered it.
    Done,
    /// This very request is answering it.
    UnderWay,
    /// It is, or may be, answered otherwise.
    Taken,
}

impl Standing {
    fn of(comment: &CommentRow, reply: &NewReply<'_>) -> Self {
        let status = comment.reply_status.as_deref().map(ReplyStatus::parse);
        let is_own = !reply.request_id.is_empty()
            && comment.reply_request_id == reply.request_id
            && comment.reply_author_user_id == Some(reply.author_user_id)
            && comment.reply_body.as_deref() == Some(reply.body);
        match status {
            None | Some(Some(ReplyStatus::Failed)) => Self::Free,
            Some(Some(ReplyStatus::Sent)) if is_own => Self::Done,
            Some(Some(ReplyStatus::Sending)) if is_own => Self::UnderWay,
            _ => Self::Taken,
        }
    }
}

/// The comment once the same request, made before, has answered it.
async fn sent_by_twin(
    rpc: &Rpc,
    context: &WorkspaceContext,
    comment_id: CommentId,
    reply: &NewReply<'_>,
) -> Result<Admitted<CommentRow>, Error> {
    loop {
        let comment = load(rpc, context, comment_id, Action::Read).await?;
        match Standing::of(&comment, reply) {
            Standing::Done => return Ok(comment),
            Standing::Taken => return Err(Error::AlreadyReplied),
            Standing::Free => {
                let message = comment.into_row().reply_error;
                return Err(Error::NetworkUnwell { message, retry_after: AGAIN });
            }
            Standing::UnderWay if patience() <= LOOK_EVERY => {
                return Err(Error::ReplyUnderWay { retry_after: AGAIN });
            }
            Standing::UnderWay => sleep(LOOK_EVERY).await,
        }
    }
}

/// How long the caller waits for what becomes of the reply.
fn patience() -> Duration {
    Call::current().map_or(Duration::ZERO, |call| call.remaining().saturating_sub(MARGIN))
}

/// Writes the reply down. `None` when there is one already.
async fn begin(
    rpc: &Rpc,
    comment: &Admitted<CommentRow>,
    reply: &NewReply<'_>,
) -> Result<Option<TakenReply>, Error> {
    let mut transaction = rpc.store.begin().await?;
    if !take_workspace(&mut transaction, comment).await? {
        return Err(Denied::OutOfReach.into());
    }
    let now = rpc.environment.clock.now();
    let taken = begin_reply(&mut transaction, comment, reply, now).await?;
    transaction.commit().await?;
    Ok(taken)
}

/// Has the reply sent, and waits for what becomes of it as long as the caller does.
async fn send(rpc: &Rpc, taken: TakenReply, account_id: AccountId) -> Result<(), Error> {
    let sending = rpc.replies.send_first(taken);
    match timeout(patience(), sending).await {
        Ok(FirstSending::Sent) => Ok(()),
        Ok(FirstSending::Refused(failure)) => Err(refusal(failure, account_id)),
        Ok(FirstSending::Lost) | Err(_) => Err(Error::ReplyUnderWay { retry_after: AGAIN }),
    }
}

fn refusal(failure: SendFailure, account_id: AccountId) -> Error {
    let SendFailure { transient, code, message, retry_after } = failure;
    if is_of_account(&code) {
        return Error::AccountNotActive(account_id);
    }
    if transient {
        let retry_after = retry_after.and_then(|wait| wait.try_into().ok()).unwrap_or(AGAIN);
        return Error::NetworkUnwell { message, retry_after };
    }
    let mut fields = Fields::new();
    fields.violate("body", format!("was refused by the network: {message}"));
    Fault::invalid(fields.into_violations()).into()
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::{Id, UserId};
    use uuid::Uuid;

    use super::*;

    fn user(n: u128) -> UserId {
        Id::from_uuid(Uuid::from_u128(n))
    }

    fn comment(status: Option<&str>) -> CommentRow {
        CommentRow {
            id: Id::from_uuid(Uuid::from_u128(1)),
            workspace_id: Id::from_uuid(Uuid::from_u128(2)),
            account_id: Id::from_uuid(Uuid::from_u128(3)),
            platform: 12,
            post_id: None,
            target_id: None,
            external_id: String::new(),
            author_handle: String::new(),
            author_display_name: String::new(),
            author_avatar_url: String::new(),
            body: String::new(),
            network_time: chrono::DateTime::UNIX_EPOCH,
            read_time: None,
            reply_body: status.map(|_| "thanks".to_owned()),
            reply_time: None,
            reply_author_user_id: status.map(|_| user(7)),
            reply_external_id: None,
            reply_status: status.map(ToOwned::to_owned),
            reply_error: String::new(),
            reply_request_id: "once".to_owned(),
            create_time: chrono::DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_the_very_same_request_finds_its_own_reply() {
        let own = NewReply { body: "thanks", author_user_id: user(7), request_id: "once" };
        for (status, wanted) in [
            (None, Standing::Free),
            (Some("failed"), Standing::Free),
            (Some("sent"), Standing::Done),
            (Some("sending"), Standing::UnderWay),
            (Some("unknown"), Standing::Taken),
        ] {
            assert_eq!(Standing::of(&comment(status), &own), wanted, "{status:?}");
        }
        let others = [
            NewReply { body: "no", ..own },
            NewReply { author_user_id: user(8), ..own },
            NewReply { request_id: "twice", ..own },
            NewReply { request_id: "", ..own },
        ];
        for other in others {
            assert_eq!(Standing::of(&comment(Some("sent")), &other), Standing::Taken);
            assert_eq!(Standing::of(&comment(Some("sending")), &other), Standing::Taken);
            assert_eq!(Standing::of(&comment(Some("failed")), &other), Standing::Free);
        }
    }
}
