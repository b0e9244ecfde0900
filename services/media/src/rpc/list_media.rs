//! `MediaService.ListMedia`.

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_ids::Folder;
use postbreeze_proto::{
    fields::Fields,
    page::{Binding, Page},
    v1::{ListMediaRequest, ListMediaResponse, MediaKind},
};

use super::{Rpc, folders, links};
use crate::{
    error::Error,
    medium::{FILENAME_CHARS, folded},
    store::media::list::MediaFilter,
};

pub(super) async fn list_media(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ListMediaRequest,
) -> Result<ListMediaResponse, Error> {
    let mut fields = Fields::new();
    let filter = ListMediaRequest { page_size: 0, page_token: String::new(), ..request.clone() };
    let binding = Binding::new("ListMedia", context.user_id()?, &filter);
    let key = &rpc.page_tokens;
    let folder_id = request.folder_id.as_deref().unwrap_or_default();
    let checked = (
        fields.id("workspace_id", &request.workspace_id),
        Page::read(&mut fields, key, binding, request.page_size, &request.page_token),
        fields.optional_id::<Folder>("folder_id", folder_id),
        fields.optional_choice::<MediaKind>("kind", request.kind),
        fields.text("filename_contains", &request.filename_contains, 0..=*FILENAME_CHARS.end()),
    );
    let (workspace_id, page, folder_id, kind, contains) = fields.finish(checked)?;

    let folder = folders::find_named(rpc, folder_id).await?;
    let folder = folders::check_reach(context, folder)?;
    let workspace = context.admit(Claim::on(workspace_id), Action::Read)?;
    folders::check_workspace("folder_id", &workspace, folder.as_ref())?;
    let filter = MediaFilter {
        place: folders::place(request.folder_id.as_ref(), folder_id),
        kind: kind.and_then(|kind| i16::try_from(i32::from(kind)).ok()),
        filename_contains: folded(&contains),
    };
    let listed = rpc.store.list_media(&workspace, &filter, page.after, page.sql_limit()).await?;
    let mut rows = listed.rows;
    let mut next_page_token = page.cut(key, &mut rows, |row| row.id.uuid());
    if let Some(last) = listed.looked_to.filter(|_| next_page_token.is_empty()) {
        next_page_token = page.token_after(key, last);
    }
    let media = links::all(rpc, &rows, rpc.environment.clock.now()).await?;
    Ok(ListMediaResponse { media, next_page_token })
}
