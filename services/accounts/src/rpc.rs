//! The RPCs, one file each: parse, load, admit, act, reply.

mod add_sandbox_comment;
mod complete_connect;
mod disconnect_social_account;
mod fetch_comments;
mod find_comment;
mod find_published;
mod get_social_account;
mod list_sandbox_calls;
mod look_up_accounts;
mod message;
mod publish;
mod publish_comment;
mod read_account_log;
mod read_social_accounts;
mod sandbox;
mod sending;
mod set_sandbox_behavior;
mod start_connect;

use std::sync::Arc;

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    internal::v1::{
        FetchCommentsRequest, FetchCommentsResponse, FindCommentRequest, FindCommentResponse,
        FindPublishedRequest, FindPublishedResponse, LookUpAccountsRequest, LookUpAccountsResponse,
        PublishCommentRequest, PublishCommentResponse, PublishRequest, PublishResponse,
        ReadAccountLogRequest, ReadAccountLogResponse, ReadSocialAccountsRequest,
        ReadSocialAccountsResponse, account_log_service_server::AccountLogService,
        account_source_service_server::AccountSourceService,
        network_service_server::NetworkService,
    },
    page::TokenKey,
    v1::{
        AddSandboxCommentRequest, AddSandboxCommentResponse, CompleteConnectRequest,
        CompleteConnectResponse, DisconnectSocialAccountRequest, DisconnectSocialAccountResponse,
        GetSocialAccountRequest, GetSocialAccountResponse, ListSandboxCallsRequest,
        ListSandboxCallsResponse, SetSandboxBehaviorRequest, SetSandboxBehaviorResponse,
        StartConnectRequest, StartConnectResponse, sandbox_service_server::SandboxService,
        social_account_service_server::SocialAccountService,
    },
};
use postbreeze_runtime::Environment;
use tonic::{Request, Response, Status, async_trait};

use crate::{networks::Networks, refresh::Refresher, states::States, store::Store, vault::Vault};

/// What handlers work with.
pub(crate) struct Rpc {
    pub(crate) store: Store,
    pub(crate) environment: Environment,
    pub(crate) vault: Arc<Vault>,
    pub(crate) states: States,
    pub(crate) page_tokens: TokenKey,
    pub(crate) networks: Networks,
    pub(crate) refresher: Arc<Refresher>,
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

serve! {
    NetworkService {
        publish: PublishRequest -> PublishResponse;
        find_published: FindPublishedRequest -> FindPublishedResponse;
        publish_comment: PublishCommentRequest -> PublishCommentResponse;
        find_comment: FindCommentRequest -> FindCommentResponse;
        fetch_comments: FetchCommentsRequest -> FetchCommentsResponse;
    }
}

serve! {
    AccountLogService {
        read_account_log: ReadAccountLogRequest -> ReadAccountLogResponse;
    }
}

serve! {
    SandboxService {
        set_sandbox_behavior: SetSandboxBehaviorRequest -> SetSandboxBehaviorResponse;
        list_sandbox_calls: ListSandboxCallsRequest -> ListSandboxCallsResponse;
        add_sandbox_comment: AddSandboxCommentRequest -> AddSandboxCommentResponse;
    }
}
