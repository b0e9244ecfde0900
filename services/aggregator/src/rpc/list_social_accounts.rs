//! `SocialAccountService.ListSocialAccounts`.

use postbreeze_context::Caller;
use postbreeze_ids::{AccountId, Workspace};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{
        ReadSocialAccountsRequest, account_source_service_client::AccountSourceServiceClient,
    },
    page::Binding,
    v1::{ListSocialAccountsRequest, ListSocialAccountsResponse, Platform, SocialAccount},
};

use super::{Rpc, user_of};
use crate::{
    error::Error,
    fan_out::{Query, fan_out},
    merge::SortKey,
};

pub(super) async fn list_social_accounts(
    rpc: &Rpc,
    caller: &Caller,
    request: ListSocialAccountsRequest,
) -> Result<ListSocialAccountsResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.optional_id::<Workspace>("workspace_id", &request.workspace_id);
    let filter = ListSocialAccountsRequest {
        page_size: 0,
        page_token: String::new(),
        require_complete: false,
        ..request.clone()
    };
    let binding = Binding::new("ListSocialAccounts", user_of(caller)?, &filter);
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
        let request = ReadSocialAccountsRequest { query: Some(filter.clone()), after, limit };
        async move {
            let answer =
                AccountSourceServiceClient::new(peer).read_social_accounts(request).await?;
            let answer = answer.into_inner();
            Ok((answer.accounts, answer.more))
        }
    };
    let page = fan_out(&rpc.page_tokens, &rpc.resolver, &rpc.accounts, query, read, key).await?;
    Ok(ListSocialAccountsResponse {
        accounts: page.rows,
        next_page_token: page.next_page_token,
        unreachable: page.unreachable,
        unreachable_count: page.unreachable_count,
    })
}

fn key(account: &SocialAccount) -> Option<SortKey> {
    let id: AccountId = account.id.parse().ok()?;
    Some(SortKey { time_us: 0, id: id.uuid() })
}
