//! Nothing of the API is forgotten.

use std::collections::BTreeSet;

use postbreeze_proto::NOT_SERVED_YET;
use postbreeze_tests::{api, wire::Call};
use tonic::Code;

use crate::{table::TABLE, world::World};

#[test]
fn every_rpc_that_is_served_has_a_row_and_no_other_has() {
    let served: BTreeSet<String> =
        api::rpcs().into_iter().filter(api::Rpc::is_served).map(|rpc| rpc.name).collect();
    let listed: BTreeSet<String> = TABLE.iter().map(|row| row.rpc.to_owned()).collect();
    assert_eq!(served, listed);
    assert_eq!(listed.len(), TABLE.len(), "a row is there twice");
    let paths: BTreeSet<String> = api::rpcs().iter().map(api::Rpc::path).collect();
    for path in NOT_SERVED_YET {
        assert!(paths.contains(*path), "{path} is no RPC");
    }
}

#[tokio::test]
async fn what_is_not_served_yet_says_so_once_it_knows_the_caller() {
    let world = World::start().await;
    let owner = world.team.owner.session_token.clone();
    for rpc in api::rpcs().iter().filter(|rpc| !rpc.is_served()) {
        let path = rpc.path();
        let refused = Call::new(&path, None, &[]).send(&world.front).await;
        assert_eq!(refused.code(), Code::Unauthenticated, "{path}");
        let answer = Call::new(&path, Some(&owner), &[]).send(&world.front).await;
        assert_eq!(answer.code(), Code::Unimplemented, "{path}");
        assert!(answer.request_id.is_some(), "{path}");
    }
}

#[tokio::test]
async fn what_is_no_rpc_is_unimplemented_and_what_is_internal_is_none() {
    let world = World::start().await;
    let owner = world.team.owner.session_token.clone();
    for path in [
        "/postbreeze.v1.PostService/Nothing",
        "/postbreeze.v1.Nothing/GetPost",
        "/postbreeze.internal.v1.ReachService/GetReach",
        "/postbreeze.internal.v1.CredentialService/Authenticate",
        "/postbreeze.internal.v1.PostSourceService/ReadPosts",
        "/",
        "/postbreeze.v1.PostService/",
    ] {
        let answer = Call::new(path, Some(&owner), &[]).send(&world.front).await;
        assert_eq!(answer.code(), Code::Unimplemented, "{path}: {}", answer.told());
        assert!(answer.request_id.is_some(), "{path}");
    }
}
