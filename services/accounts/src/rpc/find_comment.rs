//! `NetworkService.FindComment`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{FindCommentRequest, FindCommentResponse},
};

use super::{
    Rpc, message,
    sending::{self, Purpose, check_comment, undecided},
};
use crate::error::Error;

pub(super) async fn find_comment(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: FindCommentRequest,
) -> Result<FindCommentResponse, Error> {
    let mut fields = Fields::new();
    let sent = request.sent.unwrap_or_default();
    let account_id = check_comment(&mut fields, "sent.", &sent);
    let (account_id,) = fields.finish((account_id,))?;

    let found = match sending::open_for(rpc, account_id, Purpose::Look(&sent.key)).await? {
        Err(failure) => undecided(failure),
        Ok(mut door) => loop {
            match door.network.find_comment(&door.session, &sent, &door.progress).await {
                Ok(found) => break found,
                Err(failure) => {
                    if let Some(failure) = door.renew(rpc, failure).await? {
                        break undecided(failure);
                    }
                }
            }
        },
    };
    Ok(FindCommentResponse { outcome: Some(message::found(found)) })
}
