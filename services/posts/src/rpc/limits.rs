//! What the networks would refuse of a post that goes out, told before it is scheduled.

use postbreeze_networks::{Problem, Sending, Subject, check};
use postbreeze_proto::{
    status::{Reason, Violation},
    v1::{Platform, PlatformOptions, PostTargetInput},
};
use prost::Message as _;

use super::{
    accounts::{Account, Accounts},
    media::{Media, Medium},
};
use crate::{error::Error, post::shown_media, store::posts::Post};

/// Something that a target's network refuses.
pub(super) struct Refused {
    place: usize,
    is_of_media: bool,
    violation: Violation,
}

/// What goes to one account.
struct Target<'a> {
    place: usize,
    platform: Platform,
    caption_override: Option<&'a str>,
    first_comment: &'a str,
    options: Option<&'a PlatformOptions>,
    /// How many characters its account may write; none: as many as its network takes.
    caption_limit: Option<usize>,
    /// Whether it shows media of its own.
    shows_own: bool,
    /// What it shows; none: not known yet.
    shown: Vec<Option<&'a Medium>>,
}

/// What the targets of a post have in common.
#[derive(Clone, Copy)]
struct Shared<'a> {
    content: &'a str,
    /// How many of the post's first media a request gave by their URLs.
    items: usize,
}

/// What is refused of a whole post. `accounts`: those of its targets, as far as they are known; `media`: those that were looked up; `items`: how many of its first media the request gave
/// by their URLs.
pub(super) fn of_post(
    post: &Post,
    accounts: &Accounts,
    media: &Media,
    items: usize,
) -> Result<Vec<Refused>, Error> {
    let shared = Shared { content: &post.row.content, items };
    let mut refused = Vec::new();
    for (place, target) in post.targets.iter().enumerate() {
        let options = PlatformOptions::decode(target.options.as_slice())
            .map_err(|_| Error::Unreadable("platform options"))?;
        let shown = shown_media(&post.row.media_ids, &target.media_ids);
        let target = Target {
            place,
            platform: Platform::try_from(i32::from(target.platform)).unwrap_or_default(),
            caption_override: target.caption_override.as_deref(),
            first_comment: &target.first_comment,
            options: Some(&options),
            caption_limit: accounts
                .get(&target.account_id)
                .and_then(|account| account.caption_limit),
            shows_own: !target.media_ids.is_empty(),
            shown: shown.iter().map(|id| media.get(id)).collect(),
        };
        refused.extend(target.refused(shared));
    }
    Ok(refused)
}

/// What is refused of a request's targets, which go to these accounts. The post shows `items` media that are still to be
/// fetched, and those that the request names; `media`: those that were looked up.
pub(super) fn of_request(
    content: &str,
    inputs: &[PostTargetInput],
    accounts: &[Account],
    items: usize,
    media_ids: &[String],
    media: &Media,
) -> Vec<Refused> {
    let known = |id: &String| media.get(&id.parse().ok()?);
    let mut of_post = vec![None; items];
    of_post.extend(media_ids.iter().map(known));
    let refused = |(place, (input, account)): (usize, (&PostTargetInput, &Account))| {
        let own: Vec<_> = input.media_ids.iter().map(known).collect();
        let target = Target {
            place,
            platform: account.platform,
            caption_override: input.caption_override.as_deref(),
            first_comment: &input.first_comment,
            options: input.options.as_ref(),
            caption_limit: account.caption_limit,
            shows_own: !own.is_empty(),
            shown: shown_media(&of_post, &own).to_vec(),
        };
        target.refused(Shared { content, items })
    };
    inputs.iter().zip(accounts).enumerate().flat_map(refused).collect()
}

impl Target<'_> {
    fn refused(&self, shared: Shared) -> Vec<Refused> {
        let caption = self.caption_override.unwrap_or(shared.content);
        let known: Option<Vec<_>> =
            self.shown.iter().map(|medium| Some((*medium)?.described())).collect();
        let sending = Sending {
            caption,
            first_comment: self.first_comment,
            media: known.as_deref().unwrap_or_default(),
            options: self.options,
            caption_limit: self.caption_limit,
        };
        let problems = check(self.platform, &sending).into_iter();
        let refused = |problem: Problem| Refused {
            place: self.place,
            is_of_media: matches!(problem.subject, Subject::MediaCount | Subject::Media(_)),
            violation: Violation {
                field: self.field(problem.subject, shared),
                reason: Reason::FieldInvalid,
                description: problem.rule,
            },
        };
        // Of what it shows nothing is said before all of it is known; a text that is missing is told of elsewhere.
        let can_be_told = |subject: Subject| match subject {
            Subject::Caption => !caption.is_empty(),
            Subject::FirstComment => true,
            Subject::MediaCount | Subject::Media(_) | Subject::Options(_) => known.is_some(),
        };
        problems.filter(|problem| can_be_told(problem.subject)).map(refused).collect()
    }

    /// The field of a request that a problem is about.
    fn field(&self, subject: Subject, shared: Shared) -> String {
        let place = self.place;
        match subject {
            Subject::Caption if self.caption_override.is_none() => "content".to_owned(),
            Subject::Caption => format!("platforms[{place}].caption_override"),
            Subject::FirstComment => format!("platforms[{place}].first_comment"),
            Subject::Options(field) => format!("platforms[{place}].options.{field}"),
            Subject::MediaCount if self.shows_own => format!("platforms[{place}].media_ids"),
            Subject::MediaCount => "media_ids".to_owned(),
            Subject::Media(index) if self.shows_own => {
                format!("platforms[{place}].media_ids[{index}]")
            }
            Subject::Media(index) if index < shared.items => format!("media_items[{index}]"),
            Subject::Media(index) => format!("media_ids[{}]", index - shared.items),
        }
    }
}

/// Adds what nothing is told of yet: of a field once is enough, and media that do not fit a target's options do not fit its
/// network either.
pub(super) fn add(violations: &mut Vec<Violation>, refused: Vec<Refused>) {
    let told: Vec<String> = violations.iter().map(|violation| violation.field.clone()).collect();
    let is_told = |refused: &Refused| {
        let options = format!("platforms[{}].options.", refused.place);
        told.contains(&refused.violation.field)
            || (refused.is_of_media && told.iter().any(|field| field.starts_with(&options)))
    };
    let new = refused.into_iter().filter(|refused| !is_told(refused));
    violations.extend(new.map(|refused| refused.violation));
}
