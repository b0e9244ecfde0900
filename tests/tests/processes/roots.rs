//! Images hold no certificates: media starts without the trust store of a system, whatever keeps its bytes, and speaks TLS with
//! a store whose authority is the operator's.

use std::time::{Duration, Instant};

use postbreeze_proto::v1::GetMediaRequest;
use postbreeze_testkit::{
    PrivateCa, S3,
    web::{PNG, get},
};
use postbreeze_tests::processes::Processes;

use crate::server::{Directory, postgres};

/// Far more than media takes to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// An account of Google that needs no token.
const GOOGLE_ACCOUNT: &str =
    r#"{"disable_oauth": true, "private_key": "", "private_key_id": "", "client_email": ""}"#;

/// Media as a process that finds no certificate on its machine.
fn without_system_roots(directory: &Directory, processes: &mut Processes) {
    let empty = directory.path().join("no-certificates");
    std::fs::create_dir_all(&empty).unwrap();
    processes.tell("media", "SSL_CERT_FILE", "/dev/null");
    processes.tell("media", "SSL_CERT_DIR", &empty.display().to_string());
}

/// Starts media again. It must become ready, or say why not.
async fn restart(processes: &mut Processes) {
    processes.kill("media").await;
    processes.launch("media");
    let until = Instant::now() + PATIENCE;
    while !processes.is_ready("media").await {
        let log = std::fs::read_to_string(processes.log("media")).unwrap();
        assert!(Instant::now() < until, "media is not ready: {log}");
        assert!(processes.is_running("media"), "media has ended: {log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn media_is_ready_on_every_store_and_uses_one_of_the_operators_authority_without_system_roots()
 {
    let directory = Directory::new("roots");
    let server = postgres(&directory).await;
    let mut processes = Processes::start(server.url(), directory.path(), &[]).await;
    without_system_roots(&directory, &mut processes);
    // Dummies: opening a store asks nobody.
    for (name, value) in [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "an-access-key"),
        ("AWS_SECRET_ACCESS_KEY", "a secret of S3"),
        ("GOOGLE_SERVICE_ACCOUNT_KEY", GOOGLE_ACCOUNT),
        ("AZURE_STORAGE_ACCOUNT_NAME", "postbreeze"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "YSBrZXkgb2YgYW4gYWNjb3VudA=="),
    ] {
        processes.tell("media", name, value);
    }
    for store in ["s3://media", "gs://media", "az://media"] {
        processes.tell("media", "POSTBREEZE_MEDIA_STORE", store);
        restart(&mut processes).await;
    }

    let (s3, ca) = (S3::start().await, PrivateCa::new());
    for (name, value) in s3.settings() {
        processes.tell("media", name, &value);
    }
    let inside = ca.front(s3.address()).await;
    processes.tell("media", "AWS_ENDPOINT_URL", &format!("https://{inside}"));
    // Clients of this test speak no TLS.
    processes.tell("media", "POSTBREEZE_MEDIA_PUBLIC_ENDPOINT", &s3.endpoint());
    processes.tell("media", "POSTBREEZE_CA_FILE", &ca.file().display().to_string());
    restart(&mut processes).await;
    let owner = processes.front().sign_up("owner").await;
    let workspace_id = owner.session.create_workspace("Acme").await.unwrap().id;
    let media = owner.session.upload(&workspace_id, "a.png", "image/png", PNG).await.unwrap();
    let request = GetMediaRequest { media_id: media.id, ..Default::default() };
    let told = owner.session.media().get_media(request).await.unwrap().into_inner().media.unwrap();
    assert_eq!(get(&told.download_url).await, (200, PNG.into()));
    assert_eq!(get(&told.thumbnail_url).await.0, 200);
}
