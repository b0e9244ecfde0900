//! Health tells the truth, and a process that is asked to end ends well.

use postbreeze_proto::{
    status::Reason,
    v1::{CreatePostRequest, GetPostRequest, ListPostsRequest, PostStatus},
};
use postbreeze_testkit::{draft, refused, until_eq, web::PNG};
use postbreeze_tests::processes::{Processes, SERVICES};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::server::{Address, Directory, postgres};

async fn says(processes: &Processes, service: &str, name: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: name.to_owned() };
    let mut client = HealthClient::new(processes.channel(service));
    client.check(request).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn without_its_database_nothing_is_ready_and_with_it_everything_is_again() {
    let directory = Directory::new("health");
    let server = postgres(&directory).await;
    let address = Address::of(&server).await;
    let processes = Processes::start(address.url(&server), directory.path(), &[]).await;
    let owner = processes.front().sign_up("owner").await;
    let pids = SERVICES.map(|service| processes.pid(service));
    server.stop().await.unwrap();
    for service in SERVICES {
        processes.until_not_ready(service).await;
        // Restarting a process would not bring its database back.
        assert_eq!(says(&processes, service, "live").await, ServingStatus::Serving);
    }
    let listed = owner.session.posts().list_posts(ListPostsRequest::default()).await;
    let status = refused(listed, Reason::SourceUnreachable);
    assert_eq!(status.code(), Code::Unavailable);

    // The same processes, which nobody restarts.
    let server = postgres(&directory).await;
    address.lead_to(&server);
    for service in SERVICES {
        processes.until_ready(service).await;
    }
    assert_eq!(SERVICES.map(|service| processes.pid(service)), pids);
    owner.session.posts().list_posts(ListPostsRequest::default()).await.unwrap();
    let workspace = owner.session.create_workspace("Acme").await.unwrap();
    let account = owner.session.connect(&workspace.id, "acme").await.unwrap();
    let picture = owner.session.upload(&workspace.id, "a.png", "image/png", PNG).await.unwrap();
    let request = CreatePostRequest {
        publish_now: true,
        media_ids: vec![picture.id],
        ..draft("out it goes", &account.id)
    };
    let post = owner.session.create_post(request).await.unwrap();
    // What works in the background is there again, too.
    until_eq("the post is published", PostStatus::Published, async || {
        let request = GetPostRequest { post_id: post.id.clone(), ..Default::default() };
        let answer = owner.session.posts().get_post(request).await.unwrap();
        answer.into_inner().post.unwrap().status()
    })
    .await;
}

#[tokio::test]
async fn a_public_service_is_not_ready_without_its_owner_and_the_others_are() {
    let directory = Directory::new("owner-down");
    let server = postgres(&directory).await;
    let mut processes = Processes::start(server.url(), directory.path(), &[]).await;
    processes.kill("posts").await;
    let posts = async || says(&processes, "aggregator", "postbreeze.v1.PostService").await;
    until_eq("PostService is told not to be ready", ServingStatus::NotServing, posts).await;
    for name in ["", "postbreeze.v1.UserService", "postbreeze.v1.SocialAccountService"] {
        assert_eq!(says(&processes, "aggregator", name).await, ServingStatus::Serving, "{name}");
    }
    processes.launch("posts");
    processes.until_ready("posts").await;
    let posts = async || says(&processes, "aggregator", "postbreeze.v1.PostService").await;
    until_eq("PostService is ready again", ServingStatus::Serving, posts).await;
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
