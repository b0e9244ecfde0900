//! What keys of each mode reach as memberships come and go.

use postbreeze_proto::v1::{LeaveWorkspaceRequest, Role};

use crate::support::{System, reached, workspace};

#[tokio::test]
async fn a_full_key_follows_the_memberships_of_its_owner_and_a_scoped_one_only_within_its_list() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let own = workspace(&ann, "Own").await;
    let (_, full) = ann.full_key().await.unwrap();
    let (_, scoped) = ann.scoped_key(&[&own.id]).await.unwrap();
    let joined = workspace(&bob, "Joined").await;
    assert_eq!(reached(&full).await, [own.id.as_str()]);

    system.join(&bob, &joined.id, &ann, Role::Editor).await;
    let mut both = vec![own.id.clone(), joined.id.clone()];
    both.sort();
    assert_eq!(reached(&full).await, both);
    assert_eq!(reached(&scoped).await, [own.id.as_str()]);

    let (_, narrow) = ann.scoped_key(&[&joined.id]).await.unwrap();
    assert_eq!(reached(&narrow).await, [joined.id.as_str()]);
    let request = LeaveWorkspaceRequest { workspace_id: joined.id.clone() };
    ann.session.members().leave_workspace(request).await.unwrap();
    assert_eq!(reached(&full).await, [own.id.as_str()]);
    assert_eq!(reached(&narrow).await, [""; 0]);

    // Back again, the entry that stayed in the list counts again.
    system.join(&bob, &joined.id, &ann, Role::ClientReviewer).await;
    assert_eq!(reached(&narrow).await, [joined.id]);
}
