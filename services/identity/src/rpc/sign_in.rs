//! `UserService.SignIn`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    v1::{SignInRequest, SignInResponse},
};
use secrecy::ExposeSecret as _;

use super::{Rpc, message, session};
use crate::error::Error;

pub(super) async fn sign_in(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: SignInRequest,
) -> Result<SignInResponse, Error> {
    let mut fields = Fields::new();
    let email = session::parse_email(&mut fields, &request.email);
    let password = session::parse_password(&mut fields, request.password);
    let (email, password) = fields.finish((email, password))?;

    let login = rpc.store.find_login(&email).await?;
    let (user, hash) = login.map(|login| (login.user, login.password_hash)).unzip();
    // An unknown email takes as long as a wrong password, and answers the same.
    let fits = rpc.passwords.verify(password, hash).await?;
    let user = user.filter(|_| fits);
    let user = user.ok_or(Error::CredentialInvalid("email and password do not fit"))?;
    let mut connection = rpc.store.pool().acquire().await?;
    let secret = session::begin(&mut connection, user.id, rpc.environment.clock.now()).await?;
    Ok(SignInResponse {
        user: Some(message::user(user)),
        session_token: secret.secret.expose_secret().to_owned(),
    })
}
