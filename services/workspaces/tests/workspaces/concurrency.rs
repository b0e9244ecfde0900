//! What must hold whatever runs at once.

use futures_util::future::{join, join_all};
use postbreeze_proto::{
    status::{Reason, reason_of},
    v1::{
        AcceptInvitationRequest, DeleteWorkspaceRequest, LeaveWorkspaceRequest,
        ListInvitationsRequest, ListMembersRequest, Member, RemoveMemberRequest, Role,
        TransferOwnershipRequest, UpdateMemberRequest,
    },
};
use postbreeze_testkit::until_eq;
use tonic::Status;

use crate::support::{System, User, refused, workspace_id};

const ROUNDS: usize = 8;

async fn transfer(system: &System, from: &User, id: &str, to: &User) -> Result<(), Status> {
    let request =
        TransferOwnershipRequest { workspace_id: id.to_owned(), user_id: to.id.to_string() };
    system.members(&from.caller).transfer_ownership(request).await.map(drop)
}

async fn remove(system: &System, actor: &User, id: &str, user: &User) -> Result<(), Status> {
    let request = RemoveMemberRequest { workspace_id: id.to_owned(), user_id: user.id.to_string() };
    system.members(&actor.caller).remove_member(request).await.map(drop)
}

async fn leave(system: &System, user: &User, id: &str) -> Result<(), Status> {
    let request = LeaveWorkspaceRequest { workspace_id: id.to_owned() };
    system.members(&user.caller).leave_workspace(request).await.map(drop)
}

async fn members(system: &System, user: &User, id: &str) -> Vec<Member> {
    let request = ListMembersRequest { workspace_id: id.to_owned(), ..Default::default() };
    system.members(&user.caller).list_members(request).await.unwrap().into_inner().members
}

