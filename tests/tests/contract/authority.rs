//! Every (RPC × role × credential × row) answers as the tables of the contract say.

use postbreeze_context::Role;
use postbreeze_proto::status::Reason;
use postbreeze_runtime::sabotage::{Mechanism, break_it};
use postbreeze_tests::wire::{Answer, Call};
use prost::Message as _;
use tonic::Code;

use crate::{
    table::{Found, ROLES, Roles, Row, TABLE, Who},
    world::{Mode, Place, Target, World, rpc_of},
};

/// Where a call's row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// In a workspace of the team.
    Own,
    /// In a workspace of somebody else.
    Foreign,
    /// In a workspace of the team that is gone.
    Deleted,
    /// Nowhere.
    Nobody,
}

/// What the contract says: the reason of the refusal, or none.
fn expected(row: &Row, role: Role, mode: Mode, whose: Whose) -> Option<Reason> {
    let scoped = matches!(mode, Mode::ScopedKey | Mode::KeyScopedElsewhere);
    match row.who {
        Who::Session | Who::MemberWithSession(..) if mode != Mode::Session => {
            Some(Reason::SessionRequired)
        }
        Who::UnscopedWriter if scoped => Some(Reason::ScopedKey),
        Who::UnscopedWriter if mode == Mode::ReadOnlyKey => Some(Reason::KeyReadOnly),
        Who::Anyone | Who::Credential | Who::UnscopedWriter | Who::Session => row.admitted,
        Who::Member(from, roles) | Who::MemberWithSession(from, roles) => {
            in_workspace(row, (from, roles), role, mode, whose)
        }
    }
}

fn in_workspace(
    row: &Row,
    (found, roles): (Found, Roles),
    role: Role,
    mode: Mode,
    whose: Whose,
) -> Option<Reason> {
    match whose {
        Whose::Nobody if found == Found::Row => Some(Reason::ResourceNotFound),
        Whose::Nobody | Whose::Foreign | Whose::Deleted => Some(Reason::WorkspaceOutOfReach),
        Whose::Own if mode == Mode::KeyScopedElsewhere => Some(Reason::WorkspaceOutOfReach),
        Whose::Own if mode == Mode::ReadOnlyKey && !row.only_reads() => Some(Reason::KeyReadOnly),
        Whose::Own if !roles.contains(&role) => Some(Reason::RoleInsufficient),
        Whose::Own if row.rpc == "MemberService/LeaveWorkspace" && role == Role::Owner => {
            Some(Reason::OwnerMustTransfer)
        }
        Whose::Own => row.admitted,
    }
}

/// What answers otherwise than the contract says.
async fn deviations(world: &World, service: &str) -> Vec<String> {
    let mut found = Vec::new();
    for row in TABLE.iter().filter(|row| row.rpc.starts_with(service)) {
        let place = world.place().await;
        for role in ROLES {
            for mode in Mode::ALL {
                let fresh = if row.spoils { world.place().await } else { place.clone() };
                found.extend(deviation(world, row, &fresh, (role, mode, Whose::Own)).await);
            }
        }
        if matches!(row.who, Who::Member(..) | Who::MemberWithSession(..)) {
            for whose in [Whose::Foreign, Whose::Deleted, Whose::Nobody] {
                // A state that was never begun is no id of anything.
                if whose == Whose::Nobody && row.rpc.ends_with("CompleteConnect") {
                    continue;
                }
                for mode in [Mode::Session, Mode::FullKey] {
                    let fresh = world.place().await;
                    let cell = (Role::Owner, mode, whose);
                    found.extend(deviation(world, row, &fresh, cell).await);
                }
            }
        }
    }
    found
}

async fn deviation(
    world: &World,
    row: &Row,
    place: &Place,
    cell: (Role, Mode, Whose),
) -> Option<String> {
    let (role, mode, whose) = cell;
    let answer = answer(world, row, place, cell).await;
    let wanted = expected(row, role, mode, whose);
    let fits = match wanted {
        None => answer.code() == Code::Ok,
        Some(reason) => answer.reason() == Some(reason),
    };
    let deviates = !fits || answer.request_id.is_none();
    deviates.then(|| {
        format!("{} {role:?} {mode:?} {whose:?}: wanted {wanted:?}, got {}", row.rpc, answer.told())
    })
}

