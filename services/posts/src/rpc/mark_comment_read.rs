//! `CommentService.MarkCommentRead`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{MarkCommentReadRequest, MarkCommentReadResponse},
};

use super::{Rpc, get_comment::load, message};
use crate::error::Error;

pub(super) async fn mark_comment_read(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: MarkCommentReadRequest,
) -> Result<MarkCommentReadResponse, Error> {
    let mut fields = Fields::new();
    let comment_id = fields.id("comment_id", &request.comment_id);
    let (comment_id,) = fields.finish((comment_id,))?;
    let comment = load(rpc, context, comment_id, Action::AnswerComments).await?;
    let read = request.read.unwrap_or(true).then(|| rpc.environment.clock.now());
    let read_time = rpc.store.mark_comment(&comment, read).await?;
    let mut row = comment.into_row();
    row.read_time = read_time;
    Ok(MarkCommentReadResponse { comment: Some(message::comment(row)?) })
}
