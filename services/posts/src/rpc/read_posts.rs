//! `PostSourceService.ReadPosts`: this source's part of `ListPosts`.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::{Account, Workspace};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{ReadPostsRequest, ReadPostsResponse},
    page::MAX_PAGE_SIZE,
    status::{Fault, Reason, Violation},
    v1::{Platform, PostStatus},
};

use super::{Rpc, accounts, message};
use crate::{error::Error, store::posts::list::PostFilter};

/// Bytes of the rows of an answer, so that several sources' together stay a message.
pub(super) const PAGE_BYTES: i64 = 2 * 1_024 * 1_024;

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

    let ids: Vec<_> = account_id.into_iter().collect();
    let accounts = accounts::find(rpc, &ids).await?;
    let scope = context.scope(workspace_id)?;
    accounts::check_reach(context, &accounts)?;
    if accounts.iter().any(|found| workspace_id.is_some_and(|id| id != found.workspace_id)) {
        return Err(Fault::invalid(vec![Violation {
            field: "account_id".to_owned(),
            reason: Reason::AccountsSpanWorkspaces,
            description: "is an account of another workspace than workspace_id".to_owned(),
        }])
        .into());
    }
    let filter = PostFilter {
        statuses: statuses.iter().map(|status| status_name(*status)).collect(),
        platforms: platforms.iter().map(|platform| platform_number(*platform)).collect(),
        account_id,
    };
    let after = request.after.and_then(|position| position.uuid());
    let limit = usize::try_from(request.limit).unwrap_or(0).clamp(1, MAX_PAGE_SIZE);
    let page = rpc.store.list_posts(&scope, &filter, after, limit, PAGE_BYTES).await?;
    let posts = page.posts.into_iter().map(message::post).collect::<Result<_, _>>()?;
    Ok(ReadPostsResponse { posts, more: page.more })
}

fn status_name(status: PostStatus) -> String {
    status.as_str_name().trim_start_matches("POST_STATUS_").to_lowercase()
}

pub(super) fn platform_number(platform: Platform) -> i16 {
    i16::try_from(i32::from(platform)).unwrap_or(0)
}
