//! `PostSourceService.ReadComments`: this source's part of `ListComments`.

use chrono::DateTime;
use postbreeze_context::WorkspaceContext;
use postbreeze_ids::Workspace;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{ReadCommentsRequest, ReadCommentsResponse},
    page::MAX_PAGE_SIZE,
    v1::{Comment, Platform},
};
use prost::Message as _;

use super::{
    Rpc, message,
    read_posts::{PAGE_BYTES, platform_number},
};
use crate::{error::Error, store::comments::CommentFilter};

pub(super) async fn read_comments(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ReadCommentsRequest,
) -> Result<ReadCommentsResponse, Error> {
    let query = request.query.unwrap_or_default();
    let mut fields = Fields::new();
    let workspace_id = fields.optional_id::<Workspace>("workspace_id", &query.workspace_id);
    let platforms = fields.choices::<Platform>("platform", &query.platform);
    let (workspace_id, platforms) = fields.finish((workspace_id, platforms))?;

    let scope = context.scope(workspace_id)?;
    let filter = CommentFilter {
        platforms: platforms.iter().map(|platform| platform_number(*platform)).collect(),
        unread: query.unread,
    };
    let after = request.after.and_then(|position| {
        Some((DateTime::from_timestamp_micros(position.time_us)?, position.uuid()?))
    });
    let limit = usize::try_from(request.limit).unwrap_or(0).clamp(1, MAX_PAGE_SIZE);
    let rows = rpc.store.list_comments(&scope, &filter, after, limit + 1).await?;
    let read = rows.len();
    let comments = rows.into_iter().take(limit).map(message::comment);
    let comments = within_bytes(comments.collect::<Result<Vec<_>, _>>()?);
    let more = comments.len() < read;
    Ok(ReadCommentsResponse { comments, more })
}

/// The first comments that together have at most [`PAGE_BYTES`], and one in any case.
fn within_bytes(comments: Vec<Comment>) -> Vec<Comment> {
    let mut bytes = 0;
    let mut cut: Vec<Comment> = Vec::new();
    for comment in comments {
        bytes += i64::try_from(comment.encoded_len()).unwrap_or(PAGE_BYTES);
        if bytes > PAGE_BYTES && !cut.is_empty() {
            break;
        }
        cut.push(comment);
    }
    cut
}