fn owners(members: &[Member]) -> usize {
    members.iter().filter(|member| member.role() == Role::Owner).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_to_one_who_is_leaving_leaves_exactly_one_owner() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    for round in 0..ROUNDS {
        let id = system.create(&ann, &format!("n{round}")).await.id;
        system.join(&ann, &id, &bob, Role::Editor).await;
        let (transferred, left) =
            join(transfer(&system, &ann, &id, &bob), leave(&system, &bob, &id)).await;
        match (transferred, left) {
            (Ok(()), left) => drop(refused(left, Reason::OwnerMustTransfer)),
            (transferred, Ok(())) => drop(refused(transferred, Reason::ResourceNotFound)),
            both => panic!("neither happened: {both:?}"),
        }
        assert_eq!(owners(&members(&system, &ann, &id).await), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_transfers_at_once_one_happens() {
    let system = System::start().await;
    let (ann, bob, eve) = (system.user("ann"), system.user("bob"), system.user("eve"));
    for round in 0..ROUNDS {
        let id = system.create(&ann, &format!("n{round}")).await.id;
        system.join(&ann, &id, &bob, Role::Editor).await;
        system.join(&ann, &id, &eve, Role::Editor).await;
        let answers =
            join(transfer(&system, &ann, &id, &bob), transfer(&system, &ann, &id, &eve)).await;
        match answers {
            (Ok(()), other) | (other, Ok(())) => drop(refused(other, Reason::RoleInsufficient)),
            both => panic!("neither happened: {both:?}"),
        }
        assert_eq!(owners(&members(&system, &ann, &id).await), 1);
    }
}

async fn set_role(
    system: &System,
    actor: &User,
    id: &str,
    user: &User,
    role: Role,
) -> Result<(), Status> {
    let request = UpdateMemberRequest {
        workspace_id: id.to_owned(),
        user_id: user.id.to_string(),
        role: role.into(),
    };
    system.members(&actor.caller).update_member(request).await.map(drop)
}

/// Waits until so many calls have been admitted and wait for a lock.
async fn until_waiting(system: &System, calls: i64) {
    until_eq(&format!("{calls} calls wait for the workspace's lock"), calls, async || {
        sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(system.pool())
        .await
        .unwrap()
    })
    .await;
}

/// Does two things of which the second is admitted before the first is done, and is done after it: both wait for the
/// workspace's lock, which whoever came first gets first.
async fn one_after_the_other<A, B>(
    system: &System,
    id: &str,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> (A, B) {
    let mut held = system.pool().begin().await.unwrap();
    sqlx::query("SELECT 1 FROM workspaces WHERE id = $1 FOR UPDATE")
        .bind(workspace_id(id).uuid())
        .execute(&mut *held)
        .await
        .unwrap();
    let second = async {
        until_waiting(system, 1).await;
        second.await
    };
    let release = async {
        until_waiting(system, 2).await;
        held.rollback().await.unwrap();
    };
    let (first, second, ()) = tokio::join!(first, second, release);
    (first, second)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_was_removed_meanwhile_removes_nobody() {
    let system = System::start().await;
    let (ann, bob, eve) = (system.user("ann"), system.user("bob"), system.user("eve"));
    let id = system.create(&ann, "Acme").await.id;
    system.join(&ann, &id, &bob, Role::Admin).await;
    system.join(&ann, &id, &eve, Role::Editor).await;
    let (by_owner, by_admin) = one_after_the_other(
        &system,
        &id,
        remove(&system, &ann, &id, &bob),
        remove(&system, &bob, &id, &eve),
    )
    .await;
    by_owner.unwrap();
    refused(by_admin, Reason::WorkspaceOutOfReach);
    assert_eq!(system.role_of(&eve, &id).await, Some(Role::Editor));
    assert_eq!(system.role_of(&bob, &id).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_was_demoted_meanwhile_changes_nobodys_role() {
    let system = System::start().await;
    let (ann, bob, eve) = (system.user("ann"), system.user("bob"), system.user("eve"));
    let id = system.create(&ann, "Acme").await.id;
    system.join(&ann, &id, &bob, Role::Admin).await;
    system.join(&ann, &id, &eve, Role::Editor).await;
    let (by_owner, by_admin) = one_after_the_other(
        &system,
        &id,
        set_role(&system, &ann, &id, &bob, Role::Editor),
        set_role(&system, &bob, &id, &eve, Role::ClientReviewer),
    )
    .await;
    by_owner.unwrap();
    refused(by_admin, Reason::RoleInsufficient);
    assert_eq!(system.role_of(&eve, &id).await, Some(Role::Editor));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_before_one_is_removed_stays_done() {
    let system = System::start().await;
    let (ann, bob, eve) = (system.user("ann"), system.user("bob"), system.user("eve"));
    let id = system.create(&ann, "Acme").await.id;
    system.join(&ann, &id, &bob, Role::Admin).await;
    system.join(&ann, &id, &eve, Role::Editor).await;
    let (by_admin, by_owner) = one_after_the_other(
        &system,
        &id,
        remove(&system, &bob, &id, &eve),
        remove(&system, &ann, &id, &bob),
    )
    .await;
    by_admin.unwrap();
    by_owner.unwrap();
    assert_eq!(members(&system, &ann, &id).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demoted_owner_and_the_new_one_cannot_both_demote_each_other() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    for round in 0..ROUNDS {
        let id = system.create(&ann, &format!("n{round}")).await.id;
        system.join(&ann, &id, &bob, Role::Admin).await;
        let demote = set_role(&system, &ann, &id, &bob, Role::Editor);
        let (transferred, demoted) = join(transfer(&system, &ann, &id, &bob), demote).await;
        transferred.unwrap();
        if let Err(status) = demoted {
            // Ann is an admin by then, and Bob the owner.
            assert_eq!(reason_of(&status), Some(Reason::RoleInsufficient));
        }
        assert_eq!(system.role_of(&bob, &id).await, Some(Role::Owner));
        assert_eq!(system.role_of(&ann, &id).await, Some(Role::Admin));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_accepted_once() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    for (round, request_id) in ["", "once"].into_iter().enumerate() {
        let id = system.create(&ann, &format!("n{round}")).await.id;
        let invited = system.invite(&ann, &id, &bob.email, Role::Editor).await.unwrap();
        let request = AcceptInvitationRequest {
            invitation_token: invited.invitation_token,
            request_id: request_id.to_owned(),
        };
        let answers = join_all((0..8).map(|_| {
            let (mut client, request) = (system.members(&bob.caller), request.clone());
            async move { client.accept_invitation(request).await }
        }))
        .await;
        let (accepted, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        // Twins share the one answer; others find it spent.
        assert_eq!(accepted.len(), if request_id.is_empty() { 1 } else { 8 });
        for refusal in refusals {
            refused(refusal, Reason::InvitationSpent);
        }
        assert_eq!(members(&system, &ann, &id).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_invitations_of_one_address_at_once_leave_one_pending() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    let id = system.create(&ann, "Acme").await.id;
    let invited =
        join_all((0..8).map(|_| system.invite(&ann, &id, &bob.email, Role::Editor))).await;
    let request = ListInvitationsRequest { workspace_id: id.clone(), ..Default::default() };
    let mut client = system.members(&ann.caller);
    let pending = client.list_invitations(request).await.unwrap().into_inner().invitations;
    assert_eq!(pending.len(), 1);
    let mut accepted = 0;
    for answer in invited {
        accepted +=
            usize::from(system.accept(&bob, &answer.unwrap().invitation_token).await.is_ok());
    }
    assert_eq!(accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_accepts_while_the_workspace_is_deleted_reaches_nothing_of_it() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    for round in 0..ROUNDS {
        let id = system.create(&ann, &format!("n{round}")).await.id;
        let invited = system.invite(&ann, &id, &bob.email, Role::Editor).await.unwrap();
        let delete = async {
            let request = DeleteWorkspaceRequest { workspace_id: id.clone() };
            system.workspaces(&ann.caller).delete_workspace(request).await.map(drop)
        };
        let (deleted, accepted) =
            join(delete, system.accept(&bob, &invited.invitation_token)).await;
        deleted.unwrap();
        if accepted.is_err() {
            refused(accepted, Reason::InvitationSpent);
        }
        assert_eq!(system.role_of(&bob, &id).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_deletions_at_once_one_happens_and_one_entry_is_written() {
    let system = System::start().await;
    let ann = system.user("ann");
    let id = system.create(&ann, "Acme").await.id;
    let answers = join_all((0..8).map(|_| {
        let mut client = system.workspaces(&ann.caller);
        let request = DeleteWorkspaceRequest { workspace_id: id.clone() };
        async move { client.delete_workspace(request).await }
    }))
    .await;
    let (done, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    for refusal in refusals {
        refused(refusal, Reason::WorkspaceOutOfReach);
    }
    let request = postbreeze_proto::internal::v1::ReadWorkspaceLogRequest {
        after_position: 0,
        at_once: false,
    };
    let entries = system.log().read_workspace_log(request).await.unwrap().into_inner().entries;
    assert_eq!(entries.len(), 1);
}
