//! `PostService.ValidatePost`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    status::{Fault, Reason, Violation},
    v1::{PostViolation, ValidatePostRequest, ValidatePostResponse},
};

use super::{Rpc, composition, timing};
use crate::error::Error;

pub(super) async fn validate_post(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ValidatePostRequest,
) -> Result<ValidatePostResponse, Error> {
    // Without accounts there is no workspace, and nobody to tell what is wrong.
    let mut accounts_alone = Fields::new();
    let count = request.platforms.len();
    let mut ids = Vec::new();
    if accounts_alone.count("platforms", count, 1..=25) {
        for (index, input) in request.platforms.iter().enumerate() {
            ids.extend(
                accounts_alone.id(format!("platforms[{index}].account_id"), &input.account_id),
            );
        }
    }
    accounts_alone.finish(())?;
    let accounts = composition::accounts(rpc, context, &ids).await?;
    let workspace_id = accounts.first().ok_or(Error::Unreadable("accounts"))?.workspace_id;

    let mut fields = Fields::new();
    composition::content(&mut fields, &request.content);
    let targets = composition::targets(&mut fields, &request.platforms);
    composition::media(&mut fields, &request.media_ids, &request.media_items);
    let timing = timing::parse(&mut fields, request.scheduled_for.as_ref(), request.publish_now);
    fields.time("draft_scheduled_for", request.draft_scheduled_for.as_ref());
    composition::timezone(&mut fields, &request.timezone);
    let is_scheduled = matches!(timing, Some(Some(_)));
    if is_scheduled && request.draft_scheduled_for.is_some() {
        fields.violate("draft_scheduled_for", "is for drafts alone");
    }
    if is_scheduled && request.content.is_empty() && request.media_ids.is_empty() {
        fields.violate("content", "must not be empty in a post that goes out without media");
    }
    let mut violations = fields.into_violations();
    if let Some(Some(timing)) = timing {
        violations.extend(timing::instant(timing, rpc.environment.clock.now()).err());
        for (index, _) in accounts.iter().enumerate().filter(|(_, account)| !account.active) {
            violations.push(Violation {
                field: format!("platforms[{index}].account_id"),
                reason: Reason::AccountNotActive,
                description: "is an account that cannot publish".to_owned(),
            });
        }
    }
    if let Some(targets) = targets
        && let Err(fault) = composition::check_targets(workspace_id, &targets, &accounts)
    {
        if fault.violations().iter().any(spans_workspaces) {
            return Err(Fault::invalid(
                fault
                    .violations()
                    .iter()
                    .filter(|found| spans_workspaces(found))
                    .cloned()
                    .collect(),
            )
            .into());
        }
        violations.extend_from_slice(fault.violations());
    }
    Ok(ValidatePostResponse {
        violations: violations.into_iter().map(message).collect(),
        workspace_id: workspace_id.to_string(),
    })
}

fn spans_workspaces(violation: &Violation) -> bool {
    violation.reason == Reason::AccountsSpanWorkspaces
}

fn message(violation: Violation) -> PostViolation {
    PostViolation {
        field: violation.field,
        reason: violation.reason.into(),
        description: violation.description,
    }
}
