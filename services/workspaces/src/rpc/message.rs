//! Rows as messages.

use chrono::{DateTime, TimeZone as _, Utc};
use postbreeze_context::Role;
use postbreeze_ids::{UserId, WorkspaceId};
use postbreeze_proto::{
    internal::v1::{OwnerEntitlements, Profile},
    time, v1,
};

use crate::{
    plan::{Plan, PlanTerms},
    store::{InvitationRow, MemberRow, SubscriptionRow, WorkspaceRow},
};

/// A workspace as a member of this role sees it.
pub(super) fn workspace(row: WorkspaceRow, role: Role) -> v1::Workspace {
    v1::Workspace {
        id: row.id.to_string(),
        name: row.name,
        slug: row.slug,
        timezone: row.timezone,
        brand_color: row.brand_color,
        logo_url: row.logo_url,
        require_approval: row.require_approval,
        owner_user_id: row.owner_user_id.to_string(),
        role: role.to_proto().into(),
        joined: role != Role::Owner,
        create_time: Some(time::to_proto(row.create_time)),
        update_time: Some(time::to_proto(row.update_time)),
    }
}

/// A member, with what identity knows of the user.
pub(super) fn member(row: &MemberRow, profile: Profile) -> v1::Member {
    v1::Member {
        id: row.id.to_string(),
        workspace_id: row.workspace_id.to_string(),
        user_id: row.user_id.to_string(),
        email: profile.email,
        display_name: profile.display_name,
        role: row.role.0.to_proto().into(),
        create_time: Some(time::to_proto(row.create_time)),
    }
}

/// An invitation as it stands now.
pub(super) fn invitation(row: InvitationRow, now: DateTime<Utc>) -> v1::Invitation {
    v1::Invitation {
        id: row.id.to_string(),
        workspace_id: row.workspace_id.to_string(),
        email: row.email,
        role: row.role.0.to_proto().into(),
        status: row.status.at(now, row.expire_time).into(),
        inviter_user_id: row.inviter_user_id.to_string(),
        create_time: Some(time::to_proto(row.create_time)),
        expire_time: Some(time::to_proto(row.expire_time)),
    }
}

/// A user's subscription. One that was never changed dates from the sign-up, which the user's id tells.
pub(super) fn subscription(user_id: UserId, row: Option<SubscriptionRow>) -> v1::Subscription {
    let sign_up = || {
        let ms = i64::try_from(user_id.unix_ms()).unwrap_or_default();
        Utc.timestamp_millis_opt(ms).single().unwrap_or_default()
    };
    v1::Subscription {
        user_id: user_id.to_string(),
        plan: row.map_or(Plan::default(), |row| row.plan).to_proto().into(),
        update_time: Some(time::to_proto(row.map_or_else(sign_up, |row| row.update_time))),
    }
}

/// What a plan allows.
pub(super) fn plan(terms: PlanTerms) -> v1::PlanDetails {
    v1::PlanDetails {
        plan: terms.plan.to_proto().into(),
        posts_per_month: terms.posts_per_month,
        media_bytes: terms.media_bytes,
        advanced_analytics: terms.advanced_analytics,
        white_label: terms.white_label,
    }
}

/// What the owner's plan allows in a workspace.
pub(super) fn entitlements(workspace_id: WorkspaceId, terms: PlanTerms) -> v1::Entitlements {
    v1::Entitlements {
        workspace_id: workspace_id.to_string(),
        plan: terms.plan.to_proto().into(),
        posts_per_month: terms.posts_per_month,
        media_bytes: terms.media_bytes,
        advanced_analytics: terms.advanced_analytics,
        white_label: terms.white_label,
    }
}

/// What an owner's plan allows, for the services that count.
pub(super) fn owner_entitlements(owner: UserId, terms: PlanTerms) -> OwnerEntitlements {
    OwnerEntitlements {
        owner_user_id: owner.to_string(),
        plan: terms.plan.to_proto().into(),
        posts_per_month: terms.posts_per_month,
        media_bytes: terms.media_bytes,
    }
}
