//! `PostService.ListPosts`.

use postbreeze_context::Caller;
use postbreeze_ids::{Account, PostId, Workspace};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{ReadPostsRequest, post_source_service_client::PostSourceServiceClient},
    page::Binding,
    v1::{ListPostsRequest, ListPostsResponse, Platform, Post, PostStatus},
};

use super::{Rpc, user_of};
use crate::{
    error::Error,
    fan_out::{Query, fan_out},
    merge::SortKey,
};

pub(super) async fn list_posts(
    rpc: &Rpc,
    caller: &Caller,
    request: ListPostsRequest,
) -> Result<ListPostsResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.optional_id::<Workspace>("workspace_id", &request.workspace_id);
    let filter = ListPostsRequest {
        page_size: 0,
        page_token: String::new(),
        require_complete: false,
        ..request.clone()
    };
    let binding = Binding::new("ListPosts", user_of(caller)?, &filter);
    let page_size = fields.page_size(request.page_size);
    let state = fields.page_token(&rpc.page_tokens, &binding, &request.page_token);
    let statuses = fields.choices::<PostStatus>("status", &request.status);
    let platforms = fields.choices::<Platform>("platform", &request.platform);
    let account_id = fields.optional_id::<Account>("account_id", &request.account_id);
    let (workspace_id, page_size, state, _, _, _) =
        fields.finish((workspace_id, page_size, state, statuses, platforms, account_id))?;

    let query = Query {
        caller,
        binding: &binding,
        state,
        page_size,
        workspace_id,
        require_complete: request.require_complete,
    };
    let read = |peer, after, limit| {
        let request = ReadPostsRequest { query: Some(filter.clone()), after, limit };
        async move {
            let answer = PostSourceServiceClient::new(peer).read_posts(request).await?;
            let answer = answer.into_inner();
            Ok((answer.posts, answer.more))
        }
    };
    let page = fan_out(&rpc.page_tokens, &rpc.resolver, &rpc.posts, query, read, key).await?;
    Ok(ListPostsResponse {
        posts: page.rows,
        next_page_token: page.next_page_token,
        unreachable: page.unreachable,
        unreachable_count: page.unreachable_count,
    })
}

fn key(post: &Post) -> Option<SortKey> {
    let id: PostId = post.id.parse().ok()?;
    Some(SortKey { time_us: 0, id: id.uuid() })
}
