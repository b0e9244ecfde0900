//! A bad setting ends a process at once, with exit code 64 and the name of the variable.

use std::{net::TcpListener, process::Output};

use postbreeze_testkit::within;
use postbreeze_tests::processes::binaries;
use tokio::process::Command;

const GOOD: &[(&str, &str)] = &[
    ("POSTBREEZE_DATABASE_URL", "postgres://nobody@127.0.0.1:1"),
    ("POSTBREEZE_PAGE_TOKEN_KEY", "0123456789abcdef"),
    ("POSTBREEZE_TOKEN_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ("POSTBREEZE_WEBHOOK_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ("POSTBREEZE_CONTEXT_PUBLIC_KEYS", "aggregator/1=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    (
        "POSTBREEZE_CONTEXT_SIGNING_KEY",
        "1=MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC",
    ),
    ("POSTBREEZE_MEDIA_STORE", "file:///nonexistent"),
    ("POSTBREEZE_MEDIA_URL_KEY", "0123456789abcdef"),
    ("POSTBREEZE_IDENTITY_URL", "http://127.0.0.1:1"),
    ("POSTBREEZE_WORKSPACES_URL", "http://127.0.0.1:1"),
    ("POSTBREEZE_POSTS_URL", "http://127.0.0.1:1"),
    ("POSTBREEZE_MEDIA_URL", "http://127.0.0.1:1"),
    ("POSTBREEZE_ACCOUNTS_URL", "http://127.0.0.1:1"),
];

async fn start(service: &str, changed: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binaries().join(format!("postbreeze-{service}")));
    command.env_clear().envs(GOOD.iter().copied()).envs(changed.iter().copied()).kill_on_drop(true);
    within(&format!("{service} ends with {changed:?}"), command.output()).await.unwrap()
}

#[tokio::test]
async fn a_bad_setting_is_named_with_exit_code_64() {
    for (service, variable, value) in [
        ("posts", "POSTBREEZE_DATABASE_URL", ""),
        ("posts", "POSTBREEZE_DATABASE_URL", "mysql://localhost"),
        ("posts", "POSTBREEZE_DATABASE_CONNECTIONS", "0"),
        ("posts", "POSTBREEZE_PAGE_TOKEN_KEY", "short"),
        ("posts", "POSTBREEZE_WEBHOOK_KEY", "short"),
        ("posts", "POSTBREEZE_CONTEXT_PUBLIC_KEYS", "nonsense"),
        ("posts", "POSTBREEZE_CONTEXT_SIGNING_KEY", "1=nonsense"),
        ("posts", "POSTBREEZE_WORKSPACES_URL", ""),
        ("posts", "POSTBREEZE_PUBLISH_CONCURRENCY", "0"),
        ("posts", "POSTBREEZE_PUBLISH_DEADLINE_MS", "forever"),
        ("posts", "POSTBREEZE_PUBLISH_LEASE_MS", "5"),
        ("identity", "POSTBREEZE_LISTEN", "everywhere"),
        ("identity", "POSTBREEZE_CONCURRENCY", "0"),
        ("identity", "POSTBREEZE_DEFAULT_DEADLINE_MS", "1"),
        ("identity", "POSTBREEZE_STOP_GRACE_MS", "5s"),
        ("identity", "POSTBREEZE_LOG_FORMAT", "xml"),
        ("identity", "POSTBREEZE_LOG", "postbreeze=[{"),
        ("identity", "POSTBREEZE_TRACE_SAMPLE_RATIO", "2"),
        ("identity", "OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere at all"),
        ("workspaces", "POSTBREEZE_PLANS_FILE", "/nonexistent"),
        ("workspaces", "POSTBREEZE_SELF_SERVICE_PLANS", "maybe"),
        ("accounts", "POSTBREEZE_TOKEN_KEY", "short"),
        ("accounts", "POSTBREEZE_TOKEN_KEYS_OLD", "shorter, shortest"),
        ("accounts", "POSTBREEZE_SANDBOX_COMMANDS", "sometimes"),
        ("accounts", "POSTBREEZE_OAUTH_REDIRECT_URL", "back home"),
        ("accounts", "POSTBREEZE_BLUESKY_URL", "nowhere at all"),
        ("accounts", "POSTBREEZE_EGRESS_ALLOW", "everywhere"),
        ("accounts", "POSTBREEZE_CA_FILE", "/nonexistent/ca.pem"),
        ("posts", "POSTBREEZE_CA_FILE", "/dev/null"),
        ("media", "POSTBREEZE_CA_FILE", "/nonexistent/ca.pem"),
        ("media", "POSTBREEZE_MEDIA_INTERNAL_URL", "media:50071"),
        ("aggregator", "POSTBREEZE_POSTS_URL", "nowhere at all"),
    ] {
        let ended = start(service, &[(variable, value)]).await;
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(64), "{service} {variable}={value}: {told}");
        assert!(told.contains(variable), "{told}");
        assert!(value.len() < 5 || !told.contains(value) || value.starts_with('/'), "{told}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for service in ["posts", "aggregator"] {
        let ended = start(service, &[("POSTBREEZE_LISTEN", &address)]).await;
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{told}");
        assert!(told.contains(&address), "{told}");
    }
}
