//! Where posts stand, and how they get there: by what people and networks do, and not by writing it down.

use chrono::TimeDelta;
use futures_util::future::join;
use postbreeze_proto::v1::{
    CreatePostRequest, ListSocialAccountsRequest, Platform, Post, PostStatus,
    ReschedulePostRequest, SandboxBehavior, SandboxFault, TargetStatus,
};
use postbreeze_testkit::{Client, System, Team, draft, until_that};

use super::{
    add_account, cancel, command, expire, faults, hold_post, require_approval, reschedule_post,
    revive, schedule, scheduled, sent, target, target_statuses, until, waiting,
};

/// What becomes of a target that is sent to its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is out.
    Published,
    /// It is refused for good.
    Failed,
    /// It is to be tried again later. Of the sandbox: an hour later.
    Waiting,
    /// The network has it and does not answer. On the sandbox alone.
    Sending,
    /// The network has it, and its answer was lost. On the sandbox alone.
    Lost,
}

impl Fate {
    /// The status that such a target has.
    pub(crate) fn status(self) -> TargetStatus {
        match self {
            Self::Published => TargetStatus::Published,
            Self::Failed => TargetStatus::Failed,
            Self::Waiting => TargetStatus::Pending,
            Self::Sending => TargetStatus::Publishing,
            Self::Lost => TargetStatus::Unknown,
        }
    }

    /// How the sandbox behaves so that it comes to this.
    fn behavior(self) -> SandboxBehavior {
        let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        match self {
            Self::Published => SandboxBehavior::default(),
            Self::Failed => faults(&[SandboxFault::Refused]),
            Self::Waiting => SandboxBehavior {
                retry_after: seconds(3_600),
                ..faults(&[SandboxFault::RateLimited])
            },
            Self::Sending => SandboxBehavior { delay: seconds(30), ..Default::default() },
            Self::Lost => faults(&[SandboxFault::AnswerLost]),
        }
    }
}

/// Where a post stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Draft,
    NeedsApproval,
    Scheduled,
    /// PUBLISHING: its target is on its way.
    Sending,
    /// PUBLISHING: what became of its target is not known.
    Lost,
    /// Its first target is out, its second has failed.
    PartiallyPublished,
    Published,
    Failed,
    Canceled,
}

/// The workspace's account on a network that is not served here: nothing is ever sent to it. It is made when it is first
/// asked for.
pub(crate) async fn second_account(system: &System, team: &Team) -> String {
    let request = ListSocialAccountsRequest {
        workspace_id: team.workspace.id.clone(),
        platform: vec![Platform::X.into()],
        ..Default::default()
    };
    let listed = team.owner.session.accounts().list_social_accounts(request).await.unwrap();
    match listed.into_inner().accounts.pop() {
        Some(account) => account.id,
        None => add_account(system, &team.account, Platform::X).await,
    }
}

/// Publishes a post now, and waits until each of its targets has met its fate. `client`: the owner's, or an admin's.
pub(crate) async fn meet(system: &System, client: &Client, post: &Post, fates: &[Fate]) -> Post {
    assert_eq!(post.targets.len(), fates.len());
    let mut sandbox = None;
    for (target, fate) in post.targets.iter().zip(fates) {
        match (target.platform(), fate) {
            (Platform::Sandbox, _) => {
                command(client, &target.account_id, fate.behavior()).await;
                sandbox = Some(&target.account_id);
            }
            // That the network is not served may change.
            (_, Fate::Waiting | Fate::Failed) => revive(system, &target.account_id).await,
            (platform, _) => panic!("{platform:?} cannot come to {fate:?}"),
        }
    }
    let before = received(client, sandbox).await;
    let now =
        ReschedulePostRequest { post_id: post.id.clone(), publish_now: true, ..Default::default() };
    // An account expires when the post is on its way to be sent, and not sent: nothing is begun for one that has.
    let held = hold_post(system, &post.id).await;
    let expiring = async {
        waiting(system, 1).await;
        for (target, fate) in post.targets.iter().zip(fates) {
            if target.platform() != Platform::Sandbox && *fate == Fate::Failed {
                expire(system, &target.account_id).await;
            }
        }
        held.rollback().await.unwrap();
    };
    let (rescheduled, ()) = join(reschedule_post(client, now), expiring).await;
    rescheduled.unwrap();
    let wanted: Vec<TargetStatus> = fates.iter().map(|fate| fate.status()).collect();
    let look = || async {
        let post = super::get(client, &post.id).await.unwrap();
        (received(client, sandbox).await, post)
    };
    // One that waits was tried.
    let (_, post) = until_that(&format!("targets are {fates:?}"), look, |(received, post)| {
        *received > before
            && target_statuses(post) == wanted
            && post.targets.iter().all(|target| target.attempt_count > 0)
    })
    .await;
    if let Some(account_id) = sandbox {
        command(client, account_id, SandboxBehavior::default()).await;
    }
    post
}

/// Has the sandbox refuse the token of an account, which expires by that.
pub(crate) async fn lose_token(client: &Client, account_id: &str) {
    command(client, account_id, faults(&[SandboxFault::TokenRevoked])).await;
    let request = CreatePostRequest { publish_now: true, ..draft("the last one", account_id) };
    let post = client.create_post(request).await.unwrap();
    until(client, &post.id, PostStatus::Failed).await;
}

/// How many posts the sandbox has received.
async fn received(client: &Client, account_id: Option<&String>) -> usize {
    match account_id {
        Some(account_id) => sent(client, account_id).await.len(),
        None => 0,
    }
}

/// A draft for the accounts of a team: one, or two.
fn draft_for(team: &Team, second: Option<&str>) -> CreatePostRequest {
    let mut request = draft("x", &team.account.id);
    request.platforms.extend(second.map(target));
    request
}

/// A post of the team's editor that has come to stand there.
pub(crate) async fn standing(system: &System, team: &Team, standing: Standing) -> Post {
    let (editor, owner) = (&team.editor.session, &team.owner.session);
    let second = match standing {
        Standing::PartiallyPublished => Some(second_account(system, team).await),
        _ => None,
    };
    let draft = draft_for(team, second.as_deref());
    match standing {
        Standing::Draft => editor.create_post(draft).await.unwrap(),
        Standing::NeedsApproval => {
            require_approval(team).await;
            editor.create_post(scheduled(system, "x", &team.account.id)).await.unwrap()
        }
        // By an owner, whose steps nobody has to approve.
        Standing::Scheduled => {
            let post = editor.create_post(draft).await.unwrap();
            schedule(system, owner, &post.id, TimeDelta::days(1)).await.unwrap()
        }
        Standing::Canceled => {
            let post = editor.create_post(draft).await.unwrap();
            schedule(system, owner, &post.id, TimeDelta::days(1)).await.unwrap();
            cancel(owner, &post.id).await.unwrap()
        }
        Standing::Sending | Standing::Lost | Standing::Published | Standing::Failed => {
            let fate = match standing {
                Standing::Sending => Fate::Sending,
                Standing::Lost => Fate::Lost,
                Standing::Published => Fate::Published,
                _ => Fate::Failed,
            };
            let post = editor.create_post(draft).await.unwrap();
            meet(system, owner, &post, &[fate]).await
        }
        Standing::PartiallyPublished => {
            let post = editor.create_post(draft).await.unwrap();
            meet(system, owner, &post, &[Fate::Published, Fate::Failed]).await
        }
    }
}
