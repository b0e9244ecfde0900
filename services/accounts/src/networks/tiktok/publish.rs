//! Sending a video or photos, and waiting until TikTok has published them.

use std::time::Duration;

use http::Method;
use postbreeze_proto::{
    internal::v1::PublishRequest,
    v1::{TiktokOptions, TiktokPrivacyLevel, platform_options::Network as Options},
};
use serde_json::{Value, json};

use super::{ASK_EVERY, Publication, Status, Steps, Tiktok, refusal, sent};
use crate::networks::{
    Failure, Outcome, Progress, Session,
    http::Problem,
    steps::{PART_BYTES, has_time, in_progress, part, size},
    time_left,
};

const PART_WITHIN: Duration = Duration::from_secs(45);

impl Tiktok {
    /// The video's parts are a whole number of equal ones; the last has what is left over.
    pub(super) async fn send_video(
        &self,
        session: &Session,
        post: &PublishRequest,
        steps: &mut Steps,
        progress: &mut Progress,
    ) -> Result<(), Outcome> {
        let Some(video) = post.media.first() else { return Ok(()) };
        let size = size(video);
        let (part_bytes, parts) = parts(size);
        if steps.publish_id.is_empty() {
            let source = json!({
                "source": "FILE_UPLOAD",
                "video_size": size,
                "chunk_size": part_bytes,
                "total_chunk_count": parts,
            });
            let info = post_info(post, "title");
            let body = json!({ "post_info": info, "source_info": source });
            let begun: Result<Publication, Problem> =
                self.ask(session, "post/publish/video/init", &body).await;
            let begun = begun.map_err(|problem| problem.failure())?;
            (steps.publish_id, steps.upload_url) = (begun.publish_id, begun.upload_url);
            progress.keep(&*steps).await?;
        }
        while steps.parts < parts {
            if !has_time() {
                return Err(in_progress(ASK_EVERY).into());
            }
            let first = steps.parts * part_bytes;
            let is_last = steps.parts + 1 == parts;
            let last = if is_last { size } else { first + part_bytes } - 1;
            let bytes = part(&self.http, video, first, last).await?;
            let request = self.http.open(Method::PUT, &steps.upload_url).within(PART_WITHIN);
            let request = request
                .header("content-range", &format!("bytes {first}-{last}/{size}"))
                .body(&video.content_type, bytes);
            let sent = request.send().await;
            let sent = sent.and_then(|answer| answer.accepted(session.now, refusal));
            if let Err(problem) = sent {
                if matches!(&problem, Problem::Refused { .. }) && !problem.is_transient() {
                    // An upload lasts an hour: the next try begins another.
                    progress.keep(&Steps::default()).await?;
                    let message = problem.failure().message;
                    return Err(Failure::transient("upload_ended", &message).into());
                }
                return Err(if is_last { problem.outcome() } else { problem.failure().into() });
            }
            steps.parts += 1;
            progress.keep(&*steps).await?;
        }
        Ok(())
    }

    /// TikTok fetches photos from where they are.
    pub(super) async fn send_photos(
        &self,
        session: &Session,
        post: &PublishRequest,
        steps: &mut Steps,
        progress: &mut Progress,
    ) -> Result<(), Outcome> {
        if !steps.publish_id.is_empty() {
            return Ok(());
        }
        steps.asked = true;
        progress.keep(&*steps).await?;
        let photos: Vec<&str> = post.media.iter().map(|medium| medium.url.as_str()).collect();
        let body = json!({
            "media_type": "PHOTO",
            "post_mode": "DIRECT_POST",
            "post_info": post_info(post, "description"),
            "source_info": {
                "source": "PULL_FROM_URL",
                "photo_cover_index": 0,
                "photo_images": photos,
            },
        });
        let begun: Result<Publication, Problem> =
            self.ask(session, "post/publish/content/init", &body).await;
        match begun {
            Ok(begun) => steps.publish_id = begun.publish_id,
            Err(problem) => {
                let outcome = problem.outcome();
                if matches!(outcome, Outcome::Failed(_)) {
                    progress.keep(&Steps::default()).await?;
                }
                return Err(outcome);
            }
        }
        Ok(progress.keep(&*steps).await?)
    }

    /// Waits until it is published. What is still processed by then is not known: it can be asked for by its id.
    pub(super) async fn published(
        &self,
        session: &Session,
        publish_id: &str,
        progress: &mut Progress,
    ) -> Result<Outcome, Failure> {
        loop {
            let status = match self.status(session, publish_id).await {
                Ok(status) => status,
                Err(problem) => return Ok(unknown("status_lost", &problem.failure().message)),
            };
            match status.stage.as_str() {
                "PUBLISH_COMPLETE" => return Ok(Outcome::Sent(sent(session, publish_id, &status))),
                "FAILED" => {
                    // The next try begins anew.
                    progress.keep(&Steps::default()).await?;
                    let (reason, message) = (&status.fail_reason, failed(&status));
                    return Ok(Outcome::Failed(match reason.as_str() {
                        "internal" | "video_pull_failed" | "photo_pull_failed" => {
                            Failure::transient(reason, &message)
                        }
                        _ => Failure::permanent(reason, &message),
                    }));
                }
                _ if time_left() > ASK_EVERY => tokio::time::sleep(ASK_EVERY).await,
                _ => return Ok(unknown("in_progress", "the network is still publishing it")),
            }
        }
    }
}

/// How large a part is, and how many there are.
pub(super) fn parts(size: u64) -> (u64, u64) {
    if size < 2 * PART_BYTES { (size, 1) } else { (PART_BYTES, size / PART_BYTES) }
}

fn post_info(post: &PublishRequest, text: &str) -> Value {
    let options = match post.options.as_ref().and_then(|options| options.network.as_ref()) {
        Some(Options::Tiktok(options)) => *options,
        _ => TiktokOptions::default(),
    };
    let privacy = match options.privacy_level() {
        TiktokPrivacyLevel::Unspecified | TiktokPrivacyLevel::PublicToEveryone => {
            "PUBLIC_TO_EVERYONE"
        }
        TiktokPrivacyLevel::MutualFollowFriends => "MUTUAL_FOLLOW_FRIENDS",
        TiktokPrivacyLevel::FollowerOfCreator => "FOLLOWER_OF_CREATOR",
        TiktokPrivacyLevel::SelfOnly => "SELF_ONLY",
    };
    let mut info = json!({
        "privacy_level": privacy,
        "disable_comment": options.disable_comment,
    });
    info[text] = json!(post.text);
    // Photos have neither.
    if text == "title" {
        info["disable_duet"] = json!(options.disable_duet);
        info["disable_stitch"] = json!(options.disable_stitch);
    }
    info
}

fn unknown(code: &str, message: &str) -> Outcome {
    Outcome::Unknown { code: code.to_owned(), message: message.to_owned() }
}

fn failed(status: &Status) -> String {
    format!("TikTok could not publish it: {}", status.fail_reason.replace('_', " "))
}
