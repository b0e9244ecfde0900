//! `NetworkService.FindPublished`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{FindPublishedRequest, FindPublishedResponse},
};

use super::{
    Rpc, message,
    sending::{self, Purpose, check_post, undecided},
};
use crate::error::Error;

pub(super) async fn find_published(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: FindPublishedRequest,
) -> Result<FindPublishedResponse, Error> {
    let mut fields = Fields::new();
    let sent = request.sent.unwrap_or_default();
    let account_id = check_post(&mut fields, "sent.", &sent);
    let (account_id,) = fields.finish((account_id,))?;

    let found = match sending::open_for(rpc, account_id, Purpose::Look(&sent.key)).await? {
        Err(failure) => undecided(failure),
        Ok(mut door) => loop {
            match door.network.find(&door.session, &sent, &door.progress).await {
                Ok(found) => break found,
                Err(failure) => {
                    if let Some(failure) = door.renew(rpc, failure).await? {
                        break undecided(failure);
                    }
                }
            }
        },
    };
    Ok(FindPublishedResponse { outcome: Some(message::found(found)) })
}
