//! The limits of each network's options, as `post_options.proto` tells them; one function per network.

use http::Uri;
use postbreeze_proto::{
    fields::Fields,
    status::{Reason, Violation},
    v1::{
        BlueskyOptions, FacebookOptions, InstagramOptions, InstagramPlacement, LinkedinOptions,
        LinkedinVisibility, MastodonOptions, MastodonVisibility, MediaKind, PinterestOptions,
        Platform, PlatformOptions, PostTargetInput, ThreadsOptions, ThreadsReplyControl,
        TiktokOptions, TiktokPrivacyLevel, XOptions, XReplySettings, YoutubeOptions,
        YoutubeVisibility, platform_options::Network,
    },
};
use prost::Message as _;

use super::accounts::Account;

const BYTES: usize = 16 * 1_024;
const COLLABORATORS: usize = 3;
const HANDLE_CHARS: usize = 30;
const LINK_CHARS: usize = 2_048;
const TITLE_CHARS: usize = 100;
const TAGS_CHARS: usize = 500;
const BOARD_CHARS: usize = 64;
const SPOILER_CHARS: usize = 500;
const LANGUAGES: usize = 3;

/// A target's options; none when there are none or they name no network.
pub(super) fn parse(
    fields: &mut Fields,
    name: &str,
    options: Option<&PlatformOptions>,
) -> Option<Option<PlatformOptions>> {
    let Some(options) = options else { return Some(None) };
    if options.encoded_len() > BYTES {
        fields.violate(name, format!("must have at most {BYTES} bytes"));
        return None;
    }
    let Some(network) = &options.network else { return Some(None) };
    check(fields, name, network);
    Some(Some(options.clone()))
}

fn check(fields: &mut Fields, name: &str, network: &Network) {
    match network {
        Network::Instagram(options) => instagram(fields, &format!("{name}.instagram"), options),
        Network::Facebook(options) => facebook(fields, &format!("{name}.facebook"), options),
        Network::X(options) => x(fields, &format!("{name}.x"), *options),
        Network::Linkedin(options) => linkedin(fields, &format!("{name}.linkedin"), *options),
        Network::Tiktok(options) => tiktok(fields, &format!("{name}.tiktok"), *options),
        Network::Youtube(options) => youtube(fields, &format!("{name}.youtube"), options),
        Network::Pinterest(options) => pinterest(fields, &format!("{name}.pinterest"), options),
        Network::Threads(options) => threads(fields, &format!("{name}.threads"), *options),
        Network::Bluesky(options) => bluesky(fields, &format!("{name}.bluesky"), options),
        Network::Mastodon(options) => mastodon(fields, &format!("{name}.mastodon"), options),
        Network::Sandbox(_) => {}
    }
}

fn instagram(fields: &mut Fields, name: &str, options: &InstagramOptions) {
    fields.optional_choice::<InstagramPlacement>(format!("{name}.placement"), options.placement);
    let list = format!("{name}.collaborators");
    if !fields.count(&list, options.collaborators.len(), 0..=COLLABORATORS) {
        return;
    }
    for (index, handle) in options.collaborators.iter().enumerate() {
        let field = format!("{list}[{index}]");
        if fields.text(field.clone(), handle, 1..=HANDLE_CHARS).is_some() && handle.contains('@') {
            fields.violate(field, "must be a handle without \"@\"");
        }
    }
}

fn facebook(fields: &mut Fields, name: &str, options: &FacebookOptions) {
    link(fields, format!("{name}.link"), &options.link);
}

fn x(fields: &mut Fields, name: &str, options: XOptions) {
    fields.optional_choice::<XReplySettings>(
        format!("{name}.reply_settings"),
        options.reply_settings,
    );
}

fn linkedin(fields: &mut Fields, name: &str, options: LinkedinOptions) {
    fields.optional_choice::<LinkedinVisibility>(format!("{name}.visibility"), options.visibility);
}

fn tiktok(fields: &mut Fields, name: &str, options: TiktokOptions) {
    let field = format!("{name}.privacy_level");
    fields.optional_choice::<TiktokPrivacyLevel>(field, options.privacy_level);
}

fn youtube(fields: &mut Fields, name: &str, options: &YoutubeOptions) {
    fields.text(format!("{name}.title"), &options.title, 0..=TITLE_CHARS);
    fields.optional_choice::<YoutubeVisibility>(format!("{name}.visibility"), options.visibility);
    let chars: usize = options.tags.iter().map(|tag| tag.chars().count()).sum();
    if chars > TAGS_CHARS || options.tags.iter().any(String::is_empty) {
        let description = format!("must have at most {TAGS_CHARS} characters over all, none empty");
        fields.violate(format!("{name}.tags"), description);
    }
}

fn pinterest(fields: &mut Fields, name: &str, options: &PinterestOptions) {
    fields.text(format!("{name}.board_id"), &options.board_id, 0..=BOARD_CHARS);
    fields.text(format!("{name}.title"), &options.title, 0..=TITLE_CHARS);
    link(fields, format!("{name}.link"), &options.link);
}

fn threads(fields: &mut Fields, name: &str, options: ThreadsOptions) {
    let field = format!("{name}.reply_control");
    fields.optional_choice::<ThreadsReplyControl>(field, options.reply_control);
}

