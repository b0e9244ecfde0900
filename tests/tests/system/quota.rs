//! Neither the monthly cap nor storage is ever oversold, whatever runs at once.

use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_proto::{
    status::{Reason, reason_of},
    time::to_proto,
    v1::CreatePostRequest,
};
use postbreeze_runtime::sabotage::{Mechanism, break_it};
use postbreeze_testkit::{System, draft};
use tonic::Code;

/// What the FREE plan allows in a month.
const CAP: usize = 20;
/// What it allows to be stored, in uploads of these tests.
const UPLOADS: usize = 16;
const UPLOAD_BYTES: usize = 1_024 * 1_024 * 1_024 / UPLOADS;

/// How many of 60 posts, created at once over several workspaces of one owner, are scheduled.
async fn scheduled_at_once() -> usize {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let mut accounts = Vec::new();
    for name in ["Acme", "Globex", "Initech", "Umbrella"] {
        let workspace = owner.session.create_workspace(name).await.unwrap();
        accounts.push(owner.session.connect(&workspace.id, name).await.unwrap().id);
    }
    let at = to_proto(system.clock.now() + TimeDelta::days(1));
    let created = join_all((0..60).map(|number| {
        let request = CreatePostRequest {
            scheduled_for: Some(at),
            ..draft("text", &accounts[number % accounts.len()])
        };
        let session = &owner.session;
        async move {
            // Sixty at once may find every connection taken: they are told so, and come again.
            for _ in 0..5 {
                match session.create_post(request.clone()).await {
                    Err(status) if status.code() == Code::Unavailable => {}
                    answer => return answer,
                }
            }
            session.create_post(request).await
        }
    }));
    let mut scheduled = 0;
    for answer in created.await {
        match answer {
            Ok(_) => scheduled += 1,
            Err(status) => {
                assert_eq!(reason_of(&status), Some(Reason::PlanLimitPosts), "{status:?}");
            }
        }
    }
    scheduled
}

#[tokio::test]
async fn of_sixty_posts_at_once_exactly_twenty_are_scheduled() {
    assert_eq!(scheduled_at_once().await, CAP);
}

/// The test above would notice a counter that is read, and then written.
#[tokio::test]
async fn a_counter_that_is_read_and_then_written_is_oversold() {
    break_it(Mechanism::Quota);
    assert!(scheduled_at_once().await > CAP);
}

/// How many of 60 uploads, registered at once over several workspaces of one owner, are taken.
async fn registered_at_once() -> usize {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let mut workspaces = Vec::new();
    for number in 0..12 {
        workspaces.push(owner.session.create_workspace(&format!("W{number}")).await.unwrap().id);
    }
    let registered = join_all((0..60).map(|number| {
        let workspace = &workspaces[number % workspaces.len()];
        owner.session.presign(workspace, "a.mp4", "video/mp4", UPLOAD_BYTES)
    }));
    let mut taken = 0;
    for answer in registered.await {
        match answer {
            Ok(_) => taken += 1,
            Err(status) => {
                assert_eq!(reason_of(&status), Some(Reason::PlanLimitStorage), "{status:?}");
            }
        }
    }
    taken
}

#[tokio::test]
async fn of_sixty_uploads_at_once_exactly_sixteen_are_taken() {
    assert_eq!(registered_at_once().await, UPLOADS);
}

/// The test above would notice a counter that is read, and then written.
#[tokio::test]
async fn storage_that_is_read_and_then_written_is_oversold() {
    break_it(Mechanism::Quota);
    assert!(registered_at_once().await > UPLOADS);
}
