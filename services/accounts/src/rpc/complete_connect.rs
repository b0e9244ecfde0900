//! `SocialAccountService.CompleteConnect`.

use chrono::{DateTime, Utc};
use postbreeze_context::{Action, Admitted, Claim, Denied, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Claimed, Key};
use postbreeze_proto::{
    fields::Fields,
    status::Fault,
    v1::{
        CompleteConnectRequest, CompleteConnectResponse, ConnectCredentials,
        complete_connect_request::Grant as Granted,
    },
};
use sqlx::PgTransaction;

use super::{Rpc, message};
use crate::{
    account::{AccountStatus, Connecting, connecting},
    error::Error,
    networks::{Begun, Given, Grant},
    refresh::new_tokens,
    states,
    store::{
        account_log::{AccountEvent, append_event},
        accounts::{AccountRow, insert_account, lock_connected, revive_account},
        connect_states::{ConnectState, spend_state},
        heads::raise_head,
        tokens::keep_tokens,
    },
};

const CODE_CHARS: usize = 4_096;
const IDENTIFIER_CHARS: usize = 254;
const SECRET_CHARS: usize = 4_096;
const EXTERNAL_ID_CHARS: usize = 128;
const URL_CHARS: usize = 2_048;

pub(super) async fn complete_connect(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: CompleteConnectRequest,
) -> Result<CompleteConnectResponse, Error> {
    let mut fields = Fields::new();
    let state = fields.text("state", &request.state, states::CHARS..=states::CHARS);
    let given = match &request.grant {
        Some(Granted::Code(code)) => {
            fields.text("code", code, 1..=CODE_CHARS);
            Some(Given::Code(code))
        }
        Some(Granted::Credentials(credentials)) => {
            check_credentials(rpc, &mut fields, credentials);
            Some(Given::Credentials(credentials))
        }
        None => {
            fields.violate("code", "is required");
            None
        }
    };
    fields.text("external_id", &request.external_id, 0..=EXTERNAL_ID_CHARS);
    let request_id = fields.request_id(&request.request_id);
    let (state, given, request_id) = fields.finish((state, given, request_id))?;

    let user_id = context.user_id()?;
    let key = Key::of(user_id, "SocialAccountService.CompleteConnect", &request_id, &request);
    let now = rpc.environment.clock.now();
    // A state is spent by the first answer: its replay has no state to find the workspace by, but the account in it.
    let reused = match replay(rpc, context, key.as_ref(), now).await {
        Ok(None) => None,
        Ok(Some(first_answer)) => return Ok(first_answer),
        Err(reused @ Error::Idempotency(idempotency::Error::Reused { .. })) => Some(reused),
        Err(error) => return Err(error),
    };
    let hash = states::hash(&state);
    let begun = rpc.store.find_state(&hash).await?.filter(|begun| begun.user_id == user_id);
    let Some(begun) = begun else {
        // Or a twin has spent it since, whose answer is there by now.
        return replay(rpc, context, key.as_ref(), now).await?.ok_or_else(bad_state);
    };
    let workspace = context.admit(Claim::on(begun.workspace_id), Action::ManageAccounts)?;
    // Authority is told before what the request_id was used for.
    if let Some(reused) = reused {
        return Err(reused);
    }
    if begun.expire_time <= now {
        return Err(bad_state());
    }
    let _held = match idempotency::claim(&rpc.environment, rpc.store.pool(), key.as_ref()).await? {
        Claimed::Held(held) => held,
        // It is of the same body, so that its account is of the workspace of this state.
        Claimed::Answered(first_answer) => return Ok(first_answer),
    };
    let (grant, max_characters) =
        granted(rpc, &begun, &state, given, &request.external_id, now).await?;
    let answer = idempotency::once(rpc.store.pool(), key.as_ref(), now, async |mut transaction| {
        if !spend_state(&mut transaction, &hash).await? {
            return Err(bad_state());
        }
        let new = (begun.platform, grant, max_characters);
        let row = connect(rpc, &mut transaction, &workspace, new, now).await?;
        Ok((transaction, CompleteConnectResponse { account: Some(message::account(row)?) }))
    })
    .await?;
    rpc.store.appended().notify_waiters();
    Ok(answer)
}

