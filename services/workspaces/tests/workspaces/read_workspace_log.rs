use futures_util::future::{join, join_all};
use postbreeze_proto::{
    internal::v1::{ReadWorkspaceLogRequest, WorkspaceLogEntry, workspace_log_entry::Event},
    v1::DeleteWorkspaceRequest,
};
use postbreeze_testkit::within;

use crate::support::{System, User, invalid_fields};

async fn read(system: &System, after_position: i64) -> Vec<WorkspaceLogEntry> {
    let request = ReadWorkspaceLogRequest { after_position, at_once: false };
    system.log().read_workspace_log(request).await.unwrap().into_inner().entries
}

async fn delete_new(system: &System, owner: &User, name: &str) -> String {
    let workspace_id = system.create(owner, name).await.id;
    let request = DeleteWorkspaceRequest { workspace_id: workspace_id.clone() };
    system.workspaces(&owner.caller).delete_workspace(request).await.unwrap();
    workspace_id
}

#[tokio::test]
async fn read_workspace_log_tells_each_deletion_in_order_and_goes_on_from_a_position() {
    let system = System::start().await;
    let ann = system.user("ann");
    system.create(&ann, "living").await;
    let first = delete_new(&system, &ann, "first").await;
    let second = delete_new(&system, &ann, "second").await;
    let entries = read(&system, 0).await;
    let told: Vec<_> = entries.iter().map(|entry| entry.workspace_id.as_str()).collect();
    assert_eq!(told, [first.as_str(), second.as_str()]);
    assert!(entries.iter().all(|entry| matches!(entry.event, Some(Event::Deleted(_)))));
    assert!(entries[0].position > 0 && entries[0].position < entries[1].position);
    assert_eq!(read(&system, entries[0].position).await, entries[1..]);
    assert_eq!(read(&system, entries[1].position).await, []);
}

#[tokio::test]
async fn read_workspace_log_waits_for_the_next_entry() {
    let system = System::start().await;
    let ann = system.user("ann");
    let (entries, deleted) = join(read(&system, 0), delete_new(&system, &ann, "Acme")).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].workspace_id, deleted);
}

#[tokio::test]
async fn read_workspace_log_misses_nothing_of_what_is_deleted_at_once() {
    let system = System::start().await;
    let users: Vec<_> = (0..20).map(|n| system.user(&format!("user{n}"))).collect();
    let follow = async {
        let (mut seen, mut position) = (Vec::new(), 0);
        while seen.len() < users.len() {
            for entry in read(&system, position).await {
                assert!(entry.position > position);
                position = entry.position;
                seen.push(entry.workspace_id);
            }
        }
        seen
    };
    let delete = join_all(users.iter().map(|user| delete_new(&system, user, "Acme")));
    let both = within("every deletion is in the log", join(follow, delete));
    let (mut seen, mut deleted) = both.await;
    seen.sort();
    deleted.sort();
    assert_eq!(seen, deleted);
}

#[tokio::test]
async fn read_workspace_log_refuses_a_negative_position() {
    let system = System::start().await;
    let request = ReadWorkspaceLogRequest { after_position: -1, at_once: false };
    let answer = system.log().read_workspace_log(request).await;
    assert_eq!(invalid_fields(answer), ["after_position"]);
}
