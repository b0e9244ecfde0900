//! `UserService.SignUp`.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::Bucket;
use postbreeze_proto::{
    fields::Fields,
    v1::{SignUpRequest, SignUpResponse},
};
use secrecy::ExposeSecret as _;

use super::{Rpc, message, session};
use crate::{
    error::Error,
    store::users::{UserRow, insert_user},
};

const NAME_CHARS: usize = 80;

pub(super) async fn sign_up(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: SignUpRequest,
) -> Result<SignUpResponse, Error> {
    let mut fields = Fields::new();
    let email = session::parse_email(&mut fields, &request.email);
    let password = session::parse_password(&mut fields, request.password);
    let display_name = fields.text("display_name", request.display_name.trim(), 0..=NAME_CHARS);
    let (email, password, display_name) = fields.finish((email, password, display_name))?;

    // Asked first, since hashing is dear; the table decides when two sign up at once.
    if rpc.store.find_user_by_email(&email).await?.is_some() {
        return Err(Error::EmailTaken);
    }
    let password_hash = rpc.passwords.hash(password).await?;
    let now = rpc.environment.clock.now();
    let display_name = if display_name.is_empty() {
        email.split('@').next().unwrap_or_default().chars().take(NAME_CHARS).collect()
    } else {
        display_name
    };
    let row = UserRow {
        id: rpc.environment.minter.mint(Bucket::random(&mut rand::rng())),
        email,
        display_name,
        create_time: now,
    };
    let mut transaction = rpc.store.pool().begin().await?;
    insert_user(&mut transaction, &row, &password_hash).await?;
    let secret = session::begin(&mut transaction, row.id, now).await?;
    transaction.commit().await?;
    Ok(SignUpResponse {
        user: Some(message::user(row)),
        session_token: secret.secret.expose_secret().to_owned(),
    })
}
