//! How fast a large file is fetched into the object store, and what memory that takes, beside `curl | tee` into the same
//! folder. Both fetch it from here.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use postbreeze_proto::v1::{DeleteMediaRequest, IngestFromUrlRequest};
use postbreeze_testkit::{Web, video_of, web::Page};
use postbreeze_tests::processes::Processes;
use tokio::process::Command;
use tonic::Request;

use crate::{Failure, load::Speed, report::Report, scene::Scene};

pub(crate) const INGEST: &str = "IngestFromUrl, MiB of 1 GiB";
pub(crate) const CURL: &str = "curl | tee, MiB of 1 GiB";
/// Lets the service fetch from here.
pub(crate) const EGRESS: (&str, &str) = ("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32");

const SIZE_BYTES: usize = 1_024 * 1_024 * 1_024;
const SIZE_MIB: f64 = 1_024.0;
const PATIENCE: Duration = Duration::from_mins(1);

/// The file, and where it goes.
pub(crate) struct Ingestion {
    _web: Web,
    url: String,
    workspace_id: String,
    store: PathBuf,
}

impl Ingestion {
    pub(crate) async fn prepare(processes: &Processes, scene: &Scene) -> Self {
        let web = Web::start().await;
        let url = web.page("/video.mp4", Page::Bytes("video/mp4", video_of(SIZE_BYTES)));
        let workspace_id = scene.library.workspace_id.clone();
        Self { _web: web, url, workspace_id, store: processes.media_store() }
    }

    /// One round of both.
    pub(crate) async fn run(
        &self,
        round: usize,
        scene: &Scene,
        report: &mut Report,
    ) -> Result<(), Failure> {
        report.add(round, CURL, self.curl().await?);
        report.add(round, INGEST, self.ingest(scene).await?);
        Ok(())
    }

    async fn ingest(&self, scene: &Scene) -> Result<Speed, Failure> {
        let client = &scene.reachers[0].key;
        let mut request = Request::new(IngestFromUrlRequest {
            workspace_id: self.workspace_id.clone(),
            url: self.url.clone(),
            ..Default::default()
        });
        request.set_timeout(PATIENCE);
        let began = Instant::now();
        let answer = client.media().ingest_from_url(request).await?.into_inner();
        let took = began.elapsed();
        let media_id = answer.media.ok_or("an answer without a medium")?.id;
        let delete = DeleteMediaRequest { media_id, ..Default::default() };
        client.media().delete_media(delete).await?;
        Ok(speed(took))
    }

    async fn curl(&self) -> Result<Speed, Failure> {
        let file = self.store.join("by-curl");
        let began = Instant::now();
        let piped = Command::new("sh")
            .args(["-c", "curl -sSf \"$1\" | tee \"$2\" > /dev/null", "sh", &self.url])
            .arg(&file)
            .stdin(Stdio::null())
            .status()
            .await?;
        let took = began.elapsed();
        let is_whole = is_whole(&file);
        std::fs::remove_file(file)?;
        if piped.success() && is_whole {
            Ok(speed(took))
        } else {
            Err("curl failed: is it there?".into())
        }
    }
}

fn is_whole(file: &Path) -> bool {
    file.metadata().is_ok_and(|file| usize::try_from(file.len()) == Ok(SIZE_BYTES))
}

fn speed(took: Duration) -> Speed {
    Speed { per_second: SIZE_MIB / took.as_secs_f64(), p50: took, p99: took }
}
