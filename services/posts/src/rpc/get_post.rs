//! `PostService.GetPost`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{GetPostRequest, GetPostResponse},
};

use super::{Rpc, change, message};
use crate::error::Error;

pub(super) async fn get_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: GetPostRequest,
) -> Result<GetPostResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let (post_id,) = fields.finish((post_id,))?;
    let post = change::load(rpc, context, post_id, Action::Read).await?;
    Ok(GetPostResponse { post: Some(message::post(post.into_row())?) })
}
