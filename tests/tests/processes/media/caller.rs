//! Who asks, again and again, and what they look at.

use bytes::Bytes;
use postbreeze_proto::{
    status::{Reason, reason_of},
    v1::{
        CompleteUploadRequest, DeleteMediaRequest, IngestFromUrlRequest, ListMediaRequest, Media,
        MediaStatus, PresignUploadRequest,
    },
};
use postbreeze_testkit::{
    User, until_eq,
    web::{self, PNG},
};
use sqlx::PgPool;
use tonic::Status;

use super::Operation;
use crate::client::insist;

/// Bytes of the picture.
pub(super) const SIZE: i64 = 73;

/// Who asks.
pub(super) struct Caller {
    pub owner: User,
    pub workspace_id: String,
    /// Of a picture.
    pub url: String,
    pub database: PgPool,
}

impl Caller {
    /// Does an operation once. Of the same name it is the same.
    pub async fn attempt(
        &self,
        operation: Operation,
        name: &str,
        subject: &str,
    ) -> Result<(), Status> {
        match operation {
            Operation::Upload => assert_whole(&self.upload(name).await?).await,
            Operation::Ingestion => assert_whole(&self.ingest(name).await?).await,
            Operation::Deletion => self.delete(subject).await?,
        }
        Ok(())
    }

    /// Does an operation until it is answered.
    pub async fn insist(
        &self,
        operation: Operation,
        name: &str,
        subject: &str,
    ) -> Result<(), Status> {
        insist(|| self.attempt(operation, name, subject)).await
    }

    /// Uploads a picture long ago: no URL works any more by which its bytes could come back.
    pub async fn old_upload(&self, name: &str) -> String {
        let media = self.upload(name).await.unwrap();
        let aged = "
            UPDATE media SET upload_expire_time = upload_expire_time - INTERVAL '2 days'";
        sqlx::query(aged).execute(&self.database).await.unwrap();
        media.id
    }

    async fn upload(&self, name: &str) -> Result<Media, Status> {
        let request = PresignUploadRequest {
            workspace_id: self.workspace_id.clone(),
            filename: name.to_owned(),
            content_type: "image/png".to_owned(),
            size_bytes: SIZE,
            request_id: name.to_owned(),
            ..Default::default()
        };
        let mut media = self.owner.session.media();
        let upload = media.presign_upload(request).await?.into_inner();
        let taken = web::put(&upload, PNG).await;
        assert!([200, 412].contains(&taken), "{taken}");
        let media_id = upload.media.unwrap().id;
        let request =
            CompleteUploadRequest { media_id, request_id: name.to_owned(), ..Default::default() };
        Ok(media.complete_upload(request).await?.into_inner().media.unwrap())
    }

    async fn ingest(&self, name: &str) -> Result<Media, Status> {
        let request = IngestFromUrlRequest {
            workspace_id: self.workspace_id.clone(),
            url: self.url.clone(),
            request_id: name.to_owned(),
            ..Default::default()
        };
        let answer = self.owner.session.media().ingest_from_url(request).await?;
        Ok(answer.into_inner().media.unwrap())
    }

    /// Deletes a medium, and waits until its bytes are gone, and its row.
    async fn delete(&self, media_id: &str) -> Result<(), Status> {
        let request = DeleteMediaRequest { media_id: media_id.to_owned(), ..Default::default() };
        match self.owner.session.media().delete_media(request).await {
            // The first answer was lost with the process that gave it.
            Err(status) if reason_of(&status) == Some(Reason::ResourceNotFound) => {}
            answer => drop(answer?),
        }
        let deleted = "SELECT count(*) FROM media WHERE delete_time IS NOT NULL";
        until_eq("deleted rows go", 0, async || self.count(deleted).await).await;
        Ok(())
    }

    /// What the list of all media has.
    pub async fn list(&self) -> Vec<Media> {
        let request = ListMediaRequest {
            workspace_id: self.workspace_id.clone(),
            page_size: 200,
            ..Default::default()
        };
        let listed =
            insist(|| async { self.owner.session.media().list_media(request.clone()).await });
        listed.await.unwrap().into_inner().media
    }

    /// Waits until nothing is due.
    pub async fn until_idle(&self) {
        let due = "SELECT count(*) FROM media WHERE lapse_time <= now() OR purge_time <= now()";
        until_eq("nothing is due", 0, async || self.count(due).await).await;
    }

    /// Whether nothing will ever be due.
    pub async fn nothing_lapses(&self) -> bool {
        let ever =
            "SELECT count(*) FROM media WHERE lapse_time IS NOT NULL OR purge_time IS NOT NULL";
        self.count(ever).await == 0
    }

    pub async fn is(&self, question: &'static str) -> bool {
        sqlx::query_scalar(question).fetch_one(&self.database).await.unwrap()
    }

    async fn count(&self, question: &'static str) -> i64 {
        sqlx::query_scalar(question).fetch_one(&self.database).await.unwrap()
    }

    /// Makes all media older by two days, as if nobody had done anything for so long.
    pub async fn age(&self) {
        let aged = "
            UPDATE media
            SET create_time = create_time - INTERVAL '2 days',
                upload_expire_time = upload_expire_time - INTERVAL '2 days',
                lapse_time = lapse_time - INTERVAL '2 days',
                purge_time = purge_time - INTERVAL '2 days'";
        sqlx::query(aged).execute(&self.database).await.unwrap();
    }
}

/// A medium whose bytes are there, and whose small picture is.
pub(super) async fn assert_whole(media: &Media) {
    assert_eq!(media.status(), MediaStatus::Ready);
    assert_eq!(web::get(&media.download_url).await, (200, Bytes::from_static(PNG)));
    let (status, thumbnail) = web::get(&media.thumbnail_url).await;
    assert_eq!((status, &thumbnail[..3]), (200, &b"\xff\xd8\xff"[..]));
}
