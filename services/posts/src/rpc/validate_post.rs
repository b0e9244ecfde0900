//! `PostService.ValidatePost`.

use std::iter;

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::AccountId;
use postbreeze_proto::{
    fields::Fields,
    status::{Fault, Reason, Violation},
    v1::{PostViolation, ValidatePostRequest, ValidatePostResponse},
};

use super::{
    Rpc,
    accounts::{self, Account},
    composition, limits,
    media::Named,
    options, timing,
};
use crate::error::Error;

pub(super) async fn validate_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ValidatePostRequest,
) -> Result<ValidatePostResponse, Error> {
    let ids = account_ids(&request)?;
    let accounts = accounts::find(rpc, &ids).await?;
    accounts::check_reach(context, &accounts)?;
    let workspace_id = accounts.first().ok_or(Error::Unreadable("accounts"))?.workspace_id;
    accounts::check_span(workspace_id, &accounts)?;

    let mut fields = Fields::new();
    composition::content(&mut fields, &request.content);
    composition::targets(&mut fields, &request.platforms);
    composition::media(&mut fields, &request.media_ids);
    composition::media_items(&mut fields, &request.media_items);
    let timing = timing::parse(&mut fields, request.scheduled_for.as_ref(), request.publish_now);
    fields.time("draft_scheduled_for", request.draft_scheduled_for.as_ref());
    composition::timezone(&mut fields, &request.timezone);
    let is_scheduled = matches!(timing, Some(Some(_)));
    if is_scheduled && request.draft_scheduled_for.is_some() {
        fields.violate("draft_scheduled_for", "is for drafts alone");
    }
    if is_scheduled {
        let media = request.media_ids.len() + request.media_items.len();
        composition::check_new_text(&mut fields, &request.content, media, &request.platforms);
        note_inactive(&mut fields, &accounts);
    }
    let named = named(&request);
    let media = named.look_up(rpc).await?;
    let mut violations = fields.into_violations();
    violations.extend(named.unusable_to(context, workspace_id, &media));
    violations.extend(options::unsuited(&request.platforms, &accounts));
    violations.extend(composition::unfit_media(
        &request.platforms,
        request.media_items.len(),
        &request.media_ids,
        &media,
        is_scheduled,
    ));
    if is_scheduled {
        let (inputs, items) = (&request.platforms, request.media_items.len());
        let refused = limits::of_request(
            &request.content,
            inputs,
            &accounts,
            items,
            &request.media_ids,
            &media,
        );
        limits::add(&mut violations, refused);
    }
    if let Some(Some(timing)) = timing {
        violations.extend(timing::instant(timing, rpc.environment.clock.now()).err());
    }
    Ok(ValidatePostResponse {
        violations: violations.into_iter().map(message).collect(),
        workspace_id: workspace_id.to_string(),
    })
}

/// Without accounts there is no workspace, and nobody to tell what is wrong.
fn account_ids(request: &ValidatePostRequest) -> Result<Vec<AccountId>, Fault> {
    let mut fields = Fields::new();
    let mut ids = Vec::new();
    if fields.count("platforms", request.platforms.len(), 1..=composition::TARGETS) {
        for (index, input) in request.platforms.iter().enumerate() {
            ids.extend(fields.id(format!("platforms[{index}].account_id"), &input.account_id));
        }
    }
    fields.finish(())?;
    Ok(ids)
}

/// The ids that are some, in lists that are not too long: what else is wrong with them is known without asking.
fn named(request: &ValidatePostRequest) -> Named {
    let mut named = Named::default();
    let lists = request.platforms.iter().map(|input| &input.media_ids).enumerate();
    let of_targets = lists.map(|(target, ids)| (Some(target), ids, composition::TARGET_MEDIA));
    let of_post = (None, &request.media_ids, composition::MEDIA);
    for (target, ids, most) in iter::once(of_post).chain(of_targets) {
        let sound =
            ids.iter().enumerate().filter_map(|(index, id)| Some((index, id.parse().ok()?)));
        if ids.len() <= most {
            named.add(target, sound);
        }
    }
    named
}

fn note_inactive(fields: &mut Fields, accounts: &[Account]) {
    for (index, _) in accounts.iter().enumerate().filter(|(_, account)| !account.active) {
        let field = format!("platforms[{index}].account_id");
        fields.violate_with(field, Reason::AccountNotActive, "is an account that cannot publish");
    }
}

fn message(violation: Violation) -> PostViolation {
    PostViolation {
        field: violation.field,
        reason: violation.reason.into(),
        description: violation.description,
    }
}
