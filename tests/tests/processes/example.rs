use postbreeze_tests::{
    example,
    processes::{Processes, SERVICES},
};

use crate::server::{Directory, postgres};

/// Of a service that nobody has called yet. Without optimisation: `make bench` prints what release builds take.
const RESIDENT_MIB: u64 = 40;

#[tokio::test]
async fn one_key_drives_many_workspaces_through_six_small_processes() {
    let directory = Directory::new("example");
    let server = postgres(&directory).await;
    let processes = Processes::start(server.url(), directory.path(), &[]).await;
    for service in SERVICES {
        let mib = processes.resident_bytes(service) / 1_024 / 1_024;
        assert!(mib <= RESIDENT_MIB, "{service} uses {mib} MiB");
    }
    example::play(&processes.front()).await;
}
