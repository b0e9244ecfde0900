//! `NetworkService.FetchComments`.

use std::cmp::Reverse;

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::Account;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{
        FetchCommentsRequest, FetchCommentsResponse, FetchedComment, FetchedComments,
        fetch_comments_response::Result as Fetched,
    },
};

use prost::Message as _;

use super::{
    Rpc, message,
    sending::{self, Purpose, check_external_id},
};
use crate::error::Error;

/// What is told at the most: half of what the caller takes.
const ANSWER_BYTES: usize = 8 * 1_024 * 1_024;
/// A field's number and length around each.
const EACH_BYTES: usize = 8;

pub(super) async fn fetch_comments(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: FetchCommentsRequest,
) -> Result<FetchCommentsResponse, Error> {
    let mut fields = Fields::new();
    let account_id = fields.id::<Account>("account_id", &request.account_id);
    let post_id = &request.external_post_id;
    check_external_id(&mut fields, "external_post_id", post_id);
    let (account_id,) = fields.finish((account_id,))?;

    let result = match sending::open_for(rpc, account_id, Purpose::Ask).await? {
        Err(failure) => Fetched::Failed(message::failure(failure)),
        Ok(mut door) => loop {
            match door.network.fetch_comments(&door.session, post_id).await {
                Ok(comments) => break Fetched::Comments(bounded(comments)),
                Err(failure) => {
                    if let Some(failure) = door.renew(rpc, failure).await? {
                        break Fetched::Failed(message::failure(failure));
                    }
                }
            }
        },
    };
    Ok(FetchCommentsResponse { result: Some(result) })
}

/// The newest comments that the caller takes in one message.
fn bounded(mut comments: Vec<FetchedComment>) -> FetchedComments {
    let time = |comment: &FetchedComment| {
        comment.network_time.as_ref().map(|time| (time.seconds, time.nanos))
    };
    comments.sort_by_key(|comment| Reverse(time(comment)));
    let mut left = ANSWER_BYTES;
    let fits = |comment: &FetchedComment| {
        let bytes = comment.encoded_len() + EACH_BYTES;
        left = left.saturating_sub(bytes);
        left > 0
    };
    FetchedComments { comments: comments.into_iter().take_while(fits).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_comments_that_are_too_much_for_a_message_the_newest_are_told() {
        let comment = |seconds: i64| FetchedComment {
            external_id: seconds.to_string(),
            body: "x".repeat(40_000),
            network_time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            ..Default::default()
        };
        let told = bounded((0..500).map(comment).collect());
        assert!(told.encoded_len() <= ANSWER_BYTES && told.encoded_len() > ANSWER_BYTES - 50_000);
        assert_eq!(told.comments[0].external_id, "499");
        assert!(
            told.comments
                .is_sorted_by_key(|comment| Reverse(comment.network_time.map(|t| t.seconds)))
        );
        let few = bounded(vec![comment(1), FetchedComment { network_time: None, ..comment(2) }]);
        assert_eq!(few.comments.len(), 2);
    }
}
