//! `CommentService.GetComment`.

use postbreeze_context::{Action, Admitted, WorkspaceContext};
use postbreeze_ids::CommentId;
use postbreeze_proto::{
    fields::Fields,
    v1::{GetCommentRequest, GetCommentResponse},
};

use super::{Rpc, message};
use crate::{error::Error, store::comments::CommentRow};

pub(super) async fn get_comment(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: GetCommentRequest,
) -> Result<GetCommentResponse, Error> {
    let mut fields = Fields::new();
    let comment_id = fields.id("comment_id", &request.comment_id);
    let (comment_id,) = fields.finish((comment_id,))?;
    let comment = load(rpc, context, comment_id, Action::Read).await?;
    Ok(GetCommentResponse { comment: Some(message::comment(comment.into_row())?) })
}

/// Finds a comment for an action.
pub(super) async fn load(
    rpc: &Rpc,
    context: &WorkspaceContext,
    comment_id: CommentId,
    action: Action,
) -> Result<Admitted<CommentRow>, Error> {
    let claim = rpc.store.find_comment(comment_id).await?;
    let claim =
        claim.ok_or_else(|| Error::NotFound { resource: "comment", id: comment_id.to_string() })?;
    Ok(context.admit(claim, action)?)
}
