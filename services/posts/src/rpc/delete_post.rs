//! `PostService.DeletePost`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{DeletePostRequest, DeletePostResponse},
};

use super::{
    Rpc,
    change::{self, Change},
};
use crate::{error::Error, post::Step};

pub(super) async fn delete_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: DeletePostRequest,
) -> Result<DeletePostResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let etag = change::parse_etag(&mut fields, &request.etag);
    let (post_id, etag) = fields.finish((post_id, etag))?;

    let post = change::load(rpc, context, post_id, Action::WritePosts).await?;
    let now = rpc.environment.clock.now();
    let change = Change {
        etag: &etag,
        edit: Box::new(|post| post.row.delete_time = Some(now)),
        ..Change::of(&post, Step::Delete, now)
    };
    change.make(rpc).await?;
    Ok(DeletePostResponse {})
}
