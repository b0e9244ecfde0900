//! `AccountSourceService.ReadSocialAccounts`: this source's part of `ListSocialAccounts`.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::Workspace;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{ReadSocialAccountsRequest, ReadSocialAccountsResponse},
    page::MAX_PAGE_SIZE,
    v1::Platform,
};

use super::{Rpc, message};
use crate::{error::Error, store::accounts::AccountFilter};

pub(super) async fn read_social_accounts(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ReadSocialAccountsRequest,
) -> Result<ReadSocialAccountsResponse, Error> {
    let query = request.query.unwrap_or_default();
    let mut fields = Fields::new();
    let workspace_id = fields.optional_id::<Workspace>("workspace_id", &query.workspace_id);
    let platforms = fields.choices::<Platform>("platform", &query.platform);
    let (workspace_id, platforms) = fields.finish((workspace_id, platforms))?;

    let scope = context.scope(workspace_id)?;
    let filter = AccountFilter {
        platforms: platforms
            .iter()
            .map(|platform| i16::try_from(i32::from(*platform)).unwrap_or(0))
            .collect(),
        include_disconnected: query.include_disconnected,
    };
    let after = request.after.and_then(|position| position.uuid());
    let limit = usize::try_from(request.limit).unwrap_or(0).clamp(1, MAX_PAGE_SIZE);
    // One row more than is told says whether there is one.
    let mut rows = rpc.store.list_accounts(&scope, &filter, after, limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok(ReadSocialAccountsResponse {
        accounts: rows.into_iter().map(message::account).collect::<Result<_, _>>()?,
        more,
    })
}
