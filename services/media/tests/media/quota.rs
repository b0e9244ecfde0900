//! Storage is never oversold and never leaks, whatever runs at once.

use futures_util::future::join_all;
use postbreeze_proto::{
    status::Reason,
    v1::{GetUsageRequest, Plan, Role, TransferOwnershipRequest, Usage},
};

use crate::support::{
    PNG, System, User, change_plan, delete, metadata, owner, picture, refused, rows, stored,
};

const GIB: usize = 1_024 * 1_024 * 1_024;

async fn usage(user: &User) -> Usage {
    let answer = user.session.billing().get_usage(GetUsageRequest::default()).await.unwrap();
    answer.into_inner().usage.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_at_once_take_exactly_what_the_plan_allows() {
    let system = System::start().await;
    let (owner, first) = owner(&system).await;
    let second = owner.session.create_workspace("Second").await.unwrap().id;
    let uploads = (0..20).map(|n| {
        let workspace = if n % 2 == 0 { &first } else { &second };
        owner.session.presign(workspace, "a.mp4", "video/mp4", GIB / 8)
    });
    let (made, refusals): (Vec<_>, Vec<_>) =
        join_all(uploads).await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 8);
    for refusal in refusals {
        let status = refused(refusal, Reason::PlanLimitStorage);
        assert_eq!(metadata(&status, "limit"), Some(GIB.to_string()));
        assert_eq!(metadata(&status, "current"), Some(GIB.to_string()));
    }
    assert_eq!((rows(&system).await, stored(&system).await), (8, i64::try_from(GIB).unwrap()));
    let usage = usage(&owner).await;
    assert_eq!(usage.media_bytes_used, i64::try_from(GIB).unwrap());
    assert_eq!(usage.media_bytes_limit, Some(i64::try_from(GIB).unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_uploads_deletions_and_rejections_at_once_leave_is_what_is_stored() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    let mut media = Vec::new();
    for _ in 0..6 {
        media.push(picture(client, &id, "a.png").await.id);
    }
    let work = (0..24).map(|n| {
        let (media, id) = (&media, &id);
        async move {
            match n % 4 {
                // Twice each: the second gives nothing back.
                0 | 1 => drop(delete(client, &media[n / 4]).await),
                2 => drop(client.upload(id, "b.png", "image/png", PNG).await),
                _ => drop(client.upload(id, "c.png", "image/png", &b"no picture"[..]).await),
            }
        }
    });
    join_all(work).await;
    assert_eq!(stored(&system).await, 6 * 73);
}

#[tokio::test]
async fn an_upload_that_just_fits_is_taken_and_one_byte_more_is_not() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    let too_large = client.presign(&id, "a.mp4", "video/mp4", GIB + 1).await;
    let status = refused(too_large, Reason::PlanLimitStorage);
    assert_eq!(metadata(&status, "current").as_deref(), Some("0"));
    let upload = client.presign(&id, "a.mp4", "video/mp4", GIB).await.unwrap();
    refused(client.presign(&id, "a.png", "image/png", 1).await, Reason::PlanLimitStorage);
    delete(client, &upload.media.unwrap().id).await.unwrap();
    client.presign(&id, "a.png", "image/png", 1).await.unwrap();
    change_plan(&owner, Plan::Enterprise).await;
    for _ in 0..3 {
        client.presign(&id, "a.mp4", "video/mp4", 5 * GIB).await.unwrap();
    }
    assert_eq!(usage(&owner).await.media_bytes_limit, None);
    // A lower plan takes nothing away, but nothing more is to be had.
    change_plan(&owner, Plan::Pro).await;
    client.presign(&id, "a.png", "image/png", 1).await.unwrap();
    change_plan(&owner, Plan::Free).await;
    refused(client.presign(&id, "a.png", "image/png", 1).await, Reason::PlanLimitStorage);
}

#[tokio::test]
async fn the_owner_pays_and_what_was_charged_goes_back_to_whom_it_was_charged() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    let media = picture(&team.editor.session, id, "a.png").await;
    assert_eq!(usage(&team.owner).await.media_bytes_used, 73);
    assert_eq!(usage(&team.editor).await.media_bytes_used, 0);
    let request =
        TransferOwnershipRequest { workspace_id: id.clone(), user_id: team.editor.id().to_owned() };
    team.owner.session.members().transfer_ownership(request).await.unwrap();
    picture(&team.admin.session, id, "b.png").await;
    assert_eq!(usage(&team.owner).await.media_bytes_used, 73);
    assert_eq!(usage(&team.editor).await.media_bytes_used, 73);
    delete(&team.editor.session, &media.id).await.unwrap();
    assert_eq!(usage(&team.owner).await.media_bytes_used, 0);
    assert_eq!(usage(&team.editor).await.media_bytes_used, 73);
    assert_eq!(stored(&system).await, 73);
}

#[tokio::test]
async fn a_member_may_use_what_the_owners_plan_allows_and_not_the_reverse() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let rich = system.sign_up("rich").await;
    change_plan(&rich, Plan::Enterprise).await;
    let theirs = rich.session.create_workspace("Rich").await.unwrap().id;
    system.join(&owner, &id, &rich, Role::Admin).await;
    system.join(&rich, &theirs, &owner, Role::Editor).await;
    let answer = rich.session.presign(&id, "a.mp4", "video/mp4", 2 * GIB).await;
    refused(answer, Reason::PlanLimitStorage);
    owner.session.presign(&theirs, "a.mp4", "video/mp4", 2 * GIB).await.unwrap();
}