fn bluesky(fields: &mut Fields, name: &str, options: &BlueskyOptions) {
    let list = format!("{name}.languages");
    if !fields.count(&list, options.languages.len(), 0..=LANGUAGES) {
        return;
    }
    for (index, tag) in options.languages.iter().enumerate().filter(|(_, tag)| !is_language(tag)) {
        fields.violate(format!("{list}[{index}]"), format!("{tag:?} is no BCP 47 tag"));
    }
}

fn mastodon(fields: &mut Fields, name: &str, options: &MastodonOptions) {
    fields.optional_choice::<MastodonVisibility>(format!("{name}.visibility"), options.visibility);
    fields.text(format!("{name}.spoiler_text"), &options.spoiler_text, 0..=SPOILER_CHARS);
    let language = &options.language;
    let is_code = language.len() == 2 && language.bytes().all(|byte| byte.is_ascii_lowercase());
    if !language.is_empty() && !is_code {
        fields.violate(format!("{name}.language"), "must be an ISO 639-1 code, or empty");
    }
}

/// An http or https URL with a host and no user, or none.
fn link(fields: &mut Fields, field: String, text: &str) {
    let is_link = |uri: Uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    };
    let Some(text) = fields.text(field.clone(), text, 0..=LINK_CHARS) else { return };
    if !text.is_empty() && !text.parse().is_ok_and(is_link) {
        fields.violate(field, "must be an http or https URL");
    }
}

/// Subtags of 1 to 8 letters and digits, the first of 2 to 8 letters.
fn is_language(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let first = subtags.next().unwrap_or_default();
    (2..=8).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && subtags.all(|subtag| {
            (1..=8).contains(&subtag.len())
                && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
        && tag.len() <= 35
}

/// Options that are not for the networks of their accounts, or do not fit them.
pub(super) fn unsuited(inputs: &[PostTargetInput], accounts: &[Account]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, (input, account)) in inputs.iter().zip(accounts).enumerate() {
        let network = input.options.as_ref().and_then(|options| options.network.as_ref());
        let Some(network) = network else { continue };
        let name = format!("platforms[{index}].options");
        let (field, description) = if !suits(network, account.platform) {
            (name, "is for another network than the account's")
        } else if is_for_members(network) && account.platform == Platform::LinkedinCompany {
            (format!("{name}.linkedin.visibility"), "a company page has no connections")
        } else {
            continue;
        };
        violations.push(Violation {
            field,
            reason: Reason::FieldInvalid,
            description: description.to_owned(),
        });
    }
    violations
}

/// The network that options are for. LinkedIn's serve persons and companies.
fn suits(network: &Network, platform: Platform) -> bool {
    match network {
        Network::Instagram(_) => platform == Platform::Instagram,
        Network::Facebook(_) => platform == Platform::FacebookPage,
        Network::X(_) => platform == Platform::X,
        Network::Linkedin(_) => {
            matches!(platform, Platform::LinkedinPerson | Platform::LinkedinCompany)
        }
        Network::Tiktok(_) => platform == Platform::Tiktok,
        Network::Youtube(_) => platform == Platform::Youtube,
        Network::Pinterest(_) => platform == Platform::Pinterest,
        Network::Threads(_) => platform == Platform::Threads,
        Network::Bluesky(_) => platform == Platform::Bluesky,
        Network::Mastodon(_) => platform == Platform::Mastodon,
        Network::Sandbox(_) => platform == Platform::Sandbox,
    }
}

fn is_for_members(network: &Network) -> bool {
    let Network::Linkedin(options) = network else { return false };
    options.visibility() == LinkedinVisibility::Connections
}

/// Whether options ask for media of a kind, and not only for how many.
pub(super) fn ask_for_kinds(options: Option<&PlatformOptions>) -> bool {
    let network = options.and_then(|options| options.network.as_ref());
    network.is_some_and(|network| !kinds_asked_for(network).is_empty())
}

/// What is wrong with the media that the target at a place shows, for its options. A kind that is not known yet is none of
/// the wrong ones; a post that does not go out yet may still get what it lacks.
pub(super) fn unfit(
    place: usize,
    options: Option<&PlatformOptions>,
    shown: &[Option<MediaKind>],
    goes_out: bool,
) -> Option<Violation> {
    let network = options?.network.as_ref()?;
    let asked_for = kinds_asked_for(network);
    let is_wrong = |kind: &MediaKind| !asked_for.contains(kind);
    let (field, description) = match network {
        Network::Facebook(options) if !options.link.is_empty() && !shown.is_empty() => {
            ("facebook.link", "is shown only without media")
        }
        Network::Instagram(_) if !asked_for.is_empty() => {
            let fits = shown.len() <= 1
                && !(goes_out && shown.is_empty())
                && !shown.iter().flatten().any(is_wrong);
            if fits {
                return None;
            }
            let description = if asked_for.contains(&MediaKind::Image) {
                "shows exactly one image or video"
            } else {
                "shows exactly one video"
            };
            ("instagram.placement", description)
        }
        _ => return None,
    };
    Some(Violation {
        field: format!("platforms[{place}].options.{field}"),
        reason: Reason::FieldInvalid,
        description: description.to_owned(),
    })
}

/// The kinds of which a target must show exactly one medium; none: it may show what it likes.
fn kinds_asked_for(network: &Network) -> &'static [MediaKind] {
    let Network::Instagram(options) = network else { return &[] };
    match options.placement() {
        InstagramPlacement::Reel => &[MediaKind::Video],
        InstagramPlacement::Story => &[MediaKind::Image, MediaKind::Video],
        InstagramPlacement::Unspecified | InstagramPlacement::Feed => &[],
    }
}
