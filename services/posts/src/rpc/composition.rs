//! What a post is made of, as requests give it: content, targets, media. Shared by creating, validating and updating.

use std::collections::HashMap;

use chrono_tz::Tz;
use postbreeze_context::{Claim, WorkspaceContext};
use postbreeze_ids::{AccountId, Media, MediaId, PostId, WorkspaceId};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{
        AccountSummary, LookUpAccountsRequest,
        account_source_service_client::AccountSourceServiceClient,
    },
    status::{Fault, Reason, Violation},
    v1::{
        AccountStatus, MediaItemInput, Platform, PlatformOptions, PostTargetInput,
        platform_options::Network,
    },
};
use prost::Message as _;

use super::Rpc;
use crate::{error::Error, post::TargetStatus, store::targets::TargetRow};

const CONTENT_CHARS: usize = 10_000;
const COMMENT_CHARS: usize = 2_000;
const TARGETS: usize = 25;
const MEDIA: usize = 20;
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
    let mut targets: Vec<TargetInput> = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.iter().enumerate() {
        let name = format!("platforms[{index}]");
        let parsed = target(fields, &name, input);
        if let Some(parsed) = parsed {
            if targets.iter().any(|other| other.account_id == parsed.account_id) {
                fields.violate(format!("{name}.account_id"), "is named twice");
            }
            targets.push(parsed);
        }
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
    let media_ids = fields.ids::<Media>(&format!("{name}.media_ids"), &input.media_ids, 0..=MEDIA);
    let options = options(fields, name, input.options.as_ref());
    Some(TargetInput {
        account_id: account_id?,
        caption_override: caption?,
        first_comment: comment?,
        media_ids: media_ids?,
        options: options?,
    })
}

/// Options are kept as they came; text in them must be storable, and of a sane size.
fn options(
    fields: &mut Fields,
    name: &str,
    options: Option<&PlatformOptions>,
) -> Option<Option<PlatformOptions>> {
    const OPTION_BYTES: usize = 16 * 1_024;
    let Some(options) = options else { return Some(None) };
    if options.encoded_len() > OPTION_BYTES {
        fields
            .violate(format!("{name}.options"), format!("must have at most {OPTION_BYTES} bytes"));
        return None;
    }
    if options.network.is_none() {
        return Some(None);
    }
    Some(Some(options.clone()))
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

/// An account that a post goes to, as `accounts` knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    pub(super) workspace_id: WorkspaceId,
    pub(super) platform: Platform,
    pub(super) active: bool,
}

/// The accounts of targets, each in the caller's reach, in the order of the targets.
pub(super) async fn accounts(
    rpc: &Rpc,
    context: &WorkspaceContext,
    ids: &[AccountId],
) -> Result<Vec<Account>, Error> {
    let found = look_up(rpc, ids).await?;
    let mut accounts = Vec::with_capacity(ids.len());
    for id in ids {
        let account = found
            .get(id)
            .ok_or_else(|| Error::NotFound { resource: "account", id: id.to_string() })?;
        accounts.push(*account);
    }
    for account in &accounts {
        context.admit(Claim::on(account.workspace_id), postbreeze_context::Action::Read)?;
    }
    Ok(accounts)
}

async fn look_up(rpc: &Rpc, ids: &[AccountId]) -> Result<HashMap<AccountId, Account>, Error> {
    let request =
        LookUpAccountsRequest { account_ids: ids.iter().map(ToString::to_string).collect() };
    let answer = AccountSourceServiceClient::new(rpc.accounts.clone())
        .look_up_accounts(request)
        .await
        .map_err(|status| Error::Peer { peer: "accounts", status })?;
    answer.into_inner().accounts.iter().map(read_account).collect()
}

fn read_account(summary: &AccountSummary) -> Result<(AccountId, Account), Error> {
    let id = summary.account_id.parse().map_err(|_| Error::Unreadable("account_id"))?;
    let workspace_id =
        summary.workspace_id.parse().map_err(|_| Error::Unreadable("workspace_id"))?;
    let active = summary.status() == AccountStatus::Active;
    Ok((id, Account { workspace_id, platform: summary.platform(), active }))
}

/// Every account must be of one workspace, and the options of its network.
///
/// # Errors
/// `ACCOUNTS_SPAN_WORKSPACES` or `FIELD_INVALID`, naming every target at fault.
pub(super) fn check_targets(
    workspace_id: WorkspaceId,
    targets: &[TargetInput],
    accounts: &[Account],
) -> Result<(), Fault> {
    let mut violations = Vec::new();
    for (index, (target, account)) in targets.iter().zip(accounts).enumerate() {
        if account.workspace_id != workspace_id {
            violations.push(Violation {
                field: format!("platforms[{index}].account_id"),
                reason: Reason::AccountsSpanWorkspaces,
                description: "is an account of another workspace".to_owned(),
            });
        }
        let network = target.options.as_ref().and_then(|options| options.network.as_ref());
        if network.is_some_and(|network| !suits(network, account.platform)) {
            violations.push(Violation {
                field: format!("platforms[{index}].options"),
                reason: Reason::FieldInvalid,
                description: "is for another network than the account's".to_owned(),
            });
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Fault::invalid(violations)) }
}

/// No media are kept yet, so none that is named exists.
pub(super) fn check_media(media: &[MediaId], targets: &[TargetInput]) -> Result<(), Error> {
    let named = media.iter().chain(targets.iter().flat_map(|target| &target.media_ids)).next();
    match named {
        None => Ok(()),
        Some(id) => Err(Error::NotFound { resource: "media", id: id.to_string() }),
    }
}

/// The first account that cannot publish.
pub(super) fn check_active(ids: &[AccountId], accounts: &[Account]) -> Result<(), Error> {
    match ids.iter().zip(accounts).find(|(_, account)| !account.active) {
        None => Ok(()),
        Some((id, _)) => Err(Error::AccountNotActive(*id)),
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
            post_id,
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
        })
        .collect()
}
