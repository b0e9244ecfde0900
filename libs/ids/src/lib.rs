//! Ids: a UUIDv7 that carries a bucket, typed by what it names, and written as a TypeID (`post_01h455vb4pex5vsknk084sn02q`).
//!
//! - [`Id`] is an id of one [`Kind`]; the aliases ([`PostId`], …) name the kinds.
//! - [`Bucket`] names the shard that an id lives on, a hint for routing and never an authority.
//! - [`Minter`] makes ids.
//! - With the feature `sqlx`, ids are Postgres `UUID`s in checked queries too: read `SELECT id AS "id: PostId"` (or
//!   `"id?: PostId"` where it may be NULL), bind `id as PostId`, and `ids as &[WorkspaceId]` for `= ANY($1)`.

mod bucket;
mod id;
mod kind;
mod minter;
#[cfg(feature = "sqlx")]
mod postgres;
mod text;

pub use bucket::Bucket;
pub use id::{Id, ParseIdError};
pub use kind::{
    Account, AccountId, Attempt, AttemptId, Comment, CommentId, Event, EventId, Folder, FolderId,
    Invitation, InvitationId, Key, KeyId, Kind, Media, MediaId, Member, MemberId, Post, PostId,
    Request, RequestId, Target, TargetId, User, UserId, Webhook, WebhookId, Workspace, WorkspaceId,
};
pub use minter::Minter;
