//! The example that every release must run, with every service in one process.

use postbreeze_testkit::System;
use postbreeze_tests::example;

#[tokio::test]
async fn one_key_drives_many_workspaces() {
    let system = System::start().await;
    example::play(&system).await;
    system.stop().await;
}
