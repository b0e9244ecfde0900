//! `NetworkService.FetchComments`.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::Account;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{
        FetchCommentsRequest, FetchCommentsResponse, FetchedComments,
        fetch_comments_response::Result as Fetched,
    },
};

use super::{
    Rpc, message,
    sending::{self, Purpose, check_external_id},
};
use crate::error::Error;

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
                Ok(comments) => break Fetched::Comments(FetchedComments { comments }),
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
