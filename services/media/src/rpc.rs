//! The RPCs, one file each: parse, load, admit, act, reply.

mod complete_upload;
mod create_folder;
mod delete_folder;
mod delete_media;
mod discard_media;
mod entitlements;
mod folders;
mod get_media;
mod get_storage_usage;
mod hold_media;
mod ingest_from_url;
mod keep_media;
mod links;
mod list_folders;
mod list_media;
mod load;
mod look_up_media;
mod message;
mod move_media;
mod presign_upload;
mod share_media;
mod text;
mod update_folder;
mod update_media;

use std::sync::Arc;

use postbreeze_context::WorkspaceContext;
use postbreeze_egress::Egress;
use postbreeze_proto::{
    internal::v1::{self as internal, media_source_service_server::MediaSourceService},
    page::TokenKey,
    v1::{self, media_service_server::MediaService},
};
use postbreeze_runtime::{Environment, peer::Peer};
use tokio::sync::Notify;
use tonic::{Request, Response, Status, async_trait};

use crate::{ingest::Ingester, storage::Storage, store::Store, turns::Turns};

/// What handlers work with.
pub(crate) struct Rpc {
    pub(crate) store: Store,
    pub(crate) storage: Storage,
    pub(crate) egress: Egress,
    pub(crate) environment: Environment,
    pub(crate) page_tokens: TokenKey,
    pub(crate) workspaces: Peer,
    /// Who may have a medium fetched now.
    pub(crate) ingestions: Turns,
    /// Wakes who deletes bytes.
    pub(crate) purge: Arc<Notify>,
}

impl Rpc {
    /// Who fetches media, on its own beside the calls.
    fn ingester(&self) -> Ingester {
        Ingester {
            store: self.store.clone(),
            storage: self.storage.clone(),
            egress: self.egress.clone(),
            clock: self.environment.clock.clone(),
            purge: Arc::clone(&self.purge),
        }
    }
}

/// A service whose RPCs are the functions of the modules of their names.
macro_rules! serve {
    ($service:ident, $messages:ident { $($rpc:ident: $request:ident -> $response:ident;)+ }) => {
        #[async_trait]
        impl $service for Rpc {$(
            async fn $rpc(
                &self,
                request: Request<$messages::$request>,
            ) -> Result<Response<$messages::$response>, Status> {
                let context = WorkspaceContext::of(&request)?;
                Ok(Response::new($rpc::$rpc(self, &context, request.into_inner()).await?))
            }
        )+}
    };
}

serve! {
    MediaService, v1 {
        presign_upload: PresignUploadRequest -> PresignUploadResponse;
        complete_upload: CompleteUploadRequest -> CompleteUploadResponse;
        ingest_from_url: IngestFromUrlRequest -> IngestFromUrlResponse;
        get_media: GetMediaRequest -> GetMediaResponse;
        list_media: ListMediaRequest -> ListMediaResponse;
        update_media: UpdateMediaRequest -> UpdateMediaResponse;
        move_media: MoveMediaRequest -> MoveMediaResponse;
        delete_media: DeleteMediaRequest -> DeleteMediaResponse;
        create_folder: CreateFolderRequest -> CreateFolderResponse;
        list_folders: ListFoldersRequest -> ListFoldersResponse;
        update_folder: UpdateFolderRequest -> UpdateFolderResponse;
        delete_folder: DeleteFolderRequest -> DeleteFolderResponse;
    }
}

serve! {
    MediaSourceService, internal {
        look_up_media: LookUpMediaRequest -> LookUpMediaResponse;
        hold_media: HoldMediaRequest -> HoldMediaResponse;
        keep_media: KeepMediaRequest -> KeepMediaResponse;
        discard_media: DiscardMediaRequest -> DiscardMediaResponse;
        share_media: ShareMediaRequest -> ShareMediaResponse;
        get_storage_usage: GetStorageUsageRequest -> GetStorageUsageResponse;
    }
}
