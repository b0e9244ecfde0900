//! `PostService.CancelPost`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{CancelPostRequest, CancelPostResponse},
};

use super::{
    Rpc,
    change::{self, Change},
    message,
};
use crate::{error::Error, post::Step};

pub(super) async fn cancel_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: CancelPostRequest,
) -> Result<CancelPostResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let etag = change::parse_etag(&mut fields, &request.etag);
    let (post_id, etag) = fields.finish((post_id, etag))?;

    let post = change::load(rpc, context, post_id, Action::WritePosts).await?;
    let now = rpc.environment.clock.now();
    let change = Change { etag: &etag, ..Change::of(&post, Step::Cancel, now) };
    let post = change.make(rpc).await?;
    Ok(CancelPostResponse { post: Some(message::post(post)?) })
}