fn check_credentials(rpc: &Rpc, fields: &mut Fields, credentials: &ConnectCredentials) {
    let ConnectCredentials { identifier, secret, server_url } = credentials;
    fields.text("credentials.identifier", identifier, 1..=IDENTIFIER_CHARS);
    fields.text("credentials.secret", secret, 1..=SECRET_CHARS);
    let server_url = fields.text("credentials.server_url", server_url, 0..=URL_CHARS);
    if let Some(given) = server_url.filter(|given| !given.is_empty()) {
        rpc.networks.server("credentials.server_url", &given, fields);
    }
}

/// What the network grants for what the person brought back, and how many characters a post may have there.
async fn granted(
    rpc: &Rpc,
    begun: &ConnectState,
    state: &str,
    given: Given<'_>,
    external_id: &str,
    now: DateTime<Utc>,
) -> Result<(Grant, Option<i32>), Error> {
    let network = rpc
        .networks
        .of(begun.platform.into())
        .ok_or_else(|| invalid("state", "is for a network that is not configured here any more"))?;
    let key_id = begun.key_id.clone().unwrap_or_else(|| rpc.states.key_id().to_vec());
    let verifier = rpc.states.verifier(&key_id, state);
    let begun = Begun { state, server_url: &begun.server_url, external_id, verifier, now };
    let grant = network.connect(&begun, given).await?;
    Ok((grant, network.max_characters(&begun).await))
}

/// The first answer, if the caller may still have it.
async fn replay(
    rpc: &Rpc,
    context: &WorkspaceContext,
    key: Option<&Key>,
    now: DateTime<Utc>,
) -> Result<Option<CompleteConnectResponse>, Error> {
    let first: Option<CompleteConnectResponse> =
        idempotency::look_up(rpc.store.statements(), key, now).await?;
    if let Some(account) = first.as_ref().and_then(|answer| answer.account.as_ref()) {
        let workspace_id =
            account.workspace_id.parse().map_err(|_| Error::Unreadable("workspace_id"))?;
        context.admit(Claim::on(workspace_id), Action::ManageAccounts)?;
    }
    Ok(first)
}

/// Makes the account, or revives the one that is there.
async fn connect(
    rpc: &Rpc,
    transaction: &mut PgTransaction<'static>,
    workspace: &Admitted<()>,
    (platform, grant, max_characters): (i16, Grant, Option<i32>),
    now: DateTime<Utc>,
) -> Result<AccountRow, Error> {
    let workspace_id = workspace.workspace_id();
    let new_id = rpc.environment.minter.mint(workspace_id.bucket());
    if !raise_head(transaction, workspace, new_id).await? {
        // Deleted since the caller was admitted.
        return Err(Denied::OutOfReach.into());
    }
    let present = lock_connected(transaction, workspace, platform).await?;
    let id = match &present {
        None => new_id,
        Some(row) => {
            let status =
                AccountStatus::parse(&row.status).ok_or(Error::Unreadable("account status"))?;
            match connecting(status, row.external_id == grant.external_id) {
                Connecting::Revives => row.id,
                Connecting::Taken => return Err(Error::AlreadyConnected),
            }
        }
    };
    let row = AccountRow {
        id,
        workspace_id,
        platform,
        external_id: grant.external_id,
        handle: grant.handle,
        display_name: grant.display_name,
        avatar_url: grant.avatar_url,
        status: AccountStatus::Active.as_str().to_owned(),
        scopes: grant.scopes,
        connect_time: now,
        token_expire_time: grant.tokens.lasts_until(),
        server_url: grant.server_url,
        max_characters,
    };
    match present {
        None => insert_account(transaction, workspace, &row).await?,
        Some(_) => revive_account(transaction, &row).await?,
    }
    let tokens = new_tokens(&rpc.vault, id, &grant.tokens, now)?;
    keep_tokens(transaction, id, &tokens, now).await?;
    append_event(transaction, &row, AccountEvent::Connected, now).await?;
    Ok(row)
}

/// Unknown, another user's, used or expired: which of these is nobody's business.
fn bad_state() -> Error {
    invalid("state", "is not a state that can be used")
}

fn invalid(field: &str, problem: &str) -> Error {
    let mut fields = Fields::new();
    fields.violate(field, problem);
    Fault::invalid(fields.into_violations()).into()
}
