//! What a target shows, as the networks are told of it: `media` shares it for as long as a sending takes.

use std::{collections::HashMap, time::Duration};

use postbreeze_ids::MediaId;
use postbreeze_proto::internal::v1::{
    MediaToPublish, ShareMediaRequest, SharedMedia,
    media_source_service_client::MediaSourceServiceClient,
};

use super::{Shared, settle::Outcome};

const WITHIN: Duration = Duration::from_secs(10);

/// A medium that is shown.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) id: MediaId,
    /// Its description in the post; none: its own.
    pub(super) alt_text: Option<String>,
}

impl Shared {
    /// What is shown, in order, or what becomes of a sending that lacks it.
    pub(super) async fn share(&self, shown: &[Shown]) -> Result<Vec<MediaToPublish>, Outcome> {
        if shown.is_empty() {
            return Ok(Vec::new());
        }
        let withheld = || Outcome::Withheld {
            code: "media_unavailable".to_owned(),
            message: "the media could not be had".to_owned(),
        };
        let mut ids: Vec<String> = shown.iter().map(|medium| medium.id.to_string()).collect();
        ids.sort_unstable();
        ids.dedup();
        let share = ShareMediaRequest { media_ids: ids };
        let request = self.issuer.request(share, &["media"], WITHIN).map_err(|cause| {
            tracing::error!(%cause, "no context token can be signed");
            withheld()
        })?;
        let answer = MediaSourceServiceClient::new(self.media.clone()).share_media(request).await;
        let answer = answer.map_err(|status| {
            tracing::warn!(%status, "media cannot be shared");
            withheld()
        })?;
        to_publish(shown, answer.into_inner().media).ok_or_else(|| Outcome::Failed {
            transient: false,
            code: "media_missing".to_owned(),
            message: "a medium of the post is gone".to_owned(),
            retry_after: None,
        })
    }
}

/// What is shown, in order; `None` when something of it is not there.
fn to_publish(shown: &[Shown], shared: Vec<SharedMedia>) -> Option<Vec<MediaToPublish>> {
    let shared = shared.into_iter().filter_map(|medium| {
        let summary = medium.summary?;
        Some((
            summary.media_id.parse::<MediaId>().ok()?,
            (summary, medium.url, medium.internal_url),
        ))
    });
    let shared: HashMap<_, _> = shared.collect();
    let to_publish = |medium: &Shown| {
        let (summary, url, internal_url) = shared.get(&medium.id)?;
        Some(MediaToPublish {
            url: url.clone(),
            internal_url: internal_url.clone(),
            content_type: summary.content_type.clone(),
            size_bytes: summary.size_bytes,
            alt_text: medium.alt_text.as_ref().unwrap_or(&summary.alt_text).clone(),
            width_px: summary.width_px,
            height_px: summary.height_px,
            duration: summary.duration,
        })
    };
    shown.iter().map(to_publish).collect()
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::Id;
    use postbreeze_proto::internal::v1::MediaSummary;
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> MediaId {
        Id::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number))
    }

    fn shared(number: u128) -> SharedMedia {
        let summary = MediaSummary {
            media_id: id(number).to_string(),
            alt_text: format!("own {number}"),
            ..Default::default()
        };
        SharedMedia {
            summary: Some(summary),
            url: format!("https://{number}"),
            internal_url: format!("http://inside/{number}"),
            expire_time: None,
        }
    }

    #[test]
    fn media_are_shown_in_the_posts_order_and_by_its_descriptions() {
        let shown = [
            Shown { id: id(2), alt_text: Some(String::new()) },
            Shown { id: id(1), alt_text: None },
        ];
        let told = to_publish(&shown, vec![shared(1), shared(2), shared(3)]).unwrap();
        let told: Vec<_> = told
            .iter()
            .map(|one| (one.url.as_str(), one.internal_url.as_str(), one.alt_text.as_str()))
            .collect();
        let (second, first) =
            (("https://2", "http://inside/2", ""), ("https://1", "http://inside/1", "own 1"));
        assert_eq!(told, [second, first]);
    }

    #[test]
    fn nothing_is_shown_when_something_is_missing() {
        let shown = [Shown { id: id(2), alt_text: None }, Shown { id: id(1), alt_text: None }];
        assert_eq!(to_publish(&shown, vec![shared(1)]), None);
    }
}
