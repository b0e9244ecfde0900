use postbreeze_proto::internal::v1::GetStorageUsageRequest;

use crate::support::{System, invalid_fields, owner, picture, source_for};

#[tokio::test]
async fn get_storage_usage_counts_what_is_awaited_too_over_all_workspaces_of_an_owner() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let other = owner.session.create_workspace("Other").await.unwrap().id;
    let bytes = async || {
        let request = GetStorageUsageRequest { owner_user_id: owner.id().to_owned() };
        source_for(&system, &owner).get_storage_usage(request).await.unwrap().into_inner().bytes
    };
    assert_eq!(bytes().await, 0);
    picture(&owner.session, &id, "a.png").await;
    owner.session.presign(&other, "b.png", "image/png", 1_000).await.unwrap();
    assert_eq!(bytes().await, 1_073);
    let answer =
        source_for(&system, &owner).get_storage_usage(GetStorageUsageRequest::default()).await;
    assert_eq!(invalid_fields(answer), ["owner_user_id"]);
}
