//! Who may call what on a post that is found by its id, and which refusal wins.

use postbreeze_proto::{
    status::Reason,
    v1::{ListPublishAttemptsRequest, RejectPostRequest, UpdatePostRequest},
};
use tonic::Status;

use crate::support::{
    Client, System, approve, cancel, delete, draft, get, invalid_fields, read_only_key, refused,
    reject_post, reschedule, retry, schedule, update_post, workspace_of,
};

/// The RPCs that take a post's id.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rpc {
    Get,
    ListAttempts,
    Update,
    Schedule,
    Reschedule,
    Cancel,
    Retry,
    Delete,
    Approve,
    Reject,
}

use Rpc::{
    Approve, Cancel, Delete, Get, ListAttempts, Reject, Reschedule, Retry, Schedule, Update,
};

const READS: [Rpc; 2] = [Get, ListAttempts];
const WRITES: [Rpc; 6] = [Update, Schedule, Reschedule, Cancel, Retry, Delete];
const REVIEWS: [Rpc; 2] = [Approve, Reject];
const DAY: chrono::TimeDelta = chrono::TimeDelta::days(1);

async fn call(system: &System, client: &Client, rpc: Rpc, post_id: &str) -> Result<(), Status> {
    let id = post_id.to_owned();
    match rpc {
        Get => get(client, post_id).await.map(drop),
        ListAttempts => {
            let request = ListPublishAttemptsRequest { post_id: id, ..Default::default() };
            client.posts().list_publish_attempts(request).await.map(drop)
        }
        Update => {
            let content = "changed".to_owned();
            let request = UpdatePostRequest { post_id: id, content, ..Default::default() };
            update_post(client, request).await.map(drop)
        }
        Schedule => schedule(system, client, post_id, DAY).await.map(drop),
        Reschedule => reschedule(system, client, post_id, DAY).await.map(drop),
        Cancel => cancel(client, post_id).await.map(drop),
        Retry => retry(client, post_id).await.map(drop),
        Delete => delete(client, post_id).await,
        Approve => approve(client, post_id).await.map(drop),
        Reject => {
            let note = "no".to_owned();
            let request = RejectPostRequest { post_id: id, note, ..Default::default() };
            reject_post(client, request).await.map(drop)
        }
    }
}

fn all() -> impl Iterator<Item = Rpc> {
    READS.into_iter().chain(WRITES).chain(REVIEWS)
}

#[tokio::test]
async fn a_post_of_another_workspace_is_out_of_reach_whether_it_is_there_or_deleted() {
    let system = System::start().await;
    let team = system.team().await;
    let post = team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    let gone = team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    delete(&team.owner.session, &gone.id).await.unwrap();
    let stranger = system.sign_up("stranger").await;
    let (elsewhere, _) = workspace_of(&team.owner, "globex").await;
    let (_, scoped) = team.owner.scoped_key(&[&elsewhere.id]).await.unwrap();
    for client in [&stranger.session, &scoped] {
        for rpc in all() {
            for id in [&post.id, &gone.id] {
                refused(call(&system, client, rpc, id).await, Reason::WorkspaceOutOfReach);
            }
        }
    }
}

#[tokio::test]
async fn a_deleted_post_is_not_found_before_key_and_role_are_looked_at() {
    let system = System::start().await;
    let team = system.team().await;
    let gone = team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    delete(&team.owner.session, &gone.id).await.unwrap();
    let reading = read_only_key(&team.owner).await;
    for client in [&team.owner.session, &team.editor.session, &team.reviewer.session, &reading] {
        for rpc in all() {
            refused(call(&system, client, rpc, &gone.id).await, Reason::ResourceNotFound);
        }
    }
}

#[tokio::test]
async fn an_id_of_no_post_is_not_found_and_one_of_another_kind_is_invalid() {
    let system = System::start().await;
    let team = system.team().await;
    let post = team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    let mut unknown = post.id.clone();
    let last = unknown.pop().unwrap();
    unknown.push(if last == '0' { '1' } else { '0' });
    for rpc in all() {
        let client = &team.owner.session;
        refused(call(&system, client, rpc, &unknown).await, Reason::ResourceNotFound);
        for malformed in ["", "post_", "x", team.account.id.as_str(), "post_\0"] {
            let answer = call(&system, client, rpc, malformed).await;
            assert_eq!(invalid_fields(answer), ["post_id"], "{rpc:?} {malformed:?}");
        }
    }
}

#[tokio::test]
async fn a_read_only_key_reads_and_no_more() {
    let system = System::start().await;
    let team = system.team().await;
    let post = team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    let owners = read_only_key(&team.owner).await;
    let reviewers = read_only_key(&team.reviewer).await;
    for client in [&owners, &reviewers] {
        for rpc in READS {
            call(&system, client, rpc, &post.id).await.unwrap();
        }
        // Before the role, which would refuse the reviewer too.
        for rpc in WRITES.into_iter().chain(REVIEWS) {
            refused(call(&system, client, rpc, &post.id).await, Reason::KeyReadOnly);
        }
        refused(client.create_post(draft("x", &team.account.id)).await, Reason::KeyReadOnly);
    }
}

#[tokio::test]
async fn each_role_may_do_what_the_contract_lists() {
    let system = System::start().await;
    let team = system.team().await;
    // By someone else, so that everyone could review it, and in a status that stands in every step's way but reading.
    let post = team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    for rpc in READS {
        for user in [&team.owner, &team.admin, &team.editor, &team.reviewer] {
            call(&system, &user.session, rpc, &post.id).await.unwrap();
        }
    }
    for rpc in WRITES {
        let answer = call(&system, &team.reviewer.session, rpc, &post.id).await;
        refused(answer, Reason::RoleInsufficient);
    }
    let answer = team.reviewer.session.create_post(draft("x", &team.account.id)).await;
    refused(answer, Reason::RoleInsufficient);
    for rpc in REVIEWS {
        refused(call(&system, &team.editor.session, rpc, &post.id).await, Reason::RoleInsufficient);
        refused(call(&system, &team.owner.session, rpc, &post.id).await, Reason::OwnPost);
        for user in [&team.admin, &team.reviewer] {
            refused(call(&system, &user.session, rpc, &post.id).await, Reason::PostState);
        }
    }
    for user in [&team.owner, &team.admin, &team.editor] {
        let post = user.session.create_post(draft("x", &team.account.id)).await.unwrap();
        for rpc in [Update, Schedule, Reschedule, Cancel, Delete] {
            call(&system, &user.session, rpc, &post.id).await.unwrap();
        }
    }
}
