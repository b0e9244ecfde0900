//! The RPCs, one file each: parse, load, act, reply.

mod access;
mod authenticate;
mod create_api_key;
mod find_profile;
mod get_api_key;
mod get_key_scope;
mod get_me;
mod get_profiles;
mod list_api_keys;
mod message;
mod revoke_api_key;
mod rotate_api_key;
mod session;
mod sign_in;
mod sign_out;
mod sign_up;
mod update_api_key;
mod who_am_i;

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    internal::v1::{
        AuthenticateRequest, AuthenticateResponse, FindProfileRequest, FindProfileResponse,
        GetKeyScopeRequest, GetKeyScopeResponse, GetProfilesRequest, GetProfilesResponse,
        credential_service_server::CredentialService, profile_service_server::ProfileService,
    },
    page::TokenKey,
    v1::{
        CreateApiKeyRequest, CreateApiKeyResponse, GetApiKeyRequest, GetApiKeyResponse,
        GetMeRequest, GetMeResponse, ListApiKeysRequest, ListApiKeysResponse, RevokeApiKeyRequest,
        RevokeApiKeyResponse, RotateApiKeyRequest, RotateApiKeyResponse, SignInRequest,
        SignInResponse, SignOutRequest, SignOutResponse, SignUpRequest, SignUpResponse,
        UpdateApiKeyRequest, UpdateApiKeyResponse, WhoAmIRequest, WhoAmIResponse,
        api_key_service_server::ApiKeyService, user_service_server::UserService,
    },
};
use postbreeze_runtime::{Environment, peer::Peer};
use tonic::{Request, Response, Status, async_trait};

use crate::{passwords::Passwords, store::Store, touches::Touches};

/// What handlers work with.
pub(crate) struct Rpc {
    pub(crate) store: Store,
    pub(crate) environment: Environment,
    pub(crate) passwords: Passwords,
    pub(crate) page_tokens: TokenKey,
    pub(crate) touches: Touches,
    pub(crate) workspaces: Peer,
}

/// A service whose RPCs are the functions of the modules of their names.
macro_rules! serve {
    ($service:ident { $($rpc:ident: $request:ident -> $response:ident;)+ }) => {
        #[async_trait]
        impl $service for Rpc {$(
            async fn $rpc(&self, request: Request<$request>) -> Result<Response<$response>, Status> {
                let context = WorkspaceContext::of(&request)?;
                Ok(Response::new($rpc::$rpc(self, &context, request.into_inner()).await?))
            }
        )+}
    };
}

serve! {
    UserService {
        sign_up: SignUpRequest -> SignUpResponse;
        sign_in: SignInRequest -> SignInResponse;
        sign_out: SignOutRequest -> SignOutResponse;
        get_me: GetMeRequest -> GetMeResponse;
    }
}

serve! {
    ApiKeyService {
        create_api_key: CreateApiKeyRequest -> CreateApiKeyResponse;
        get_api_key: GetApiKeyRequest -> GetApiKeyResponse;
        list_api_keys: ListApiKeysRequest -> ListApiKeysResponse;
        update_api_key: UpdateApiKeyRequest -> UpdateApiKeyResponse;
        rotate_api_key: RotateApiKeyRequest -> RotateApiKeyResponse;
        revoke_api_key: RevokeApiKeyRequest -> RevokeApiKeyResponse;
        who_am_i: WhoAmIRequest -> WhoAmIResponse;
    }
}

serve! {
    CredentialService {
        authenticate: AuthenticateRequest -> AuthenticateResponse;
        get_key_scope: GetKeyScopeRequest -> GetKeyScopeResponse;
    }
}

serve! {
    ProfileService {
        get_profiles: GetProfilesRequest -> GetProfilesResponse;
        find_profile: FindProfileRequest -> FindProfileResponse;
    }
}
