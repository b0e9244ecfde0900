//! `PostService.UpdatePost`.

use chrono::{DateTime, Utc};
use postbreeze_context::{Action, Role, WorkspaceContext};
use postbreeze_ids::{MediaId, PostId};
use postbreeze_proto::{
    fields::Fields,
    v1::{Platform, PostTargetInput, UpdatePostRequest, UpdatePostResponse},
};

use super::{
    Rpc,
    accounts::{self, Accounts},
    change::{self, Change},
    composition::{self, TargetInput},
    entitlements::entitlements,
    media::{self, Named},
    message, options,
};
use crate::{error::Error, post::Step, store::posts::Post};

const PATHS: [&str; 5] = ["content", "platforms", "media_ids", "draft_scheduled_for", "timezone"];
const MASK_PATHS: usize = 20;

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
    let inputs = edits.targets.is_some().then_some(request.platforms.as_slice());
    let inputs = inputs.unwrap_or_default();
    change::retrying(|| update(rpc, context, post_id, &etag, &edits, inputs)).await
}

/// `inputs`: the new targets as the request gives them.
async fn update(
    rpc: &Rpc,
    context: &WorkspaceContext,
    post_id: PostId,
    etag: &str,
    edits: &Edits,
    inputs: &[PostTargetInput],
) -> Result<UpdatePostResponse, Error> {
    let ids: Vec<_> = edits.targets.iter().flatten().map(|target| target.account_id).collect();
    let claim = change::find(rpc, post_id).await?;
    let accounts = accounts::find(rpc, &ids).await?;
    let named = Named::of(
        edits.media.as_deref().unwrap_or_default(),
        edits.targets.as_deref().unwrap_or_default(),
    );
    let mut media = named.find(rpc).await?;
    let post = change::living(context, claim)?;
    accounts::check_reach(context, &accounts)?;
    named.check_reach(context, &media)?;
    let post = change::admit(context, post, Action::WritePosts)?;
    accounts::check_span(post.workspace_id(), &accounts)?;
    let mut violations = named.unusable(post.workspace_id(), &media);
    violations.extend(options::unsuited(inputs, &accounts));
    composition::refuse(violations)?;
    if edits.put_kept_media_to_a_test() {
        media.extend(media::look_up(rpc, post.row.media_ids.iter().copied()).await?);
    }
    let mut known: Accounts = accounts.iter().map(|account| (account.id, *account)).collect();
    if edits.targets.is_none() && has_own_limits(&post) {
        known.extend(accounts::of_post(rpc, &post).await?);
    }
    let needs_approval = edits.are_of_substance()
        && post.role() == Role::Editor
        && entitlements(rpc, &post).await?.needs_approval(post.role());
    let new_targets = edits
        .targets
        .clone()
        .map(|targets| composition::rows(rpc, post.row.id, targets, &accounts, &media));
    let step = Step::Update { needs_approval, new_targets: new_targets.as_ref().map(Vec::len) };
    let alt_texts = edits.media.as_deref().map(|ids| media::alt_texts(ids, &media));
    let now = rpc.environment.clock.now();
    let change = Change {
        etag,
        accounts: known,
        new_targets,
        is_exact: !media.is_empty() || edits.put_kept_media_to_a_test(),
        media,
        edit: Box::new(|post| {
            edits.apply(post);
            if let Some(alt_texts) = &alt_texts {
                post.row.alt_texts.clone_from(alt_texts);
            }
            if needs_approval {
                post.row.approved_by_user_id = None;
                post.row.approved_time = None;
            }
        }),
        ..Change::of(&post, step, now)
    };
    let post = change.make(rpc).await?;
    Ok(UpdatePostResponse { post: Some(message::post(post)?) })
}

/// Whether a post goes to a network whose accounts may write as much as their servers say.
fn has_own_limits(post: &Post) -> bool {
    let mastodon = i32::from(Platform::Mastodon);
    post.targets.iter().any(|target| i32::from(target.platform) == mastodon)
}

impl Edits {
    /// Whether something is changed that a reviewer has to see.
    fn are_of_substance(&self) -> bool {
        self.content.is_some() || self.targets.is_some() || self.media.is_some()
    }

    /// Whether new targets may show the media that the post has, and take only media of some kinds.
    fn put_kept_media_to_a_test(&self) -> bool {
        let test = |target: &TargetInput| {
            target.media_ids.is_empty() && options::ask_for_kinds(target.options.as_ref())
        };
        self.media.is_none() && self.targets.iter().flatten().any(test)
    }

    /// Changes what is to be changed of the post itself, but the descriptions of its media.
    fn apply(&self, post: &mut Post) {
        if let Some(content) = &self.content {
            post.row.content.clone_from(content);
        }
        if let Some(media) = &self.media {
            post.row.media_ids.clone_from(media);
        }
        if let Some(pinned) = self.pinned {
            post.row.draft_scheduled_time = pinned;
        }
        if let Some(timezone) = &self.timezone {
            post.row.timezone.clone_from(timezone);
        }
    }
}

/// What the mask names, or without one what is set.
fn parse(fields: &mut Fields, request: &UpdatePostRequest) -> Edits {
    let mask = request.update_mask.as_ref().map_or(&[][..], |mask| &mask.paths);
    let mut edits = Edits::default();
    if !fields.count("update_mask", mask.len(), 0..=MASK_PATHS) {
        return edits;
    }
    if mask.iter().any(|path| !PATHS.contains(&path.as_str())) {
        fields.violate("update_mask", format!("may name only {}", PATHS.join(", ")));
    }
    let names = |path: &str, set: bool| {
        if mask.is_empty() { set } else { mask.iter().any(|named| named == path) }
    };
    let mut nothing = mask.is_empty();
    let mut wanted = |path: &str, set: bool| {
        let wanted = names(path, set);
        nothing &= !wanted;
        wanted
    };
    if wanted("content", !request.content.is_empty()) {
        edits.content = composition::content(fields, &request.content);
    }
    if wanted("platforms", !request.platforms.is_empty()) {
        edits.targets = composition::targets(fields, &request.platforms);
    }
    if wanted("media_ids", !request.media_ids.is_empty()) {
        edits.media = composition::media(fields, &request.media_ids);
    }
    if wanted("draft_scheduled_for", request.draft_scheduled_for.is_some()) {
        edits.pinned = fields.time("draft_scheduled_for", request.draft_scheduled_for.as_ref());
    }
    if wanted("timezone", !request.timezone.is_empty()) {
        edits.timezone = composition::timezone(fields, &request.timezone);
    }
    if nothing {
        fields.violate("update_mask", "names nothing to change, and nothing is set");
    }
    edits
}
