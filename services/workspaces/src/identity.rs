//! What this service asks `identity`: names and addresses of users. The caller's own context travels along.

use std::collections::HashMap;

use postbreeze_ids::UserId;
use postbreeze_proto::internal::v1::{
    FindProfileRequest, GetProfilesRequest, Profile, profile_service_client::ProfileServiceClient,
};
use postbreeze_runtime::peer::Peer;
use tonic::Code;

use crate::error::Error;

/// The way to `identity`.
#[derive(Clone)]
pub(crate) struct Identity(pub(crate) Peer);

impl Identity {
    /// The profiles of these users, in one call. Users whom identity does not know are left out.
    pub(crate) async fn profiles(
        &self,
        user_ids: &[UserId],
    ) -> Result<HashMap<UserId, Profile>, Error> {
        if user_ids.is_empty() {
            return Ok(HashMap::new());
        }
        let request =
            GetProfilesRequest { user_ids: user_ids.iter().map(ToString::to_string).collect() };
        let answer = ProfileServiceClient::new(self.0.clone())
            .get_profiles(request)
            .await
            .map_err(Error::Identity)?;
        let profiles = answer.into_inner().profiles.into_iter();
        profiles.map(|profile| Ok((user_id(&profile)?, profile))).collect()
    }

    /// The profile of one user; empty when identity does not know the user.
    pub(crate) async fn profile(&self, user_id: UserId) -> Result<Profile, Error> {
        Ok(self.profiles(&[user_id]).await?.remove(&user_id).unwrap_or_default())
    }

    /// Whose address this is, if anybody's. The address is in its normal form.
    pub(crate) async fn user_of(&self, email: &str) -> Result<Option<UserId>, Error> {
        let answer = ProfileServiceClient::new(self.0.clone())
            .find_profile(FindProfileRequest { email: email.to_owned() })
            .await
            .map_err(|status| match status.code() {
                // The address is the client's, and identity's rule for it may be the stricter one.
                Code::InvalidArgument => Error::EmailRefused(status),
                _ => Error::Identity(status),
            })?;
        answer.into_inner().profile.as_ref().map(user_id).transpose()
    }
}

fn user_id(profile: &Profile) -> Result<UserId, Error> {
    profile.user_id.parse().map_err(|_| Error::IdentityMalformed)
}
