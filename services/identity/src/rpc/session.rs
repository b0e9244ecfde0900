//! Begins a session: what signing up and signing in have in common.

use aws_lc_rs::rand::SystemRandom;
use chrono::{DateTime, Utc};
use postbreeze_context::credential::{CredentialKind, NewSecret, mint};
use postbreeze_ids::UserId;
use postbreeze_proto::fields::Fields;
use secrecy::SecretString;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    email,
    error::Error,
    store::sessions::{SessionRow, insert_session},
    touches::SESSION_LASTS,
};

const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;

/// Begins a session of a user.
pub(super) async fn begin(
    connection: &mut PgConnection,
    user_id: UserId,
    now: DateTime<Utc>,
) -> Result<NewSecret, Error> {
    let secret = mint(CredentialKind::Session, &SystemRandom::new()).map_err(|_| Error::Crypto)?;
    let session = SessionRow { create_time: now, expire_time: now + SESSION_LASTS };
    // Sessions have no public id: any unique number will do.
    let id = Uuid::from_u128(rand::random());
    insert_session(connection, id, user_id, &secret.hash, &session).await?;
    Ok(secret)
}

/// Checks an email address.
pub(super) fn parse_email(fields: &mut Fields, given: &str) -> Option<String> {
    let email = email::normalize(given);
    if email.is_none() {
        fields.violate("email", "must be an email address of 3 to 254 characters");
    }
    email
}

/// Checks a password. It is never repeated in an error.
pub(super) fn parse_password(fields: &mut Fields, given: String) -> Option<SecretString> {
    fields.text("password", &given, PASSWORD_CHARS)?;
    Some(SecretString::from(given))
}
