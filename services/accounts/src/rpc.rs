//! The RPCs, one file each: parse, load, admit, act, reply.

mod complete_connect;
mod disconnect_social_account;
mod get_social_account;
mod look_up_accounts;
mod message;
mod read_social_accounts;
mod start_connect;

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    internal::v1::{
        LookUpAccountsRequest, LookUpAccountsResponse, ReadSocialAccountsRequest,
        ReadSocialAccountsResponse, account_source_service_server::AccountSourceService,
    },
    v1::{
        CompleteConnectRequest, CompleteConnectResponse, DisconnectSocialAccountRequest,
        DisconnectSocialAccountResponse, GetSocialAccountRequest, GetSocialAccountResponse,
        StartConnectRequest, StartConnectResponse,
        social_account_service_server::SocialAccountService,
    },
};
use postbreeze_runtime::Environment;
use tonic::{Request, Response, Status, async_trait};

use crate::{states::States, store::Store, vault::Vault};

/// What handlers work with.
pub(crate) struct Rpc {
    pub(crate) store: Store,
    pub(crate) environment: Environment,
    pub(crate) vault: Vault,
    pub(crate) states: States,
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
    SocialAccountService {
        start_connect: StartConnectRequest -> StartConnectResponse;
        complete_connect: CompleteConnectRequest -> CompleteConnectResponse;
        get_social_account: GetSocialAccountRequest -> GetSocialAccountResponse;
        disconnect_social_account: DisconnectSocialAccountRequest -> DisconnectSocialAccountResponse;
    }
}

serve! {
    AccountSourceService {
        read_social_accounts: ReadSocialAccountsRequest -> ReadSocialAccountsResponse;
        look_up_accounts: LookUpAccountsRequest -> LookUpAccountsResponse;
    }
}
