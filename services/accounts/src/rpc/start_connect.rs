//! `SocialAccountService.StartConnect`.

use chrono::TimeDelta;
use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_proto::{
    fields::Fields,
    time::{from_proto, to_proto},
    v1::{Platform, StartConnectRequest, StartConnectResponse},
};

use super::Rpc;
use crate::{
    error::Error,
    networks::Network,
    states,
    store::connect_states::{ConnectState, insert_state},
};

/// How long a person has to grant access.
const LASTS: TimeDelta = TimeDelta::minutes(10);

pub(super) async fn start_connect(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: StartConnectRequest,
) -> Result<StartConnectResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let platform = fields.choice::<Platform>("platform", request.platform);
    let network = platform.and_then(|platform| {
        let network = Network::of(platform);
        if network.is_none() {
            fields.violate("platform", "cannot be connected yet; SANDBOX can");
        }
        network
    });
    let request_id = fields.request_id(&request.request_id);
    let (workspace_id, platform, network, request_id) =
        fields.finish((workspace_id, platform, network, request_id))?;

    let workspace = context.admit(Claim::on(workspace_id), Action::ManageAccounts)?;
    let user_id = context.user_id()?;
    let key = Key::of(user_id, "SocialAccountService.StartConnect", &request_id, &request);
    let now = rpc.environment.clock.now();
    let random = states::random()?;
    let state_until = |expires| match &key {
        Some(_) => rpc.states.of_request(user_id, &request_id, expires),
        None => random.clone(),
    };
    // What is kept of an answer has no state in it: a repeated request is told the same one, made anew.
    let answer = |kept: StartConnectResponse| {
        let expires = kept.expire_time.as_ref().and_then(from_proto);
        let state = state_until(expires.ok_or(Error::Unreadable("end of a state"))?);
        Ok(StartConnectResponse { authorize_url: network.authorize_url(&state), state, ..kept })
    };
    if let Some(first_answer) = idempotency::find(rpc.store.pool(), key.as_ref(), now).await? {
        return answer(first_answer);
    }
    let begun = ConnectState {
        user_id,
        workspace_id,
        platform: i16::try_from(i32::from(platform)).map_err(|_| Error::Unreadable("platform"))?,
        expire_time: now + LASTS,
    };
    let hash = states::hash(&state_until(begun.expire_time));
    let kept = idempotency::once(rpc.store.pool(), key.as_ref(), now, async |mut transaction| {
        insert_state(&mut transaction, &workspace, &hash, &begun).await?;
        let expire_time = Some(to_proto(begun.expire_time));
        Ok::<_, Error>((transaction, StartConnectResponse { expire_time, ..Default::default() }))
    });
    answer(kept.await?)
}
