//! `PostSourceService.ReadPosts`: this source's part of `ListPosts`.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::{Account, Workspace};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{ReadPostsRequest, ReadPostsResponse},
    page::MAX_PAGE_SIZE,
    v1::{Platform, PostStatus},
};

use super::{Rpc, composition, message};
use crate::{error::Error, store::posts::PostFilter};

pub(super) async fn read_posts(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ReadPostsRequest,
) -> Result<ReadPostsResponse, Error> {
    let query = request.query.unwrap_or_default();
    let mut fields = Fields::new();
    let workspace_id = fields.optional_id::<Workspace>("workspace_id", &query.workspace_id);
    let statuses = fields.choices::<PostStatus>("status", &query.status);
    let platforms = fields.choices::<Platform>("platform", &query.platform);
    let account_id = fields.optional_id::<Account>("account_id", &query.account_id);
    let (workspace_id, statuses, platforms, account_id) =
        fields.finish((workspace_id, statuses, platforms, account_id))?;

    if let Some(account_id) = account_id {
        composition::accounts(rpc, context, &[account_id]).await?;
    }
    let scope = context.scope(workspace_id)?;
    let filter = PostFilter {
        statuses: statuses.iter().map(|status| status_name(*status)).collect(),
        platforms: platforms.iter().map(|platform| platform_number(*platform)).collect(),
        account_id,
    };
    let after = request.after.and_then(|position| position.uuid());
    let limit = usize::try_from(request.limit).unwrap_or(0).clamp(1, MAX_PAGE_SIZE);
    let posts = rpc.store.list_posts(&scope, &filter, after, limit).await?;
    Ok(ReadPostsResponse { posts: posts.into_iter().map(message::post).collect::<Result<_, _>>()? })
}

fn status_name(status: PostStatus) -> String {
    status.as_str_name().trim_start_matches("POST_STATUS_").to_lowercase()
}

pub(super) fn platform_number(platform: Platform) -> i16 {
    i16::try_from(i32::from(platform)).unwrap_or(0)
}
