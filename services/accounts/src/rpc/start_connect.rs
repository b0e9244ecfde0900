//! `SocialAccountService.StartConnect`.

use chrono::TimeDelta;
use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Claimed, Key};
use postbreeze_proto::{
    fields::Fields,
    time::{from_proto, to_proto},
    v1::{Platform, StartConnectRequest, StartConnectResponse},
};

use super::Rpc;
use crate::{
    error::Error,
    networks::{Begun, name_of},
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
        let network = rpc.networks.of(platform.into());
        if network.is_none() {
            let name = name_of(platform.into());
            fields.violate("platform", format!("{name} is not configured here"));
        }
        network
    });
    let server_url = network.and_then(|network| {
        let given = &request.server_url;
        match (network.capabilities().needs_server, given.is_empty()) {
            (false, true) => Some(String::new()),
            (false, false) => {
                fields.violate("server_url", "this network does not ask for a server here");
                None
            }
            (true, _) => rpc.networks.server("server_url", given, &mut fields),
        }
    });
    let request_id = fields.request_id(&request.request_id);
    let (workspace_id, platform, network, server_url, request_id) =
        fields.finish((workspace_id, platform, network, server_url, request_id))?;

    let workspace = context.admit(Claim::on(workspace_id), Action::ManageAccounts)?;
    let user_id = context.user_id()?;
    let key = Key::of(user_id, "SocialAccountService.StartConnect", &request_id, &request);
    let now = rpc.environment.clock.now();
    let random = states::random()?;
    let state_of = |key_id: &[u8], expires| match &key {
        Some(_) => rpc.states.of_request(key_id, user_id, &request_id, expires),
        None => random.clone(),
    };
    // What is kept of an answer has no state in it, but the id of the key that it was made with: a repeated request is told
    // the same one, made anew.
    let answer = async |kept: StartConnectResponse| {
        let expires = kept.expire_time.as_ref().and_then(from_proto);
        let key_id = rpc.states.parse_key_id(&kept.state);
        let state = state_of(&key_id, expires.ok_or(Error::Unreadable("end of a state"))?);
        let verifier = rpc.states.verifier(&key_id, &state);
        let begun =
            Begun { state: &state, server_url: &server_url, external_id: "", verifier, now };
        let authorize_url = network.start_connect(&begun).await?;
        Ok::<_, Error>(StartConnectResponse { authorize_url, state, ..kept })
    };
    if let Some(first_answer) =
        idempotency::look_up(rpc.store.statements(), key.as_ref(), now).await?
    {
        return answer(first_answer).await;
    }
    let _held = match idempotency::claim(&rpc.environment, rpc.store.pool(), key.as_ref()).await? {
        Claimed::Held(held) => held,
        Claimed::Answered(first_answer) => return answer(first_answer).await,
    };
    let key_id = rpc.states.key_id();
    let begun = ConnectState {
        user_id,
        workspace_id,
        platform: i16::try_from(i32::from(platform)).map_err(|_| Error::Unreadable("platform"))?,
        expire_time: now + LASTS,
        server_url: server_url.clone(),
        key_id: Some(key_id.to_vec()),
    };
    // Before anything is written: a server that cannot be reached has begun nothing.
    let kept = StartConnectResponse {
        expire_time: Some(to_proto(begun.expire_time)),
        state: states::key_id_text(&key_id),
        ..Default::default()
    };
    let first = answer(kept.clone()).await?;
    let hash = states::hash(&first.state);
    let told = idempotency::once(rpc.store.pool(), key.as_ref(), now, async |mut transaction| {
        insert_state(&mut transaction, &workspace, &hash, &begun).await?;
        Ok::<_, Error>((transaction, kept.clone()))
    });
    match told.await? {
        own if own == kept => Ok(first),
        twins => answer(twins).await,
    }
}
