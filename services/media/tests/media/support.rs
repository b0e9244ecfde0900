//! What several tests do.

use std::{ops::Deref, time::Duration};

use postbreeze_context::{
    Caller,
    token::{Audience, CONTEXT, EDGE, Issuer},
};
use postbreeze_ids::{Bucket, Id, Kind, Post, UserId};
use postbreeze_proto::{
    internal::v1::{
        HoldMediaRequest, KeepMediaRequest, media_source_service_client::MediaSourceServiceClient,
    },
    v1::{
        ChangeSubscriptionRequest, CreateFolderRequest, DeleteMediaRequest, Folder,
        GetMediaRequest, IngestFromUrlRequest, ListMediaRequest, Media, Plan,
    },
};
use postbreeze_runtime::BoxService;
pub(crate) use postbreeze_testkit::{
    Client, User, Web, invalid_fields, metadata, refused, until_eq, until_that, video,
    violated_fields,
    web::{self, PNG},
};
use tonic::Status;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::store::Store;

/// A system, and the object store that it has for itself.
pub(crate) struct System {
    system: postbreeze_testkit::System,
    store: Store,
}

impl System {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(more: &[(&str, &str)]) -> Self {
        let store = Store::start().await;
        let own = store.settings();
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let settings: Vec<_> = own.chain(more.iter().copied()).collect();
        let system = postbreeze_testkit::System::start_with(&settings).await;
        Store::set(&system.clock);
        Self { system, store }
    }
}

impl Deref for System {
    type Target = postbreeze_testkit::System;

    fn deref(&self) -> &Self::Target {
        &self.system
    }
}

/// A system that may fetch from this machine.
pub(crate) async fn system() -> System {
    System::start_with(&[("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32")]).await
}

/// A user with a workspace.
pub(crate) async fn owner(system: &System) -> (User, String) {
    let owner = system.sign_up("owner").await;
    let workspace = owner.session.create_workspace("Acme").await.unwrap();
    (owner, workspace.id)
}

pub(crate) async fn change_plan(user: &User, plan: Plan) {
    let request = ChangeSubscriptionRequest { plan: plan.into() };
    user.session.billing().change_subscription(request).await.unwrap();
}

/// The id of something that never was.
pub(crate) fn unknown<K: Kind>() -> String {
    Id::<K>::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)).to_string()
}

pub(crate) async fn get(client: &Client, media_id: &str) -> Result<Media, Status> {
    let request = GetMediaRequest { media_id: media_id.to_owned(), ..Default::default() };
    Ok(client.media().get_media(request).await?.into_inner().media.unwrap())
}

pub(crate) async fn delete(client: &Client, media_id: &str) -> Result<(), Status> {
    let request = DeleteMediaRequest { media_id: media_id.to_owned(), ..Default::default() };
    client.media().delete_media(request).await.map(drop)
}

/// Uploads a picture, all the way.
pub(crate) async fn picture(client: &Client, workspace_id: &str, filename: &str) -> Media {
    client.upload(workspace_id, filename, "image/png", PNG).await.unwrap()
}

