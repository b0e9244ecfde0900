//! Which error wins where a call deserves several.

use postbreeze_context::Role;
use postbreeze_proto::status::Reason;
use postbreeze_tests::wire::{Answer, Call};
use prost::Message as _;

use crate::{
    table::{Found, Row, TABLE, Who},
    world::{Mode, Place, Target, World, rpc_of},
};

/// No message of any RPC.
const GARBAGE: &[u8] = b"\xff\xff\xff\xff";

async fn call(world: &World, row: &Row, credential: Option<&str>, bytes: &[u8]) -> Answer {
    Call::new(&rpc_of(row).path(), credential, bytes).send(&world.front).await
}

/// Asserts the reason of a refusal.
#[track_caller]
fn is(answer: &Answer, wanted: Reason, row: &Row, what: &str) {
    assert_eq!(answer.reason(), Some(wanted), "{} {what}: {}", row.rpc, answer.told());
}

#[tokio::test]
async fn what_is_wrong_with_the_caller_is_told_before_what_is_wrong_with_the_message() {
    let world = World::start().await;
    let place = world.place().await;
    // Who may neither write by this key nor by their role, and whose key reaches no other workspace.
    let reviewer = world.member(Role::ClientReviewer);
    let read_only = world.credential(reviewer, Mode::ReadOnlyKey, &place).await;
    let scoped = world.credential(reviewer, Mode::KeyScopedElsewhere, &place).await;
    for row in TABLE {
        let missing = call(&world, row, None, GARBAGE).await;
        let answers = [
            call(&world, row, Some(&read_only), GARBAGE),
            call(&world, row, Some(&scoped), GARBAGE),
        ];
        let [by_read_only, by_scoped] = answers;
        let (by_read_only, by_scoped) = (by_read_only.await, by_scoped.await);
        let wanted = match row.who {
            Who::Anyone => [Reason::MessageInvalid; 3],
            Who::Session | Who::MemberWithSession(..) => {
                [Reason::CredentialMissing, Reason::SessionRequired, Reason::SessionRequired]
            }
            Who::UnscopedWriter => {
                [Reason::CredentialMissing, Reason::MessageInvalid, Reason::ScopedKey]
            }
            Who::Credential | Who::Member(..) => {
                [Reason::CredentialMissing, Reason::MessageInvalid, Reason::MessageInvalid]
            }
        };
        is(&missing, wanted[0], row, "without a credential");
        is(&by_read_only, wanted[1], row, "with a key that only reads");
        is(&by_scoped, wanted[2], row, "with a scoped key");
    }
}

#[tokio::test]
async fn that_a_row_is_not_there_or_out_of_reach_is_told_before_what_the_key_and_the_role_lack() {
    let world = World::start().await;
    let place = world.place().await;
    let reviewer = world.member(Role::ClientReviewer);
    let read_only = world.credential(reviewer, Mode::ReadOnlyKey, &place).await;
    let answer = async |row: &Row, target: Target<'_>| {
        let request = world.request(row, target, reviewer).await;
        call(&world, row, Some(&read_only), &request.encode_to_vec()).await
    };
    for row in TABLE {
        let Who::Member(found, roles) = row.who else { continue };
        let foreign: &Place = &world.foreign;
        let refused = answer(row, Target::Of(foreign)).await;
        is(&refused, Reason::WorkspaceOutOfReach, row, "of a stranger");
        // A state that was never begun is no id of anything.
        if row.rpc != "SocialAccountService/CompleteConnect" {
            let wanted = match found {
                Found::Row => Reason::ResourceNotFound,
                Found::Field | Found::Filter => Reason::WorkspaceOutOfReach,
            };
            is(&answer(row, Target::Unknown).await, wanted, row, "of nobody");
        }
        if !row.only_reads() && !roles.contains(&Role::ClientReviewer) {
            let refused = answer(row, Target::Of(&place)).await;
            is(&refused, Reason::KeyReadOnly, row, "that neither key nor role allows");
        }
    }
}
