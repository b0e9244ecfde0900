//! The services on hosts of their own, as containers are: what is at a loopback is there for one of them alone, and clients reach
//! the bytes of media by a port that is forwarded to them.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use postbreeze_embedded_postgres::{EmbeddedPostgres, Options};
use postbreeze_proto::v1::{
    CompleteConnectRequest, CreatePostRequest, GetPostRequest, Platform, Post, PostStatus,
    SocialAccount, StartConnectRequest, complete_connect_request::Grant,
};
use postbreeze_testkit::{
    Client, Directory, draft,
    web::{PNG, get},
};
use postbreeze_tests::processes::{Host, Processes};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime,
    time::{Instant, sleep, timeout},
};
use url::Url;

use crate::{
    namespaces::{Lan, OWN},
    servers::Snac,
};

/// Far more than the whole takes.
const PATIENCE: Duration = Duration::from_mins(3);
/// Far more than a post takes to go out.
const GOES_OUT_WITHIN: Duration = Duration::from_secs(30);
/// The hosts of `media` and `accounts`; all else is on ours.
const MEDIA: u8 = 1;
const ACCOUNTS: u8 = 2;

#[test]
fn a_post_with_a_picture_goes_out_though_each_service_has_a_loopback_of_its_own() {
    let Some(lan) = Lan::enter(2) else { return };
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let published = runtime.block_on(async { timeout(PATIENCE, publish(&lan)).await });
    published.expect("the test takes too long");
}

async fn publish(lan: &Lan) {
    let Some((snac, passwords)) = Snac::start_at(OWN, &["alice", "bobby"]).await else { return };
    let directory = Directory::new("spread");
    let options = Options {
        directory: directory.path().join("postgres"),
        durable: false,
        max_connections: 200,
        binaries: None,
        install: true,
    };
    let postgres = EmbeddedPostgres::start(&options).await.unwrap();
    let mut processes = start(lan, &directory, &postgres.url()).await;
    // As a port of a container is published on the loopback of the machine that clients are on.
    let public = forward("127.0.0.1:0".parse().unwrap(), processes.bytes_address()).await;
    processes.tell("media", "POSTBREEZE_MEDIA_PUBLIC_URL", &format!("http://{public}"));
    let internal = format!("http://{}", processes.bytes_address());
    processes.tell("media", "POSTBREEZE_MEDIA_INTERNAL_URL", &internal);
    processes.kill("media").await;
    processes.launch("media");
    processes.until_ready("media").await;

    let owner = processes.front().sign_up("owner").await;
    let workspace_id = owner.session.create_workspace("Acme").await.unwrap().id;
    let account = connect(&owner.session, &workspace_id, &snac, "alice", &passwords[0]).await;
    let media = owner.session.upload(&workspace_id, "a.png", "image/png", PNG).await.unwrap();
    assert!(media.download_url.starts_with(&format!("http://{public}/")), "{media:?}");
    assert_eq!(get(&media.download_url).await, (200, PNG.into()));

    let request = CreatePostRequest {
        publish_now: true,
        media_ids: vec![media.id],
        ..draft("Héllo 🦀", &account.id)
    };
    let post = owner.session.create_post(request).await.unwrap();
    let post = until_published(&owner.session, &post.id).await;
    let bobby = snac.token("bobby", &passwords[1]).await;
    let path = format!("/api/v1/statuses/{}", post.targets[0].external_post_id);
    let there = snac.call(&path, &bobby, None).await;
    let picture = there["media_attachments"][0]["url"].as_str().unwrap();
    assert_eq!(get(picture).await, (200, PNG.into()));
}

/// Starts the services, each on its host.
async fn start(lan: &Lan, directory: &Directory, database_url: &SecretString) -> Processes {
    let mut database_url: Url = database_url.expose_secret().parse().unwrap();
    let server = SocketAddr::from(([127, 0, 0, 1], database_url.port().unwrap()));
    let reached = forward(SocketAddr::new(OWN.into(), 0), server).await;
    database_url.set_ip_host(reached.ip()).unwrap();
    database_url.set_port(Some(reached.port())).unwrap();
    let ours = Host { address: OWN.into(), namespace_of: None };
    let other = |number| Host {
        address: IpAddr::from(Lan::address(number)),
        namespace_of: Some(lan.pid(number)),
    };
    let hosts = [
        ("aggregator", ours),
        ("identity", ours),
        ("workspaces", ours),
        ("posts", ours),
        ("media", other(MEDIA)),
        ("accounts", other(ACCOUNTS)),
    ];
    let allowed = format!("{OWN}/32");
    let settings = [("POSTBREEZE_EGRESS_ALLOW", allowed.as_str())];
    let database_url = SecretString::from(String::from(database_url));
    Processes::start_on(&hosts, database_url, &directory.path().join("services"), &settings).await
}

/// Passes on what comes to an address, and back. Answers which address that is.
async fn forward(from: SocketAddr, to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(from).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(mut server) = TcpStream::connect(to).await else { return };
                drop(copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    address
}

/// Connects the account that a person logs in to.
async fn connect(
    client: &Client,
    workspace_id: &str,
    snac: &Snac,
    user: &str,
    password: &str,
) -> SocialAccount {
    let request = StartConnectRequest {
        workspace_id: workspace_id.to_owned(),
        platform: Platform::Mastodon.into(),
        server_url: snac.url.clone(),
        ..Default::default()
    };
    let begun = client.accounts().start_connect(request).await.unwrap().into_inner();
    let code = snac.grant(&begun.authorize_url, user, password).await;
    let request = CompleteConnectRequest {
        state: begun.state,
        grant: Some(Grant::Code(code)),
        ..Default::default()
    };
    let answer = client.accounts().complete_connect(request).await.unwrap();
    answer.into_inner().account.unwrap()
}

/// Waits until a post is out.
async fn until_published(client: &Client, post_id: &str) -> Post {
    let until = Instant::now() + GOES_OUT_WITHIN;
    loop {
        let request = GetPostRequest { post_id: post_id.to_owned(), ..Default::default() };
        let post = client.posts().get_post(request).await.unwrap().into_inner().post.unwrap();
        if post.status() == PostStatus::Published {
            return post;
        }
        let is_over = post.status() == PostStatus::Failed || Instant::now() > until;
        assert!(!is_over, "the post is not published: {:?}", post.targets);
        sleep(Duration::from_millis(50)).await;
    }
}