async fn answer(
    world: &World,
    row: &Row,
    place: &Place,
    (role, mode, whose): (Role, Mode, Whose),
) -> Answer {
    let caller = world.member(role);
    // Made before the call's own key: what a request needs may be a key of the caller, too.
    let request = match whose {
        Whose::Foreign => world.request(row, Target::Of(&world.foreign), caller).await,
        Whose::Nobody => world.request(row, Target::Unknown, caller).await,
        Whose::Own | Whose::Deleted => world.request(row, Target::Of(place), caller).await,
    };
    let credential = match mode {
        Mode::Session if row.rpc == "UserService/SignOut" => world.sign_in(caller).await,
        _ => world.credential(caller, mode, place).await,
    };
    if whose == Whose::Deleted {
        world.delete(place).await;
    }
    let path = rpc_of(row).path();
    Call::new(&path, Some(&credential), &request.encode_to_vec()).send(&world.front).await
}

/// RPCs of a service that ask for a role in a workspace, and that refuse a stranger.
async fn closed_to_strangers(world: &World, service: &str) -> Vec<&'static str> {
    let mut closed = Vec::new();
    for row in TABLE.iter().filter(|row| row.rpc.starts_with(service)) {
        if matches!(row.who, Who::Member(..) | Who::MemberWithSession(..)) {
            let place = world.place().await;
            let cell = (Role::Owner, Mode::Session, Whose::Foreign);
            if deviation(world, row, &place, cell).await.is_none() {
                closed.push(row.rpc);
            }
        }
    }
    closed
}

/// One test that a service answers as the tables say, and one that the first would notice: with the gate open, strangers
/// get in everywhere but where the row says so.
macro_rules! service {
    ($name:ident, $service:literal) => {
        #[tokio::test]
        async fn $name() {
            let world = World::start().await;
            let found = deviations(&world, $service).await;
            assert!(found.is_empty(), "{}", found.join("\n"));
        }
    };
    ($name:ident, $service:literal, $broken:ident, $rpcs:literal, but: $closed:expr) => {
        service!($name, $service);

        #[tokio::test]
        async fn $broken() {
            let world = World::start().await;
            assert_eq!(closed_to_strangers(&world, $service).await.len(), $rpcs);
            break_it(Mechanism::Isolation);
            let closed: &[&str] = &$closed;
            assert_eq!(closed_to_strangers(&world, $service).await, closed);
        }
    };
}

service!(user_service_answers_as_the_tables_say, "UserService/");
service!(api_key_service_answers_as_the_tables_say, "ApiKeyService/");
service!(
    workspace_service_answers_as_the_tables_say,
    "WorkspaceService/",
    without_isolation_workspace_service_lets_strangers_in,
    3,
    // They ask for the member's role once more, under the lock.
    but: ["WorkspaceService/UpdateWorkspace", "WorkspaceService/DeleteWorkspace"]
);
service!(
    member_service_answers_as_the_tables_say,
    "MemberService/",
    without_isolation_member_service_lets_strangers_in,
    8,
    // As above.
    but: [
        "MemberService/InviteMember",
        "MemberService/RevokeInvitation",
        "MemberService/LeaveWorkspace",
    ]
);
service!(
    billing_service_answers_as_the_tables_say,
    "BillingService/",
    without_isolation_billing_service_lets_strangers_in,
    2,
    but: []
);
service!(
    social_account_service_answers_as_the_tables_say,
    "SocialAccountService/",
    without_isolation_social_account_service_lets_strangers_in,
    5,
    but: []
);
service!(
    sandbox_service_answers_as_the_tables_say,
    "SandboxService/",
    without_isolation_sandbox_service_lets_strangers_in,
    3,
    but: []
);
service!(
    post_service_answers_as_the_tables_say,
    "PostService/",
    without_isolation_post_service_lets_strangers_in,
    14,
    but: []
);
service!(
    media_service_answers_as_the_tables_say,
    "MediaService/",
    without_isolation_media_service_lets_strangers_in,
    12,
    but: []
);
service!(
    comment_service_answers_as_the_tables_say,
    "CommentService/",
    without_isolation_comment_service_lets_strangers_in,
    5,
    but: []
);
service!(
    webhook_service_answers_as_the_tables_say,
    "WebhookService/",
    without_isolation_webhook_service_lets_strangers_in,
    8,
    but: []
);

#[test]
fn every_service_has_its_test() {
    // As above.
    let tested = [
        "UserService",
        "ApiKeyService",
        "WorkspaceService",
        "MemberService",
        "BillingService",
        "SocialAccountService",
        "SandboxService",
        "PostService",
        "MediaService",
        "CommentService",
        "WebhookService",
    ];
    for row in TABLE {
        let (service, _) = row.rpc.split_once('/').unwrap();
        assert!(tested.contains(&service), "{service} has no test here");
    }
}
