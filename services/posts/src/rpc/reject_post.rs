//! `PostService.RejectPost`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{RejectPostRequest, RejectPostResponse},
};

use super::{
    Rpc,
    change::{self, Change},
    message,
};
use crate::{error::Error, post::Step};

const NOTE_CHARS: usize = 2_000;

pub(super) async fn reject_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: RejectPostRequest,
) -> Result<RejectPostResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let note = fields.text("note", &request.note, 1..=NOTE_CHARS);
    let etag = change::parse_etag(&mut fields, &request.etag);
    let (post_id, note, etag) = fields.finish((post_id, note, etag))?;

    let post = change::load(rpc, context, post_id, Action::ReviewPosts).await?;
    if post.row.author_user_id == context.user_id()? {
        return Err(Error::OwnPost);
    }
    let now = rpc.environment.clock.now();
    let change = Change {
        etag: &etag,
        edit: Box::new(|post| {
            post.row.draft_scheduled_time = post.row.scheduled_time.take();
            post.row.publish_now = false;
            post.row.rejection_note.clone_from(&note);
        }),
        ..Change::of(&post, Step::Reject, now)
    };
    let post = change.make(rpc).await?;
    Ok(RejectPostResponse { post: Some(message::post(post)?) })
}
