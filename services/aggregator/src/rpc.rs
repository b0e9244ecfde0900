//! The RPCs that need several owners, one file each. All others are forwarded before they come here.

mod get_usage;
mod list_comments;
mod list_posts;
mod list_social_accounts;

use postbreeze_context::{Caller, Denied, resolve::ReachResolver};
use postbreeze_ids::UserId;
use postbreeze_proto::{
    page::TokenKey,
    status::internal,
    v1::{
        GetUsageRequest, GetUsageResponse, ListCommentsRequest, ListCommentsResponse,
        ListPostsRequest, ListPostsResponse, ListSocialAccountsRequest, ListSocialAccountsResponse,
        billing_service_server::BillingService, comment_service_server::CommentService,
        post_service_server::PostService, social_account_service_server::SocialAccountService,
    },
};
use postbreeze_runtime::{Environment, peer::Peer};
use tonic::{Request, Response, Status, async_trait};

use crate::{error::Error, owners::Sources};

/// What handlers work with.
pub(crate) struct Rpc {
    pub(crate) page_tokens: TokenKey,
    pub(crate) environment: Environment,
    pub(crate) posts: Sources,
    pub(crate) accounts: Sources,
    pub(crate) workspaces: Peer,
    pub(crate) media: Peer,
    pub(crate) resolver: ReachResolver,
}

macro_rules! serve {
    ($service:ident, $rpc:ident: $request:ident -> $response:ident) => {
        #[async_trait]
        impl $service for Rpc {
            async fn $rpc(
                &self,
                request: Request<$request>,
            ) -> Result<Response<$response>, Status> {
                let caller = request.extensions().get::<Caller>().cloned().ok_or_else(internal)?;
                Ok(Response::new($rpc::$rpc(self, &caller, request.into_inner()).await?))
            }
        }
    };
}

serve!(PostService, list_posts: ListPostsRequest -> ListPostsResponse);
serve!(SocialAccountService, list_social_accounts: ListSocialAccountsRequest -> ListSocialAccountsResponse);
serve!(CommentService, list_comments: ListCommentsRequest -> ListCommentsResponse);
serve!(BillingService, get_usage: GetUsageRequest -> GetUsageResponse);

/// The user who calls.
fn user_of(caller: &Caller) -> Result<UserId, Error> {
    caller.user_id().ok_or(Error::Denied(Denied::SessionRequired))
}