/// To fetch a medium.
pub(crate) fn from(workspace_id: &str, url: &str) -> IngestFromUrlRequest {
    IngestFromUrlRequest {
        workspace_id: workspace_id.to_owned(),
        url: url.to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn ingest(
    client: &Client,
    request: IngestFromUrlRequest,
) -> Result<Media, Status> {
    let mut request = tonic::Request::new(request);
    request.set_timeout(Duration::from_secs(10));
    Ok(client.media().ingest_from_url(request).await?.into_inner().media.unwrap())
}

/// All media of a workspace.
pub(crate) fn all_of(workspace_id: &str) -> ListMediaRequest {
    ListMediaRequest { workspace_id: workspace_id.to_owned(), ..Default::default() }
}

/// A folder in a parent; the empty one is the top level.
pub(crate) async fn folder(
    client: &Client,
    workspace_id: &str,
    parent: &str,
) -> Result<Folder, Status> {
    let request = CreateFolderRequest {
        workspace_id: workspace_id.to_owned(),
        name: "Folder".to_owned(),
        parent_folder_id: parent.to_owned(),
        ..Default::default()
    };
    Ok(client.media().create_folder(request).await?.into_inner().folder.unwrap())
}

/// Bytes that count in the storage of all owners: as counted, which must be what the media are charged with.
pub(crate) async fn stored(system: &System) -> i64 {
    let differing: i64 = sqlx::query_scalar(
        "SELECT count(*)
        FROM media_usage AS usage
        FULL JOIN (
            SELECT charged_owner_user_id AS owner_user_id, sum(charged_bytes) AS bytes
            FROM media
            GROUP BY charged_owner_user_id
        ) AS charged USING (owner_user_id)
        WHERE COALESCE(usage.bytes, 0) <> COALESCE(charged.bytes, 0)",
    )
    .fetch_one(system.pool("media"))
    .await
    .unwrap();
    assert_eq!(differing, 0, "storage is counted wrongly");
    sqlx::query_scalar("SELECT COALESCE(sum(bytes), 0)::BIGINT FROM media_usage")
        .fetch_one(system.pool("media"))
        .await
        .unwrap()
}

/// The rows of media, whatever has become of them.
pub(crate) async fn rows(system: &System) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM media").fetch_one(system.pool("media")).await.unwrap()
}

/// What the object store has of a medium.
pub(crate) fn objects(system: &System, media_id: &str) -> Vec<String> {
    system.store.objects().into_iter().filter(|name| name.contains(media_id)).collect()
}

/// All that the object store has, be it finished or not.
pub(crate) fn all_objects(system: &System) -> Vec<String> {
    system.store.objects()
}

/// What `posts` asks.
pub(crate) fn source(system: &System) -> MediaSourceServiceClient<BoxService> {
    let signing = system.keys.signing("posts").unwrap();
    let issuer = Issuer::new("posts", signing, system.clock.clock()).unwrap();
    let media = system.services.owners.media.clone();
    let service = media.map_request(move |mut request: http::Request<tonic::body::Body>| {
        let token = issuer.system_token(&["media"]).unwrap();
        request.headers_mut().insert(CONTEXT, token);
        request
    });
    MediaSourceServiceClient::new(BoxService::new(service))
}

/// The internal RPCs, as a service asks them on the way of a user's call.
pub(crate) fn source_for(system: &System, user: &User) -> MediaSourceServiceClient<BoxService> {
    let signing = system.keys.signing(EDGE).unwrap();
    let issuer = Issuer::new(EDGE, signing, system.clock.clock()).unwrap();
    let caller =
        Caller::Session { user_id: user.id().parse().unwrap(), session_id: Uuid::from_u128(7) };
    let token = issuer.token(&caller, Audience::internal(&["media"])).unwrap();
    let media = system.services.owners.media.clone();
    let service = media.map_request(move |mut request: http::Request<tonic::body::Body>| {
        request.headers_mut().insert(CONTEXT, token.clone());
        request
    });
    MediaSourceServiceClient::new(BoxService::new(service))
}

/// A new post of an owner's workspaces, as far as media knows of posts.
pub(crate) fn post(system: &System, owner: &User) -> String {
    let owner: UserId = owner.id().parse().unwrap();
    new_post(system, owner.bucket())
}

fn new_post(system: &System, bucket: Bucket) -> String {
    system.environment.minter.mint::<Post>(bucket).to_string()
}

pub(crate) async fn hold(
    system: &System,
    post_id: &str,
    version: i64,
    media: &[&str],
) -> Result<(), Status> {
    let request = HoldMediaRequest {
        post_id: post_id.to_owned(),
        post_version: version,
        media_ids: media.iter().map(|id| (*id).to_owned()).collect(),
    };
    source(system).hold_media(request).await.map(drop)
}

pub(crate) async fn keep(
    system: &System,
    post_id: &str,
    version: i64,
    media: &[&str],
) -> Result<(), Status> {
    let request = KeepMediaRequest {
        post_id: post_id.to_owned(),
        post_version: version,
        media_ids: media.iter().map(|id| (*id).to_owned()).collect(),
    };
    source(system).keep_media(request).await.map(drop)
}
