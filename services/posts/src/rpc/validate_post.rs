//! `PostService.ValidatePost`.

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
    composition, options, timing,
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
    composition::media(&mut fields, &request.media_ids, &request.media_items);
    let timing = timing::parse(&mut fields, request.scheduled_for.as_ref(), request.publish_now);
    fields.time("draft_scheduled_for", request.draft_scheduled_for.as_ref());
    composition::timezone(&mut fields, &request.timezone);
    let is_scheduled = matches!(timing, Some(Some(_)));
    if is_scheduled && request.draft_scheduled_for.is_some() {
        fields.violate("draft_scheduled_for", "is for drafts alone");
    }
    if is_scheduled {
        let has_media = !request.media_ids.is_empty() || !request.media_items.is_empty();
        composition::check_new_text(&mut fields, &request.content, has_media, &request.platforms);
        note_inactive(&mut fields, &accounts);
    }
    composition::note_unknown_media(&mut fields, &request.media_ids, &request.platforms);
    let mut violations = fields.into_violations();
    violations.extend(options::unsuited(&request.platforms, &accounts));
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
