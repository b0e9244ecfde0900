//! What a post is made of: content, targets, media; as requests give it, and as a whole. Shared by creating, validating and
//! updating.

use std::collections::HashSet;

use chrono_tz::Tz;
use postbreeze_ids::{AccountId, Media as Medium, MediaId, PostId};
use postbreeze_proto::{
    fields::Fields,
    status::{Fault, Violation},
    v1::{MediaItemInput, PlatformOptions, PostTargetInput},
};
use prost::Message as _;

use super::{
    Rpc,
    accounts::{Account, Accounts},
    limits,
    media::{Media, alt_texts},
    options,
};
use crate::{
    error::Error,
    post::{TargetStatus, shown_media},
    store::{
        posts::Post,
        targets::{FirstComment, TargetRow},
    },
};

const CONTENT_CHARS: usize = 10_000;
const COMMENT_CHARS: usize = 2_000;
/// Targets of a post at the most.
pub(super) const TARGETS: usize = 25;
/// Media of a post at the most, but those that are fetched for it.
pub(super) const MEDIA: usize = 20;
/// Media of a target's own at the most.
pub(super) const TARGET_MEDIA: usize = 35;
const MEDIA_ITEMS: usize = 10;
const URL_CHARS: usize = 2_048;
const ALT_TEXT_CHARS: usize = 1_000;

/// One target of a request, checked.
#[derive(Debug, Clone)]
pub(super) struct TargetInput {
    pub(super) account_id: AccountId,
    caption_override: Option<String>,
    first_comment: String,
    pub(super) media_ids: Vec<MediaId>,
    pub(super) options: Option<PlatformOptions>,
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
pub(super) fn media(fields: &mut Fields, ids: &[String]) -> Option<Vec<MediaId>> {
    fields.ids::<Medium>("media_ids", ids, 0..=MEDIA)
}

/// Media to fetch from the web. Whether a URL leads to one is for `media` to say.
pub(super) fn media_items(fields: &mut Fields, items: &[MediaItemInput]) {
    if !fields.count("media_items", items.len(), 0..=MEDIA_ITEMS) {
        return;
    }
    for (index, item) in items.iter().enumerate() {
        let field = format!("media_items[{index}].url");
        let url = fields.text(field.clone(), &item.url, 1..=URL_CHARS);
        let scheme = url.as_deref().and_then(|url| url.split_once("://")).map(|(scheme, _)| scheme);
        let is_of_the_web = |scheme: &str| {
            scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
        };
        if url.is_some() && !scheme.is_some_and(is_of_the_web) {
            fields.violate(field, "must be an http or https URL");
        }
        fields.text(format!("media_items[{index}].alt_text"), &item.alt_text, 0..=ALT_TEXT_CHARS);
    }
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
        fields.ids::<Medium>(&format!("{name}.media_ids"), &input.media_ids, 0..=TARGET_MEDIA);
    let options = options::parse(fields, &format!("{name}.options"), input.options.as_ref());
    Some(TargetInput {
        account_id: account_id?,
        caption_override: caption?,
        first_comment: comment?,
        media_ids: media_ids?,
        options: options?,
    })
}

/// Each target of a post that goes out must have a text or media: the content may be empty only when all have media, and a
/// text of a target's own only when that target has. `targets`: their own texts, and whether they show media.
fn check_text<'a>(
    fields: &mut Fields,
    content: &str,
    targets: impl Iterator<Item = (Option<&'a str>, bool)>,
) {
    let mut content_suffices = true;
    for (index, (caption, shows_media)) in targets.enumerate() {
        if shows_media {
            continue;
        }
        content_suffices &= !content.is_empty();
        if caption == Some("") {
            fields.violate(
                format!("platforms[{index}].caption_override"),
                "must not be empty where a post goes out without media",
            );
        }
    }
    if !content_suffices {
        fields.violate("content", "must not be empty in a post that goes out without media");
    }
}

/// [`check_text`] of a request that names this many media of the post.
pub(super) fn check_new_text(
    fields: &mut Fields,
    content: &str,
    media: usize,
    inputs: &[PostTargetInput],
) {
    let targets = inputs
        .iter()
        .map(|input| (input.caption_override.as_deref(), media > 0 || !input.media_ids.is_empty()));
    check_text(fields, content, targets);
}

/// What is wrong with the media of a request's targets for their options. The post shows `items` media that are still to be
/// fetched, and those that the request names; `media`: those that were looked up.
pub(super) fn unfit_media(
    inputs: &[PostTargetInput],
    items: usize,
    media_ids: &[String],
    media: &Media,
    goes_out: bool,
) -> Vec<Violation> {
    let kind = |id: &String| Some(media.get(&id.parse().ok()?)?.kind);
    let mut of_post = vec![None; items];
    of_post.extend(media_ids.iter().map(kind));
    let unfit = |(place, input): (usize, &PostTargetInput)| {
        let own: Vec<_> = input.media_ids.iter().map(kind).collect();
        options::unfit(place, input.options.as_ref(), shown_media(&of_post, &own), goes_out)
    };
    inputs.iter().enumerate().filter_map(unfit).collect()
}

/// Refuses a request of which something is wrong.
///
/// # Errors
/// The fault with every violation.
pub(super) fn refuse(violations: Vec<Violation>) -> Result<(), Fault> {
    if violations.is_empty() { Ok(()) } else { Err(Fault::invalid(violations)) }
}

/// What a whole post lacks: media that fit its targets' options and, when it goes out, text and what the networks ask for.
/// `media`: those that were looked up; `items`: how many of its first media the request gave by their URLs.
pub(super) fn faults_of(
    post: &Post,
    accounts: &Accounts,
    media: &Media,
    items: usize,
    goes_out: bool,
) -> Result<Vec<Violation>, Error> {
    let shown = |target: &TargetRow| {
        let ids = shown_media(&post.row.media_ids, &target.media_ids);
        ids.iter().map(|id| media.get(id).map(|medium| medium.kind)).collect::<Vec<_>>()
    };
    let mut fields = Fields::new();
    if goes_out {
        let captions = post
            .targets
            .iter()
            .map(|target| (target.caption_override.as_deref(), !shown(target).is_empty()));
        check_text(&mut fields, &post.row.content, captions);
    }
    let mut faults = fields.into_violations();
    for (place, target) in post.targets.iter().enumerate() {
        let options = PlatformOptions::decode(target.options.as_slice())
            .map_err(|_| Error::Unreadable("platform options"))?;
        faults.extend(options::unfit(place, Some(&options), &shown(target), goes_out));
    }
    if goes_out {
        limits::add(&mut faults, limits::of_post(post, accounts, media, items)?);
    }
    Ok(faults)
}

/// The rows of new targets. `media`: all that they name.
pub(super) fn rows(
    rpc: &Rpc,
    post_id: PostId,
    targets: Vec<TargetInput>,
    accounts: &[Account],
    media: &Media,
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
            alt_texts: Some(alt_texts(&target.media_ids, media)),
            media_ids: target.media_ids,
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
