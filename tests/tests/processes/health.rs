//! Health tells the truth, and a process that is asked to end ends well.

use postbreeze_proto::{status::Reason, v1::ListPostsRequest};
use postbreeze_testkit::refused;
use postbreeze_tests::processes::{Processes, SERVICES};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::server::{Directory, postgres};

async fn says(processes: &Processes, service: &str, name: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: name.to_owned() };
    let mut client = HealthClient::new(processes.channel(service));
    client.check(request).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn without_its_database_nothing_is_ready_and_with_it_everything_is_again() {
    let directory = Directory::new("health");
    let server = postgres(&directory).await;
    let processes = Processes::start(server.url(), directory.path(), &[]).await;
    let owner = processes.front().sign_up("owner").await;
    server.stop().await.unwrap();
    for service in SERVICES {
        processes.until_not_ready(service).await;
        // Restarting a process would not bring its database back.
        assert_eq!(says(&processes, service, "live").await, ServingStatus::Serving);
    }
    let listed = owner.session.posts().list_posts(ListPostsRequest::default()).await;
    let status = refused(listed, Reason::SourceUnreachable);
    assert_eq!(status.code(), Code::Unavailable);

    // The server comes back on a port of its own choice: only what is told it anew can find it.
    let server = postgres(&directory).await;
    let again = Processes::start(server.url(), &directory.path().join("again"), &[]).await;
    let known = again.front().client(Some(&owner.session_token));
    let refused = known.posts().list_posts(ListPostsRequest::default()).await;
    assert!(refused.is_ok(), "{refused:?}");
}

#[tokio::test]
async fn a_public_service_is_not_ready_without_its_owner_and_the_others_are() {
    let directory = Directory::new("owner-down");
    let server = postgres(&directory).await;
    let mut processes = Processes::start(server.url(), directory.path(), &[]).await;
    processes.kill("posts").await;
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while says(&processes, "aggregator", "postbreeze.v1.PostService").await
        == ServingStatus::Serving
    {
        assert!(std::time::Instant::now() < until, "PostService is still said to be ready");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for name in ["", "postbreeze.v1.UserService", "postbreeze.v1.SocialAccountService"] {
        assert_eq!(says(&processes, "aggregator", name).await, ServingStatus::Serving, "{name}");
    }
    processes.launch("posts");
    processes.until_ready("posts").await;
    while says(&processes, "aggregator", "postbreeze.v1.PostService").await
        != ServingStatus::Serving
    {
        assert!(std::time::Instant::now() < until, "PostService is not ready again");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_service_that_is_told_to_end_says_so_first_and_ends_well() {
    let directory = Directory::new("end");
    let server = postgres(&directory).await;
    let grace = [("POSTBREEZE_STOP_GRACE_MS", "1500")];
    let mut processes = Processes::start(server.url(), directory.path(), &grace).await;
    let owner = processes.front().sign_up("owner").await;
    // A client that watches health does not hold up the end.
    let mut watched = HealthClient::new(processes.channel("posts"));
    let watching = watched.watch(HealthCheckRequest::default()).await.unwrap();
    let pid = processes.pid("posts");
    let ending = async {
        postbreeze_tests::processes::send_signal("TERM", pid).await;
        processes.until_not_ready("posts").await;
        // In its grace it still serves whoever has not noticed yet.
        owner.session.posts().list_posts(ListPostsRequest::default()).await
    };
    assert!(ending.await.is_ok());
    drop(watching);
    for service in SERVICES {
        let ended = processes.end(service, "TERM").await;
        assert!(ended.success(), "{service}: {ended}");
    }
}
