//! An identity that knows whom the tests tell it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use http::HeaderValue;
use postbreeze_context::token::{CONTEXT, Rpcs, Verifier};
use postbreeze_ids::{KeyId, UserId, WorkspaceId};
use postbreeze_proto::{
    internal::v1::{
        FindProfileRequest, FindProfileResponse, GetKeyScopeRequest, GetKeyScopeResponse,
        GetProfilesRequest, GetProfilesResponse, Profile,
        credential_service_server::{CredentialService, CredentialServiceServer},
        profile_service_server::{ProfileService, ProfileServiceServer},
    },
    status::{Fault, Reason},
};
use postbreeze_runtime::BoxService;
use tonic::{Request, Response, Status, service::Routes};

/// A handle on it.
#[derive(Clone)]
pub(crate) struct FakeIdentity(Arc<State>);

struct State {
    verifier: Verifier,
    profiles: Mutex<HashMap<UserId, Profile>>,
    scopes: Mutex<HashMap<KeyId, Vec<WorkspaceId>>>,
    profile_calls: AtomicUsize,
    is_down: AtomicBool,
    is_broken: AtomicBool,
}

impl FakeIdentity {
    pub(crate) fn new(verifier: Verifier) -> Self {
        Self(Arc::new(State {
            verifier,
            profiles: Mutex::default(),
            scopes: Mutex::default(),
            profile_calls: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
        }))
    }

    pub(crate) fn service(&self) -> BoxService {
        let routes = Routes::new(ProfileServiceServer::new(self.clone()))
            .add_service(CredentialServiceServer::new(self.clone()));
        BoxService::new(routes.prepare())
    }

    /// What is known of a user from now on.
    pub(crate) fn put(&self, user_id: UserId, profile: Profile) {
        self.0.profiles.lock().unwrap().insert(user_id, profile);
    }

    /// The allow-list of a key from now on.
    pub(crate) fn scope(&self, key_id: KeyId, workspaces: &[WorkspaceId]) {
        self.0.scopes.lock().unwrap().insert(key_id, workspaces.to_vec());
    }

    /// How often profiles were asked for.
    pub(crate) fn profile_calls(&self) -> usize {
        self.0.profile_calls.load(Ordering::SeqCst)
    }

    /// Answers nobody from now on.
    pub(crate) fn go_down(&self) {
        self.0.is_down.store(true, Ordering::SeqCst);
    }

    /// Refuses everybody's calls as no sound service does, from now on.
    pub(crate) fn break_down(&self) {
        self.0.is_broken.store(true, Ordering::SeqCst);
    }

    /// The caller must be told by a token that is good for identity.
    fn caller<T>(&self, request: &Request<T>) -> Result<postbreeze_context::Caller, Status> {
        if self.0.is_down.load(Ordering::SeqCst) {
            return Err(Fault::new(Reason::SourceUnreachable, "identity is down").into());
        }
        if self.0.is_broken.load(Ordering::SeqCst) {
            return Err(Fault::new(Reason::CredentialInvalid, "who are you").into());
        }
        let token = request.metadata().get(CONTEXT.as_str());
        let token = token.ok_or_else(|| Fault::new(Reason::CredentialMissing, "no token"))?;
        let token = HeaderValue::from_bytes(token.as_encoded_bytes()).unwrap();
        Ok((*self.0.verifier.verify(&token, Rpcs::Internal)?).clone())
    }
}

#[tonic::async_trait]
impl ProfileService for FakeIdentity {
    async fn get_profiles(
        &self,
        request: Request<GetProfilesRequest>,
    ) -> Result<Response<GetProfilesResponse>, Status> {
        self.caller(&request)?;
        self.0.profile_calls.fetch_add(1, Ordering::SeqCst);
        let profiles = self.0.profiles.lock().unwrap();
        let ids = request.into_inner().user_ids;
        let found = ids.iter().filter_map(|id| profiles.get(&id.parse().unwrap()).cloned());
        Ok(Response::new(GetProfilesResponse { profiles: found.collect() }))
    }

    async fn find_profile(
        &self,
        request: Request<FindProfileRequest>,
    ) -> Result<Response<FindProfileResponse>, Status> {
        self.caller(&request)?;
        let email = request.into_inner().email;
        let profiles = self.0.profiles.lock().unwrap();
        let profile = profiles.values().find(|profile| profile.email == email).cloned();
        Ok(Response::new(FindProfileResponse { profile }))
    }
}

#[tonic::async_trait]
impl CredentialService for FakeIdentity {
    async fn get_key_scope(
        &self,
        request: Request<GetKeyScopeRequest>,
    ) -> Result<Response<GetKeyScopeResponse>, Status> {
        let key_id = self.caller(&request)?.key_id();
        let scopes = self.0.scopes.lock().unwrap();
        let scope = key_id
            .and_then(|id| scopes.get(&id))
            .ok_or_else(|| Fault::new(Reason::CredentialRevoked, "the key is gone"))?;
        let workspace_ids = scope.iter().map(ToString::to_string).collect();
        Ok(Response::new(GetKeyScopeResponse { workspace_ids, full_access: false }))
    }
}
