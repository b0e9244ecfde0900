//! `NetworkService.PublishComment`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{PublishCommentRequest, PublishCommentResponse},
};

use super::{
    Rpc, message,
    sending::{self, Purpose, check_comment},
};
use crate::{error::Error, networks::Outcome};

pub(super) async fn publish_comment(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: PublishCommentRequest,
) -> Result<PublishCommentResponse, Error> {
    let mut fields = Fields::new();
    let account_id = check_comment(&mut fields, "", &request);
    let (account_id,) = fields.finish((account_id,))?;

    let outcome = match sending::open_for(rpc, account_id, Purpose::Send(&request.key)).await? {
        Err(failure) => failure.into(),
        Ok(mut door) => loop {
            let sent =
                door.network.publish_comment(&door.session, &request, &mut door.progress).await;
            match sent {
                Outcome::Failed(failure) => {
                    if let Some(failure) = door.renew(rpc, failure).await? {
                        break door.outcome_told(failure.into());
                    }
                }
                outcome => break door.outcome_told(outcome),
            }
        },
    };
    Ok(PublishCommentResponse { outcome: Some(message::outcome(outcome)) })
}
