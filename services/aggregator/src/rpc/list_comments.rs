//! `CommentService.ListComments`.

use postbreeze_context::Caller;
use postbreeze_ids::{CommentId, Workspace};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{ReadCommentsRequest, post_source_service_client::PostSourceServiceClient},
    page::Binding,
    time,
    v1::{Comment, ListCommentsRequest, ListCommentsResponse, Platform},
};

use super::{Rpc, user_of};
use crate::{
    error::Error,
    fan_out::{Query, fan_out},
    merge::SortKey,
};

pub(super) async fn list_comments(
    rpc: &Rpc,
    caller: &Caller,
    request: ListCommentsRequest,
) -> Result<ListCommentsResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.optional_id::<Workspace>("workspace_id", &request.workspace_id);
    let filter = ListCommentsRequest {
        page_size: 0,
        page_token: String::new(),
        require_complete: false,
        ..request.clone()
    };
    let binding = Binding::new("ListComments", user_of(caller)?, &filter);
    let page_size = fields.page_size(request.page_size);
    let state = fields.page_token(&rpc.page_tokens, &binding, &request.page_token);
    let platforms = fields.choices::<Platform>("platform", &request.platform);
    let (workspace_id, page_size, state, _) =
        fields.finish((workspace_id, page_size, state, platforms))?;

    let query = Query {
        caller,
        binding: &binding,
        state,
        page_size,
        workspace_id,
        require_complete: request.require_complete,
    };
    let read = |peer, after, limit| {
        let request = ReadCommentsRequest { query: Some(filter.clone()), after, limit };
        async move {
            let answer = PostSourceServiceClient::new(peer).read_comments(request).await?;
            let answer = answer.into_inner();
            Ok((answer.comments, answer.more))
        }
    };
    let page = fan_out(&rpc.page_tokens, &rpc.resolver, &rpc.posts, query, read, key).await?;
    Ok(ListCommentsResponse {
        comments: page.rows,
        next_page_token: page.next_page_token,
        unreachable: page.unreachable,
        unreachable_count: page.unreachable_count,
    })
}

fn key(comment: &Comment) -> Option<SortKey> {
    let id: CommentId = comment.id.parse().ok()?;
    let time = time::from_proto(comment.network_time.as_ref()?)?;
    Some(SortKey { time_us: time.timestamp_micros(), id: id.uuid() })
}
