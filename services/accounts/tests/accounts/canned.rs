//! A network that gives one answer at each path, whoever asks.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use postbreeze_proto::v1::{Platform, SocialAccount, StartConnectRequest};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    replica::SETTINGS,
    support::{Client, complete, sandbox, start, with},
};

type Answers = Arc<Mutex<HashMap<String, (u16, Value)>>>;

/// The network.
pub(crate) struct Canned {
    url: String,
    answers: Answers,
    serving: JoinHandle<()>,
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Canned {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = Answers::default();
        let shared = Arc::clone(&answers);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answers = Arc::clone(&shared);
                let service = service_fn(move |request| {
                    let answer = answer(&answers, &request);
                    async { Ok::<_, Infallible>(answer) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, answers, serving }
    }

    /// What is answered at a path from here on.
    pub(crate) fn answers(&self, path: &str, status: u16, json: Value) {
        self.answers.lock().unwrap().insert(path.to_owned(), (status, json));
    }

    /// Settings that have this system registered here as the application of a network, as `X`.
    pub(crate) fn settings(&self, network: &str) -> Vec<(String, String)> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut settings: Vec<_> = SETTINGS.iter().map(own).collect();
        settings.push(own(&("POSTBREEZE_OAUTH_REDIRECT_URL", "https://app.example/callback")));
        for (name, value) in [
            ("CLIENT_ID", "client"),
            ("CLIENT_SECRET", "client-secret"),
            ("TOKEN_URL", &format!("{}/token", self.url)),
            ("API_URL", &self.url),
        ] {
            settings.push((format!("POSTBREEZE_{network}_{name}"), value.to_owned()));
        }
        settings
    }

    /// Connects the one account to a workspace.
    pub(crate) async fn connect(
        &self,
        client: &Client,
        workspace_id: &str,
        platform: Platform,
    ) -> SocialAccount {
        let request = StartConnectRequest { platform: platform.into(), ..sandbox(workspace_id) };
        let begun = start(client, request).await.unwrap();
        complete(client, with(&begun.state, "the code")).await.unwrap()
    }
}

fn answer(answers: &Answers, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let known = answers.lock().unwrap().get(request.uri().path()).cloned();
    let (status, json) = known.unwrap_or((404, json!({"title": "Not Found"})));
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Full::new(json.to_string().into())).unwrap()
}
