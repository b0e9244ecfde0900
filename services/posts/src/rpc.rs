//! The RPCs, one file each: parse, load, admit, act, reply.

mod accounts;
mod approve_post;
mod cancel_post;
mod change;
mod composition;
mod create_post;
mod delete_post;
mod entitlements;
mod get_comment;
mod get_post;
mod get_post_usage;
mod limits;
mod list_publish_attempts;
mod mark_comment_read;
mod media;
mod message;
mod options;
mod read_comments;
mod read_posts;
mod reject_post;
mod reschedule_post;
mod retry_first_comment;
mod retry_post;
mod schedule_post;
mod taken;
mod timing;
mod update_post;
mod validate_post;

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    internal::v1::{
        GetPostUsageRequest, GetPostUsageResponse, ReadCommentsRequest, ReadCommentsResponse,
        ReadPostsRequest, ReadPostsResponse, post_source_service_server::PostSourceService,
    },
    page::TokenKey,
    v1::{
        ApprovePostRequest, ApprovePostResponse, CancelPostRequest, CancelPostResponse,
        CreatePostRequest, CreatePostResponse, DeletePostRequest, DeletePostResponse,
        GetCommentRequest, GetCommentResponse, GetPostRequest, GetPostResponse,
        ListPublishAttemptsRequest, ListPublishAttemptsResponse, MarkCommentReadRequest,
        MarkCommentReadResponse, RejectPostRequest, RejectPostResponse, ReschedulePostRequest,
        ReschedulePostResponse, RetryFirstCommentRequest, RetryFirstCommentResponse,
        RetryPostRequest, RetryPostResponse, SchedulePostRequest, SchedulePostResponse,
        UpdatePostRequest, UpdatePostResponse, ValidatePostRequest, ValidatePostResponse,
        comment_service_server::CommentService, post_service_server::PostService,
    },
};
use postbreeze_runtime::{Environment, peer::Peer};
use tonic::{Request, Response, Status, async_trait};

use crate::{notices::Notices, publisher::Wake, store::Store};

/// What handlers work with.
pub(crate) struct Rpc {
    pub(crate) store: Store,
    pub(crate) environment: Environment,
    pub(crate) page_tokens: TokenKey,
    pub(crate) wake: Wake,
    pub(crate) workspaces: Peer,
    pub(crate) accounts: Peer,
    pub(crate) media: Peer,
    pub(crate) notices: Notices,
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
    }
}

serve! {
    PostSourceService {
        read_posts: ReadPostsRequest -> ReadPostsResponse;
        read_comments: ReadCommentsRequest -> ReadCommentsResponse;
        get_post_usage: GetPostUsageRequest -> GetPostUsageResponse;
    }
}
