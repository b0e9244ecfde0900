//! `SandboxService.AddSandboxComment`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{AddSandboxCommentRequest, AddSandboxCommentResponse},
};

use super::{Rpc, sandbox::load};
use crate::{error::Error, store::sandbox::SandboxCommentId};

const EXTERNAL_ID_CHARS: usize = 1_024;
const HANDLE_CHARS: usize = 100;
const BODY_CHARS: usize = 2_000;

pub(super) async fn add_sandbox_comment(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: AddSandboxCommentRequest,
) -> Result<AddSandboxCommentResponse, Error> {
    let mut fields = Fields::new();
    let account_id = fields.id("account_id", &request.account_id);
    let post_id = fields.text("external_post_id", &request.external_post_id, 1..=EXTERNAL_ID_CHARS);
    let author = fields.text("author_handle", &request.author_handle, 1..=HANDLE_CHARS);
    let body = fields.text("body", &request.body, 1..=BODY_CHARS);
    let (account_id, post_id, author, body) = fields.finish((account_id, post_id, author, body))?;

    let account = load(rpc, context, account_id, Action::ManageAccounts).await?;
    let id: SandboxCommentId = rpc.environment.minter.mint(account.id.bucket());
    let now = rpc.environment.clock.now();
    if !rpc.store.add_sandbox_comment(&account, id, &post_id, &author, &body, now).await? {
        return Err(Error::NoSandboxPost(post_id));
    }
    Ok(AddSandboxCommentResponse { external_comment_id: id.to_string() })
}
