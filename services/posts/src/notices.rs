//! Tells `media` what posts keep: delivers the rows of `media_notices`, soon after they were written and again and again
//! until `media` has taken them. Any replica may, and may die at any point: telling twice changes nothing.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use postbreeze_context::token::Issuer;
use postbreeze_ids::PostId;
use postbreeze_proto::internal::v1::{
    KeepMediaRequest, media_source_service_client::MediaSourceServiceClient,
};
use postbreeze_runtime::{Environment, peer::Peer, postgres::bounded};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use crate::store::{Store, media_notices::Notice};

/// A notice whose writer was killed before it could wake us is found after this.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After a failure, doubled with each that follows up to [`LOOK_EVERY`].
const PAUSE: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(5);
const AT_ONCE: usize = 8;
const PAGE: usize = 100;
const AUDIENCE: &[&str] = &["media"];

/// Says that there are notices. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Notices(Arc<Notify>);

impl Notices {
    /// There are new ones: to be said once they are committed.
    pub(crate) fn wake(&self) {
        self.0.notify_one();
    }
}

/// Starts delivering; it ends with the process.
pub(crate) fn start(
    environment: &Environment,
    store: &Store,
    issuer: Issuer,
    media: Peer,
) -> Notices {
    let notices = Notices(Arc::new(Notify::new()));
    let woken = notices.clone();
    let stopping = environment.background.stopping().clone();
    let courier = Courier { store: store.clone(), issuer, media };
    environment.background.spawn(async move {
        let delivering = async {
            let mut pause = PAUSE;
            loop {
                match courier.deliver().await {
                    Ok(()) => {
                        pause = PAUSE;
                        // Elapsing is as good as being woken.
                        let _ = timeout(LOOK_EVERY, woken.0.notified()).await;
                    }
                    Err(cause) => {
                        if pause == PAUSE {
                            tracing::warn!(cause, "media cannot be told what posts keep");
                        }
                        sleep(pause).await;
                        pause = LOOK_EVERY.min(pause * 2);
                    }
                }
            }
        };
        stopping.run_until_cancelled::<_>(delivering).await;
    });
    notices
}

struct Courier {
    store: Store,
    issuer: Issuer,
    media: Peer,
}

impl Courier {
    /// Delivers all there are. One that is not taken keeps no other from being delivered, unless none is.
    async fn deliver(&self) -> Result<(), String> {
        let mut after = PostId::MIN;
        let mut failure = None;
        loop {
            let page = self.store.media_notices(after, i64::try_from(PAGE).unwrap_or(i64::MAX));
            let page = bounded(page).await.map_err(|error| error.to_string())?;
            let (found, last) = (page.len(), page.last().map(|notice| notice.post_id));
            let told: Vec<_> = page.iter().map(|notice| self.tell(notice)).collect();
            let told: Vec<_> = stream::iter(told).buffer_unordered(AT_ONCE).collect().await;
            let mut failures: Vec<String> = told.into_iter().filter_map(Result::err).collect();
            let all_failed = failures.len() == found;
            failure = failure.or(failures.pop());
            match last {
                Some(last) if found == PAGE && !all_failed => after = last,
                _ => return failure.map_or(Ok(()), Err),
            }
        }
    }

    async fn tell(&self, notice: &Notice) -> Result<(), String> {
        let keep = KeepMediaRequest {
            post_id: notice.post_id.to_string(),
            post_version: notice.version,
            media_ids: notice.media_ids.iter().map(ToString::to_string).collect(),
        };
        let request = self.issuer.request(keep, AUDIENCE, PATIENCE);
        let request = request.map_err(|error| error.to_string())?;
        MediaSourceServiceClient::new(self.media.clone())
            .keep_media(request)
            .await
            .map_err(|status| status.to_string())?;
        bounded(self.store.forget_notice(notice)).await.map_err(|error| error.to_string())
    }
}
