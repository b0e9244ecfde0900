//! What a post is made of, as requests give it: content, targets, media. Shared by creating, validating and updating.

use std::collections::HashSet;

use chrono_tz::Tz;
use postbreeze_ids::{AccountId, Media, MediaId, PostId};
use postbreeze_proto::{
    fields::Fields,
    status::Reason,
    v1::{MediaItemInput, PlatformOptions, PostTargetInput},
};
use prost::Message as _;

use super::{Rpc, accounts::Account, options};
use crate::{
    error::Error,
    post::TargetStatus,
    store::targets::{FirstComment, TargetRow},
};

const CONTENT_CHARS: usize = 10_000;
const COMMENT_CHARS: usize = 2_000;
/// Targets of a post at the most.
pub(super) const TARGETS: usize = 25;
const MEDIA: usize = 20;
const TARGET_MEDIA: usize = 35;
const MEDIA_ITEMS: usize = 10;

/// One target of a request, checked.
#[derive(Debug, Clone)]
pub(super) struct TargetInput {
    pub(super) account_id: AccountId,
    caption_override: Option<String>,
    first_comment: String,
    media_ids: Vec<MediaId>,
    options: Option<PlatformOptions>,
}

/// The text.
pub(super) fn content(fields: &mut Fields, content: &str) -> Option<String> {
    fields.text("content", content, 0..=CONTENT_CHARS)
}

/// The display zone; empty is UTC.
pub(super) fn timezone(fields: &mut Fields, name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("UTC".to_owned());
    }
    // The longest zone name has 32 characters: a longer text is not looked up.
    match name.parse::<Tz>() {
        Ok(zone) if name.len() <= 64 => Some(zone.name().to_owned()),
        _ => {
            fields.violate("timezone", "must be the name of an IANA time zone");
            None
        }
    }
}

/// Media of the post as a whole.
pub(super) fn media(
    fields: &mut Fields,
    ids: &[String],
    items: &[MediaItemInput],
) -> Option<Vec<MediaId>> {
    fields.count("media_items", items.len(), 0..=MEDIA_ITEMS);
    for index in 0..items.len().min(MEDIA_ITEMS) {
        fields.violate(format!("media_items[{index}].url"), "media from URLs are not served yet");
    }
    fields.ids::<Media>("media_ids", ids, 0..=MEDIA)
}

/// The targets, in order, no account twice.
pub(super) fn targets(fields: &mut Fields, inputs: &[PostTargetInput]) -> Option<Vec<TargetInput>> {
    if !fields.count("platforms", inputs.len(), 1..=TARGETS) {
        return None;
    }
    let mut seen: HashSet<AccountId> = HashSet::new();
    let mut targets = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.iter().enumerate() {
        let name = format!("platforms[{index}]");
        // Also of a target that is at fault otherwise.
        if input.account_id.parse().is_ok_and(|id| !seen.insert(id)) {
            fields.violate(format!("{name}.account_id"), "is named twice");
        }
        targets.extend(target(fields, &name, input));
    }
    (targets.len() == inputs.len()).then_some(targets)
}

fn target(fields: &mut Fields, name: &str, input: &PostTargetInput) -> Option<TargetInput> {
    let account_id = fields.id(format!("{name}.account_id"), &input.account_id);
    let caption = match &input.caption_override {
        None => Some(None),
        Some(text) => {
            fields.text(format!("{name}.caption_override"), text, 0..=CONTENT_CHARS).map(Some)
        }
    };
    let comment =
        fields.text(format!("{name}.first_comment"), &input.first_comment, 0..=COMMENT_CHARS);
    let media_ids =
        fields.ids::<Media>(&format!("{name}.media_ids"), &input.media_ids, 0..=TARGET_MEDIA);
    let options = options::parse(fields, &format!("{name}.options"), input.options.as_ref());
    Some(TargetInput {
        account_id: account_id?,
        caption_override: caption?,
        first_comment: comment?,
        media_ids: media_ids?,
        options: options?,
    })
}

/// A post that goes out without media must have a text, and so must each target that has one of its own.
pub(super) fn check_text<'a>(
    fields: &mut Fields,
    content: &str,
    captions: impl IntoIterator<Item = Option<&'a str>>,
) {
    if content.is_empty() {
        fields.violate("content", "must not be empty in a post that goes out without media");
    }
    for (index, caption) in captions.into_iter().enumerate() {
        if caption == Some("") {
            fields.violate(
                format!("platforms[{index}].caption_override"),
                "must not be empty in a post that goes out without media",
            );
        }
    }
}

/// [`check_text`] of a request.
pub(super) fn check_new_text(
    fields: &mut Fields,
    content: &str,
    has_media: bool,
    inputs: &[PostTargetInput],
) {
    if has_media {
        return;
    }
    let captions = inputs
        .iter()
        .map(|input| input.caption_override.as_deref().filter(|_| input.media_ids.is_empty()));
    check_text(fields, content, captions);
}

/// No media are kept yet, so none that is named exists.
pub(super) fn check_media(media: &[MediaId], targets: &[TargetInput]) -> Result<(), Error> {
    let named = media.iter().chain(targets.iter().flat_map(|target| &target.media_ids)).next();
    match named {
        None => Ok(()),
        Some(id) => Err(Error::NotFound { resource: "media", id: id.to_string() }),
    }
}

/// Notes every medium that does not exist: none does yet.
pub(super) fn note_unknown_media(
    fields: &mut Fields,
    media_ids: &[String],
    inputs: &[PostTargetInput],
) {
    let mut note = |field: String, ids: &[String]| {
        for (index, id) in ids.iter().enumerate().filter(|(_, id)| id.parse::<MediaId>().is_ok()) {
            let description = format!("no such media: {id}");
            fields.violate_with(format!("{field}[{index}]"), Reason::ResourceNotFound, description);
        }
    };
    note("media_ids".to_owned(), media_ids);
    for (index, input) in inputs.iter().enumerate() {
        note(format!("platforms[{index}].media_ids"), &input.media_ids);
    }
}

/// The rows of new targets.
pub(super) fn rows(
    rpc: &Rpc,
    post_id: PostId,
    targets: Vec<TargetInput>,
    accounts: &[Account],
) -> Vec<TargetRow> {
    targets
        .into_iter()
        .zip(accounts)
        .map(|(target, account)| TargetRow {
            id: rpc.environment.minter.mint(post_id.bucket()),
            account_id: target.account_id,
            platform: i16::try_from(i32::from(account.platform)).unwrap_or(0),
            status: TargetStatus::Pending.as_str().to_owned(),
            caption_override: target.caption_override,
            first_comment: target.first_comment,
            options: target.options.map(|options| options.encode_to_vec()).unwrap_or_default(),
            publish_time: None,
            external_post_id: String::new(),
            external_url: String::new(),
            error_code: String::new(),
            error_message: String::new(),
            error_class: String::new(),
            attempt_count: 0,
            comment: FirstComment::default(),
        })
        .collect()
}
