//! `NetworkService.Publish`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{PublishRequest, PublishResponse},
};

use postbreeze_runtime::postgres::bounded;

use super::{
    Rpc, message,
    sending::{self, Purpose, check_post, no_account},
};
use crate::{
    error::Error,
    networks::{Outcome, sandbox_sent},
    refresh::NoSession,
    store::{sandbox::NewCall, sessions::Loaded},
};

pub(super) async fn publish(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: PublishRequest,
) -> Result<PublishResponse, Error> {
    let mut fields = Fields::new();
    let account_id = check_post(&mut fields, "", &request);
    let (account_id,) = fields.finish((account_id,))?;

    let now = rpc.environment.clock.now();
    let call = sending::sandbox_call(rpc, account_id);
    let post = NewCall::of_post(&request);
    // The deadline of this call is minutes: it must not wait that long for a connection that never answers.
    let loading = rpc.store.load_to_publish(account_id, call, &post, now);
    let outcome = match bounded(loading).await? {
        None => no_account().into(),
        Some((_, true)) => Outcome::Sent(sandbox_sent(call)),
        Some((loaded, false)) => send(rpc, loaded, &request).await?,
    };
    Ok(PublishResponse { outcome: Some(message::outcome(outcome)) })
}

async fn send(rpc: &Rpc, loaded: Loaded, post: &PublishRequest) -> Result<Outcome, Error> {
    let mut door = match sending::open(rpc, loaded, Purpose::Send(&post.key)).await {
        Ok(door) => door,
        Err(NoSession::Failed(failure)) => return Ok(failure.into()),
        Err(NoSession::Database(error)) => return Err(error.into()),
    };
    loop {
        match door.network.publish(&door.session, post, &mut door.progress).await {
            Outcome::Failed(failure) => {
                if let Some(failure) = door.renew(rpc, failure).await? {
                    return Ok(door.outcome_told(failure.into()));
                }
            }
            outcome => return Ok(door.outcome_told(outcome)),
        }
    }
}
