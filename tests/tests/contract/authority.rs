//! Every (RPC × role × credential × row) answers as the tables of the contract say.

use postbreeze_context::{Action, Role};
use postbreeze_proto::status::Reason;
use postbreeze_runtime::sabotage::{Mechanism, break_it};
use postbreeze_tests::wire::{Answer, Call};
use prost::Message as _;
use tonic::Code;

use crate::{
    table::{Found, Row, TABLE, Who},
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
        Who::Member(from, action) | Who::MemberWithSession(from, action) => {
            in_workspace(row, (from, action), role, mode, whose)
        }
    }
}

fn in_workspace(
    row: &Row,
    (found, action): (Found, Action),
    role: Role,
    mode: Mode,
    whose: Whose,
) -> Option<Reason> {
    match whose {
        Whose::Nobody if found == Found::Row => Some(Reason::ResourceNotFound),
        Whose::Nobody | Whose::Foreign | Whose::Deleted => Some(Reason::WorkspaceOutOfReach),
        Whose::Own if mode == Mode::KeyScopedElsewhere => Some(Reason::WorkspaceOutOfReach),
        Whose::Own if mode == Mode::ReadOnlyKey && !action.only_reads() => {
            Some(Reason::KeyReadOnly)
        }
        Whose::Own if !action.is_allowed_to(role) => Some(Reason::RoleInsufficient),
        Whose::Own if action == Action::Leave && role == Role::Owner => {
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
        for role in Role::ALL {
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

macro_rules! service {
    ($name:ident, $service:literal) => {
        #[tokio::test]
        async fn $name() {
            let world = World::start().await;
            let found = deviations(&world, $service).await;
            assert!(found.is_empty(), "{}", found.join("\n"));
        }
    };
}

service!(user_service_answers_as_the_tables_say, "UserService/");
service!(api_key_service_answers_as_the_tables_say, "ApiKeyService/");
service!(workspace_service_answers_as_the_tables_say, "WorkspaceService/");
service!(member_service_answers_as_the_tables_say, "MemberService/");
service!(billing_service_answers_as_the_tables_say, "BillingService/");
service!(social_account_service_answers_as_the_tables_say, "SocialAccountService/");
service!(post_service_answers_as_the_tables_say, "PostService/");
service!(media_service_answers_as_the_tables_say, "MediaService/");
service!(comment_service_answers_as_the_tables_say, "CommentService/");
service!(webhook_service_answers_as_the_tables_say, "WebhookService/");

/// The tests above would notice: with the gate open, strangers get in.
#[tokio::test]
async fn without_isolation_the_tables_are_broken() {
    let world = World::start().await;
    break_it(Mechanism::Isolation);
    let found = deviations(&world, "CommentService/").await;
    assert!(found.iter().any(|line| line.contains("Foreign")), "{}", found.join("\n"));
}
