//! One attempt to deliver: sign, send, judge, write down.

use std::{sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_TYPE, USER_AGENT},
};
use postbreeze_egress::Post;
use postbreeze_ids::PostId;
use postbreeze_runtime::postgres::bounded;
use rand::RngExt as _;
use secrecy::SecretString;

use super::Courier;
use crate::{
    event::{self, EventKind, Subject},
    store::deliveries::queue::{Outcome, Taken, TakenDelivery},
    webhook::{
        delivery::{Verdict, judge},
        signature,
    },
};

/// From DNS to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);
const ERROR_CHARS: usize = 200;
const EVENT_HEADER: &str = "postbreeze-event";
const AGENT: &str = concat!("Postbreeze/", env!("CARGO_PKG_VERSION"));

/// A delivery that was taken, and what it takes to send it.
pub(super) struct Attempt {
    delivery: TakenDelivery,
    url: Arc<str>,
    /// `None` when a secret cannot be opened.
    secrets: Option<Arc<[SecretString]>>,
}

impl Attempt {
    /// The attempts of what was taken of one webhook.
    pub(super) fn all_of(courier: &Courier, taken: Taken) -> Vec<Self> {
        let Some(first) = taken.deliveries.first() else { return Vec::new() };
        let open = |secret: crate::store::webhook_secrets::SealedSecret| {
            courier.vault.open(first.webhook_id, secret.number, &secret.sealed)
        };
        let secrets: Option<Arc<[SecretString]>> = taken.secrets.into_iter().map(open).collect();
        if secrets.is_none() {
            tracing::error!(webhook.id = %first.webhook_id, "a secret cannot be opened with the key");
        }
        let url: Arc<str> = taken.url.into();
        let attempt = |delivery| Self { delivery, url: Arc::clone(&url), secrets: secrets.clone() };
        taken.deliveries.into_iter().map(attempt).collect()
    }

    /// Makes the attempt and writes down what came of it. When that fails the delivery is sent again once its lease runs
    /// out.
    #[tracing::instrument(
        skip_all,
        name = "webhook.deliver",
        fields(webhook.id = %self.delivery.webhook_id, event.id = %self.delivery.event_id)
    )]
    pub(super) async fn make(self, courier: &Courier) {
        let answer = self.send(courier).await;
        let outcome = self.judge(courier, answer);
        let now = courier.environment.clock.now();
        let settling = courier.store.settle_delivery(&self.delivery, &self.url, &outcome, now);
        let settled = bounded(settling).await;
        if let Err(error) = settled {
            tracing::warn!(%error, "the outcome of a delivery cannot be written");
        }
    }

    /// What was answered, or why nothing was.
    async fn send(&self, courier: &Courier) -> Result<u16, Failed> {
        let delivery = &self.delivery;
        let kind = EventKind::parse(&delivery.kind).ok_or(Failed::Lost)?;
        let subject_id = delivery.subject_id.ok_or(Failed::Lost)?;
        let data = match delivery.data.as_str() {
            // An earlier version wrote it, which told of posts alone.
            "" => Subject::Post(PostId::from_uuid(subject_id)).data(),
            data => data.to_owned(),
        };
        let (event_id, workspace_id) = (delivery.event_id, delivery.workspace_id);
        let body = event::body(event_id, kind, delivery.event_time, workspace_id, &data);
        let body = body.ok_or(Failed::Lost)?;
        let secrets = self.secrets.as_deref().ok_or(Failed::Unsigned)?;
        let signature = signature::sign(secrets, courier.environment.clock.now(), &body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        for (name, value) in
            [(signature::HEADER, signature), (EVENT_HEADER, delivery.event_id.to_string())]
        {
            let value = HeaderValue::try_from(value).map_err(|_| Failed::Unsigned)?;
            headers.insert(name, value);
        }
        let post = Post { headers, body: body.into(), timeout: TIMEOUT, answer_bytes: 0 };
        let answer = courier.egress.post(&self.url, post).await;
        answer.map(|answer| answer.status).map_err(Failed::Unanswered)
    }

    fn judge(&self, courier: &Courier, answer: Result<u16, Failed>) -> Outcome {
        let status = answer.as_ref().ok().copied();
        let verdict = match answer {
            Err(Failed::Lost) => Verdict::Dead,
            _ => judge(
                status,
                self.delivery.failures,
                self.delivery.give_up_time,
                courier.environment.clock.now(),
                rand::rng().random_range(0..=1_000),
            ),
        };
        let error = match answer {
            Ok(_) if verdict == Verdict::Delivered => String::new(),
            Ok(status) => format!("the URL answered with status {status}"),
            Err(failed) => failed.to_string().chars().take(ERROR_CHARS).collect(),
        };
        Outcome { verdict, status, error }
    }
}

/// Why nothing was answered.
#[derive(Debug, thiserror::Error)]
enum Failed {
    /// There is nothing to send.
    #[error("the event is not kept any more")]
    Lost,
    /// It cannot be signed.
    #[error("the delivery could not be signed")]
    Unsigned,
    /// The URL did not answer.
    #[error("the URL {0}")]
    Unanswered(postbreeze_egress::Error),
}
