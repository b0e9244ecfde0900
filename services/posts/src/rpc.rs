//! The RPCs, one file each: parse, load, admit, act, reply.

mod accounts;
mod approve_post;
mod cancel_post;
mod change;
mod composition;
mod create_post;
mod create_webhook;
mod delete_post;
mod delete_webhook;
mod entitlements;
mod get_comment;
mod get_post;
mod get_post_usage;
mod get_webhook;
mod limits;
mod list_deliveries;
mod list_publish_attempts;
mod list_webhooks;
mod mark_comment_read;
mod media;
mod message;
mod options;
mod read_comments;
mod read_posts;
mod redeliver_delivery;
mod refresh_comments;
mod reject_post;
mod reply_to_comment;
mod reschedule_post;
mod retry_first_comment;
mod retry_post;
mod rotate_webhook_secret;
mod schedule_post;
mod taken;
mod timing;
mod update_post;
mod update_webhook;
mod validate_post;
mod webhook_fields;

use std::sync::Arc;

use postbreeze_context::{WorkspaceContext, token::Issuer};
use postbreeze_egress::Egress;
use postbreeze_proto::{
    internal::v1::{
        GetPostUsageRequest, GetPostUsageResponse, ReadCommentsRequest, ReadCommentsResponse,
        ReadPostsRequest, ReadPostsResponse, post_source_service_server::PostSourceService,
    },
    page::TokenKey,
    v1::{
        ApprovePostRequest, ApprovePostResponse, CancelPostRequest, CancelPostResponse,
        CreatePostRequest, CreatePostResponse, CreateWebhookRequest, CreateWebhookResponse,
        DeletePostRequest, DeletePostResponse, DeleteWebhookRequest, DeleteWebhookResponse,
        GetCommentRequest, GetCommentResponse, GetPostRequest, GetPostResponse, GetWebhookRequest,
        GetWebhookResponse, ListDeliveriesRequest, ListDeliveriesResponse,
        ListPublishAttemptsRequest, ListPublishAttemptsResponse, ListWebhooksRequest,
        ListWebhooksResponse, MarkCommentReadRequest, MarkCommentReadResponse,
        RedeliverDeliveryRequest, RedeliverDeliveryResponse, RefreshCommentsRequest,
        RefreshCommentsResponse, RejectPostRequest, RejectPostResponse, ReplyToCommentRequest,
        ReplyToCommentResponse, ReschedulePostRequest, ReschedulePostResponse,
        RetryFirstCommentRequest, RetryFirstCommentResponse, RetryPostRequest, RetryPostResponse,
        RotateWebhookSecretRequest, RotateWebhookSecretResponse, SchedulePostRequest,
        SchedulePostResponse, UpdatePostRequest, UpdatePostResponse, UpdateWebhookRequest,
        UpdateWebhookResponse, ValidatePostRequest, ValidatePostResponse,
        comment_service_server::CommentService, post_service_server::PostService,
        webhook_service_server::WebhookService,
    },
};
use postbreeze_runtime::{Environment, peer::Peer};
use tonic::{Request, Response, Status, async_trait};

use crate::{
    bell::Bells, inbox::Inbox, notices::Notices, publisher::Wake, replies::Replies, store::Store,
    vault::Vault,
};

/// What handlers work with.
pub(crate) struct Rpc {
    pub(crate) store: Store,
    pub(crate) environment: Environment,
    pub(crate) page_tokens: TokenKey,
    pub(crate) wake: Wake,
    pub(crate) workspaces: Peer,
    pub(crate) accounts: Peer,
    pub(crate) media: Peer,
    /// Signs what is asked in the name of this service.
    pub(crate) issuer: Issuer,
    pub(crate) notices: Notices,
    pub(crate) vault: Arc<Vault>,
    pub(crate) egress: Egress,
    pub(crate) bells: Bells,
    pub(crate) inbox: Inbox,
    pub(crate) replies: Replies,
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
    PostService {
        create_post: CreatePostRequest -> CreatePostResponse;
        validate_post: ValidatePostRequest -> ValidatePostResponse;
        get_post: GetPostRequest -> GetPostResponse;
        update_post: UpdatePostRequest -> UpdatePostResponse;
        schedule_post: SchedulePostRequest -> SchedulePostResponse;
        reschedule_post: ReschedulePostRequest -> ReschedulePostResponse;
        cancel_post: CancelPostRequest -> CancelPostResponse;
        retry_post: RetryPostRequest -> RetryPostResponse;
        retry_first_comment: RetryFirstCommentRequest -> RetryFirstCommentResponse;
        approve_post: ApprovePostRequest -> ApprovePostResponse;
        reject_post: RejectPostRequest -> RejectPostResponse;
        delete_post: DeletePostRequest -> DeletePostResponse;
        list_publish_attempts: ListPublishAttemptsRequest -> ListPublishAttemptsResponse;
    }
}

serve! {
    CommentService {
        get_comment: GetCommentRequest -> GetCommentResponse;
        mark_comment_read: MarkCommentReadRequest -> MarkCommentReadResponse;
        reply_to_comment: ReplyToCommentRequest -> ReplyToCommentResponse;
        refresh_comments: RefreshCommentsRequest -> RefreshCommentsResponse;
    }
}

serve! {
    WebhookService {
        create_webhook: CreateWebhookRequest -> CreateWebhookResponse;
        get_webhook: GetWebhookRequest -> GetWebhookResponse;
        list_webhooks: ListWebhooksRequest -> ListWebhooksResponse;
        update_webhook: UpdateWebhookRequest -> UpdateWebhookResponse;
        delete_webhook: DeleteWebhookRequest -> DeleteWebhookResponse;
        rotate_webhook_secret: RotateWebhookSecretRequest -> RotateWebhookSecretResponse;
        list_deliveries: ListDeliveriesRequest -> ListDeliveriesResponse;
        redeliver_delivery: RedeliverDeliveryRequest -> RedeliverDeliveryResponse;
    }
}

serve! {
    PostSourceService {
        read_posts: ReadPostsRequest -> ReadPostsResponse;
        read_comments: ReadCommentsRequest -> ReadCommentsResponse;
        get_post_usage: GetPostUsageRequest -> GetPostUsageResponse;
    }
}
