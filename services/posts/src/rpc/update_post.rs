//! `PostService.UpdatePost`.

use chrono::{DateTime, Utc};
use postbreeze_context::{Action, Role, WorkspaceContext};
use postbreeze_ids::MediaId;
use postbreeze_proto::{
    fields::Fields,
    v1::{UpdatePostRequest, UpdatePostResponse},
};

use super::{
    Rpc,
    change::{self, Change},
    composition::{self, TargetInput},
    message,
};
use crate::{
    error::Error,
    post::{PostStatus, Step},
};

const PATHS: [&str; 5] = ["content", "platforms", "media_ids", "draft_scheduled_for", "timezone"];

/// What is changed; each absent when it stays.
#[derive(Default)]
struct Edits {
    content: Option<String>,
    targets: Option<Vec<TargetInput>>,
    media: Option<Vec<MediaId>>,
    pinned: Option<Option<DateTime<Utc>>>,
    timezone: Option<String>,
}

pub(super) async fn update_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: UpdatePostRequest,
) -> Result<UpdatePostResponse, Error> {
    let mut fields = Fields::new();
    let post_id = fields.id("post_id", &request.post_id);
    let etag = change::parse_etag(&mut fields, &request.etag);
    let edits = parse(&mut fields, &request);
    let (post_id, etag) = fields.finish((post_id, etag))?;

    let ids: Vec<_> = edits.targets.iter().flatten().map(|target| target.account_id).collect();
    let post = change::load(rpc, context, post_id, Action::Read).await?;
    let accounts = composition::accounts(rpc, context, &ids).await?;
    composition::check_media(
        edits.media.as_deref().unwrap_or_default(),
        edits.targets.as_deref().unwrap_or_default(),
    )?;
    let post = change::load(rpc, context, post.row.id, Action::WritePosts).await?;
    if let Some(targets) = &edits.targets {
        composition::check_targets(post.workspace_id(), targets, &accounts)?;
    }
    let goes_out = [PostStatus::Scheduled, PostStatus::NeedsApproval]
        .iter()
        .any(|status| post.row.status == status.as_str());
    let active = if goes_out { composition::check_active(&ids, &accounts) } else { Ok(()) };
    let is_of_substance =
        edits.content.is_some() || edits.targets.is_some() || edits.media.is_some();
    let needs_approval = is_of_substance
        && post.role() == Role::Editor
        && change::entitlements(rpc, post.workspace_id()).await?.require_approval;
    let new_targets =
        edits.targets.map(|targets| composition::rows(rpc, post.row.id, targets, &accounts));
    let change = Change {
        admitted: &post,
        etag: &etag,
        step: Step::Update { needs_approval },
        now: rpc.environment.clock.now(),
        entitlements: None,
        accounts: active,
        replaces_targets: new_targets.is_some(),
    };
    let mut transaction = rpc.store.begin().await?;
    let post = change
        .apply(&mut transaction, |post| {
            if let Some(content) = edits.content {
                post.row.content = content;
            }
            if let Some(targets) = new_targets {
                post.targets = targets;
            }
            if let Some(pinned) = edits.pinned {
                post.row.draft_scheduled_time = pinned;
            }
            if let Some(timezone) = edits.timezone {
                post.row.timezone = timezone;
            }
            if needs_approval {
                post.row.approved_by_user_id = None;
                post.row.approved_time = None;
            }
        })
        .await?;
    transaction.commit().await?;
    Ok(UpdatePostResponse { post: Some(message::post(post)?) })
}

fn parse(fields: &mut Fields, request: &UpdatePostRequest) -> Edits {
    let paths = match &request.update_mask {
        Some(mask) => mask.paths.clone(),
        None => set_paths(request),
    };
    let mut edits = Edits::default();
    if paths.is_empty() {
        fields.violate("update_mask", "names nothing to change");
    }
    for path in &paths {
        match path.as_str() {
            "content" => edits.content = composition::content(fields, &request.content),
            "platforms" => edits.targets = composition::targets(fields, &request.platforms),
            "media_ids" => edits.media = composition::media(fields, &request.media_ids, &[]),
            "draft_scheduled_for" => {
                edits.pinned =
                    fields.time("draft_scheduled_for", request.draft_scheduled_for.as_ref());
            }
            "timezone" => edits.timezone = composition::timezone(fields, &request.timezone),
            _ => fields.violate("update_mask", format!("may name only {}", PATHS.join(", "))),
        }
    }
    edits
}

fn set_paths(request: &UpdatePostRequest) -> Vec<String> {
    let set = [
        !request.content.is_empty(),
        !request.platforms.is_empty(),
        !request.media_ids.is_empty(),
        request.draft_scheduled_for.is_some(),
        !request.timezone.is_empty(),
    ];
    PATHS.iter().zip(set).filter(|(_, set)| *set).map(|(path, _)| (*path).to_owned()).collect()
}
