//! The people and things that calls are made with: a team with a member of each role, a stranger, and whatever a
//! request's `$names` stand for.

mod rows;

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;
use chrono::TimeDelta;
use postbreeze_context::Role;
use postbreeze_ids::{Comment, Event, Id, Kind, Minter, Webhook};
use postbreeze_proto::v1::{
    ChangeSubscriptionRequest, CreateApiKeyRequest, CreateFolderRequest, CreatePostRequest,
    CreateWorkspaceRequest, DeleteWorkspaceRequest, InviteMemberRequest, InviteMemberResponse,
    KeyPermission, Plan, Platform, Post, ScopedAccess, SignInRequest, StartConnectRequest,
    UpdateWorkspaceRequest, create_api_key_request::Access,
};
use postbreeze_proto::{time::to_proto, v1::Role as WireRole};
use postbreeze_runtime::{BoxService, Environment};
use postbreeze_testkit::{
    PASSWORD, System, User, Web, draft,
    web::{self, PNG, Page},
};
use postbreeze_tests::api::{self, Rpc};
use prost_reflect::DynamicMessage;
use uuid::Uuid;

use crate::table::Row;

/// How a caller proves who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    Session,
    FullKey,
    /// Scoped to the workspace of the call.
    ScopedKey,
    /// Scoped to another workspace of the same user.
    KeyScopedElsewhere,
    ReadOnlyKey,
}

impl Mode {
    pub(crate) const ALL: [Self; 5] = [
        Self::Session,
        Self::FullKey,
        Self::ScopedKey,
        Self::KeyScopedElsewhere,
        Self::ReadOnlyKey,
    ];
}

/// A workspace with an account.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) workspace_id: String,
    pub(crate) account_id: String,
}

/// What a request is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    /// Things of this place.
    Of(&'a Place),
    /// Ids that were never given out.
    Unknown,
}

/// How the network inside the system names what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SandboxCall;

impl Kind for SandboxCall {
    const PREFIX: &'static str = "sbx";
    const NAME: &'static str = "sandbox_call";
}

pub(crate) struct Team {
    pub(crate) owner: User,
    pub(crate) admin: User,
    pub(crate) editor: User,
    pub(crate) reviewer: User,
}

pub(crate) struct World {
    pub(crate) system: System,
    pub(crate) front: BoxService,
    pub(crate) team: Team,
    /// An editor of every place of the team, whom things are done to.
    pub(crate) other_member: User,
    /// Who has a workspace of their own, and nothing to do with the team.
    pub(crate) stranger: User,
    pub(crate) foreign: Place,
    /// Where a picture can be fetched.
    picture: String,
    _web: Web,
    minter: Minter,
    keys: RefCell<HashMap<(String, Mode), String>>,
    /// The last that was to be delivered.
    event: RefCell<String>,
    /// The target of the post that was last made with a first comment.
    commented: RefCell<String>,
    counter: AtomicU32,
}

impl World {
    pub(crate) async fn start() -> Self {
        let system = System::start_with(&[("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32")]).await;
        let team = Team {
            owner: system.sign_up("owner").await,
            admin: system.sign_up("admin").await,
            editor: system.sign_up("editor").await,
            reviewer: system.sign_up("reviewer").await,
        };
        let other_member = system.sign_up("other").await;
        let stranger = system.sign_up("stranger").await;
        for user in [&team.owner, &stranger] {
            let plan = ChangeSubscriptionRequest { plan: Plan::Enterprise.into() };
            user.session.billing().change_subscription(plan).await.unwrap();
        }
        let foreign = place_of(&stranger, "Globex").await;
        let minter = Environment::new(system.clock.clock()).minter;
        let front = system.services.front.clone();
        let web = Web::start().await;
        let png = Page::Bytes("image/png", Bytes::from_static(PNG));
        Self {
            system,
            front,
            team,
            other_member,
            stranger,
            foreign,
            picture: web.page("/picture.png", png),
            _web: web,
            minter,
            keys: RefCell::default(),
            event: RefCell::default(),
            commented: RefCell::default(),
            counter: AtomicU32::new(0),
        }
    }

    pub(crate) fn member(&self, role: Role) -> &User {
        match role {
            Role::Owner => &self.team.owner,
            Role::Admin => &self.team.admin,
            Role::Editor => &self.team.editor,
            Role::ClientReviewer => &self.team.reviewer,
        }
    }

    /// A new workspace of the team, in which editors need approval.
    pub(crate) async fn place(&self) -> Place {
        let place = place_of(&self.team.owner, "Acme").await;
        let approval = UpdateWorkspaceRequest {
            workspace_id: place.workspace_id.clone(),
            require_approval: Some(true),
            ..Default::default()
        };
        self.team.owner.session.workspaces().update_workspace(approval).await.unwrap();
        for (user, role) in [
            (&self.team.admin, WireRole::Admin),
            (&self.team.editor, WireRole::Editor),
            (&self.team.reviewer, WireRole::ClientReviewer),
            (&self.other_member, WireRole::Editor),
        ] {
            self.system.join(&self.team.owner, &place.workspace_id, user, role).await;
        }
        place
    }

    pub(crate) async fn delete(&self, place: &Place) {
        let request = DeleteWorkspaceRequest { workspace_id: place.workspace_id.clone() };
        self.team.owner.session.workspaces().delete_workspace(request).await.unwrap();
    }

    /// A credential of a user for a call about a place.
    pub(crate) async fn credential(&self, user: &User, mode: Mode, place: &Place) -> String {
        if mode == Mode::Session {
            return user.session_token.clone();
        }
        if mode == Mode::ScopedKey {
            return new_key(user, scoped(&place.workspace_id)).await;
        }
        let known = (user.id().to_owned(), mode);
        if let Some(key) = self.keys.borrow().get(&known) {
            return key.clone();
        }
        let request = match mode {
            Mode::ReadOnlyKey => CreateApiKeyRequest {
                permission: KeyPermission::ReadOnly.into(),
                ..Default::default()
            },
            Mode::KeyScopedElsewhere => {
                let elsewhere = user.session.create_workspace("Elsewhere").await.unwrap();
                scoped(&elsewhere.id)
            }
            _ => CreateApiKeyRequest::default(),
        };
        let key = new_key(user, request).await;
        self.keys.borrow_mut().insert(known, key.clone());
        key
    }

    /// A new session of a user.
    pub(crate) async fn sign_in(&self, user: &User) -> String {
        let request =
            SignInRequest { email: user.user.email.clone(), password: PASSWORD.to_owned() };
        let answer = self.system.client(None).users().sign_in(request).await.unwrap();
        answer.into_inner().session_token
    }

    /// The request of a row, with what its names stand for made anew.
    pub(crate) async fn request(
        &self,
        row: &Row,
        target: Target<'_>,
        caller: &User,
    ) -> DynamicMessage {
        let mut json = String::new();
        let mut rest = row.request;
        while let Some((before, after)) = rest.split_once('$') {
            let end = after.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap();
            json.push_str(before);
            json.push_str(&self.thing(&after[..end], target, caller).await);
            rest = &after[end..];
        }
        json.push_str(rest);
        rpc_of(row).request(&json)
    }

    async fn thing(&self, name: &str, target: Target<'_>, caller: &User) -> String {
        match (name, target) {
            ("email", _) => format!("{}@example.org", self.count()),
            ("known_email", _) => caller.user.email.clone(),
            ("password", _) => PASSWORD.to_owned(),
            ("tomorrow", _) => (self.system.clock.now() + TimeDelta::days(1)).to_rfc3339(),
            ("key", _) => {
                let (key, _) = caller.full_key().await.unwrap();
                key.id
            }
            ("member", _) => self.other_member.id().to_owned(),
            ("picture", _) => self.picture.clone(),
            (_, Target::Unknown) => self.unknown(name),
            (_, Target::Of(place)) => self.thing_of(name, place, caller).await,
        }
    }

    async fn thing_of(&self, name: &str, place: &Place, caller: &User) -> String {
        let foreign = place.workspace_id == self.foreign.workspace_id;
        let owner = if foreign { &self.stranger } else { &self.team.owner };
        match name {
            "workspace" => place.workspace_id.clone(),
            "account" => place.account_id.clone(),
            "draft" => self.post(owner, place, false).await.id,
            "scheduled" => self.post(owner, place, true).await.id,
            // In a foreign place nobody else writes: any post will do.
            "waiting" if foreign => self.post(owner, place, true).await.id,
            "waiting" => self.post(&self.team.editor, place, true).await.id,
            "failed" => self.failed_post(owner, place).await,
            "commented" => self.commented_post(owner, place).await,
            "commented_target" => self.commented.borrow().clone(),
            "comment" => self.comment(place).await,
            "sandbox_post" => self.sandbox_post(place).await,
            "webhook" => self.webhook(place).await,
            // Of the webhook that the request has named.
            "event" => self.event.borrow().clone(),
            "uploaded" => self.uploaded(owner, place).await,
            "media" => self.medium(owner, place).await,
            "folder" => self.folder(owner, place).await,
            "invitation" => self.invitation(owner, place).await.invitation.unwrap().id,
            "invitation_token" => self.invitation(owner, place).await.invitation_token,
            "state" => self.state(owner, place, caller).await,
            _ => panic!("nothing is named ${name}"),
        }
    }

    fn unknown(&self, name: &str) -> String {
        let owner = self.team.owner.id().parse::<postbreeze_ids::UserId>().unwrap();
        let bucket = owner.bucket();
        match name {
            "workspace" => self.minter.mint::<postbreeze_ids::Workspace>(bucket).to_string(),
            "account" => self.minter.mint::<postbreeze_ids::Account>(bucket).to_string(),
            "draft" | "scheduled" | "waiting" | "failed" | "commented" => {
                self.minter.mint::<postbreeze_ids::Post>(bucket).to_string()
            }
            "commented_target" => self.minter.mint::<postbreeze_ids::Target>(bucket).to_string(),
            "comment" => self.minter.mint::<Comment>(bucket).to_string(),
            "webhook" => self.minter.mint::<Webhook>(bucket).to_string(),
            "event" => self.minter.mint::<Event>(bucket).to_string(),
            "sandbox_post" => self.minter.mint::<SandboxCall>(bucket).to_string(),
            "uploaded" | "media" => self.minter.mint::<postbreeze_ids::Media>(bucket).to_string(),
            "folder" => self.minter.mint::<postbreeze_ids::Folder>(bucket).to_string(),
            "invitation" => self.minter.mint::<postbreeze_ids::Invitation>(bucket).to_string(),
            "invitation_token" | "state" => "x".repeat(43),
            _ => panic!("nothing unknown is named ${name}"),
        }
    }

    pub(crate) async fn post(&self, author: &User, place: &Place, scheduled: bool) -> Post {
        let at = self.system.clock.now() + TimeDelta::hours(2);
        let request = CreatePostRequest {
            scheduled_for: scheduled.then(|| to_proto(at)),
            ..draft("text", &place.account_id)
        };
        author.session.create_post(request).await.unwrap()
    }

    async fn failed_post(&self, owner: &User, place: &Place) -> String {
        let post = self.post(owner, place, true).await;
        let id = uuid_of::<postbreeze_ids::Post>(&post.id);
        for statement in [
            "UPDATE posts SET status = 'failed', charged_owner_user_id = NULL, charged_month = NULL WHERE id = $1",
            "UPDATE post_targets SET status = 'failed', error_class = 'permanent' WHERE post_id = $1",
        ] {
            sqlx::query(statement).bind(id).execute(self.system.pool("posts")).await.unwrap();
        }
        post.id
    }

    /// A post that is out, and whose first comment failed.
    async fn commented_post(&self, owner: &User, place: &Place) -> String {
        let post = self.post(owner, place, true).await;
        let id = uuid_of::<postbreeze_ids::Post>(&post.id);
        for statement in [
            "UPDATE posts SET status = 'published' WHERE id = $1",
            "UPDATE post_targets
            SET status = 'published', external_post_id = 'x', first_comment = 'first', first_comment_status = 'failed',
                first_comment_error_class = 'permanent', due_time = NULL
            WHERE post_id = $1",
        ] {
            sqlx::query(statement).bind(id).execute(self.system.pool("posts")).await.unwrap();
        }
        self.commented.replace(post.targets[0].id.clone());
        post.id
    }

    /// A medium whose bytes have come and were not looked at.
    async fn uploaded(&self, owner: &User, place: &Place) -> String {
        let upload = owner.session.presign(&place.workspace_id, "a.png", "image/png", PNG.len());
        let upload = upload.await.unwrap();
        assert_eq!(web::put(&upload, PNG).await, 200);
        upload.media.unwrap().id
    }

    pub(crate) async fn medium(&self, owner: &User, place: &Place) -> String {
        let media = self.uploaded(owner, place).await;
        owner.session.complete_upload(&media).await.unwrap().id
    }

    pub(crate) async fn folder(&self, owner: &User, place: &Place) -> String {
        let request = CreateFolderRequest {
            workspace_id: place.workspace_id.clone(),
            name: "Folder".to_owned(),
            ..Default::default()
        };
        let answer = owner.session.media().create_folder(request).await.unwrap();
        answer.into_inner().folder.unwrap().id
    }

    pub(crate) async fn invitation(&self, owner: &User, place: &Place) -> InviteMemberResponse {
        let request = InviteMemberRequest {
            workspace_id: place.workspace_id.clone(),
            email: format!("{}@example.org", self.count()),
            role: WireRole::Editor.into(),
            ..Default::default()
        };
        owner.session.members().invite_member(request).await.unwrap().into_inner()
    }

    /// A state that the caller began, before they lost the right to.
    async fn state(&self, owner: &User, place: &Place, caller: &User) -> String {
        let request = StartConnectRequest {
            workspace_id: place.workspace_id.clone(),
            platform: Platform::Sandbox.into(),
            ..Default::default()
        };
        let started = owner.session.accounts().start_connect(request).await.unwrap().into_inner();
        sqlx::query("UPDATE connect_states SET user_id = $1")
            .bind(uuid_of::<postbreeze_ids::User>(caller.id()))
            .execute(self.system.pool("accounts"))
            .await
            .unwrap();
        started.state
    }

    pub(crate) fn count(&self) -> u32 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }
}

/// The RPC of a row.
pub(crate) fn rpc_of(row: &Row) -> Rpc {
    api::rpc(row.rpc)
}

/// The UUID in an id.
pub(crate) fn uuid_of<K: Kind>(id: &str) -> Uuid {
    id.parse::<Id<K>>().unwrap().uuid()
}

async fn place_of(owner: &User, name: &str) -> Place {
    let request = CreateWorkspaceRequest { name: name.to_owned(), ..Default::default() };
    let created = owner.session.workspaces().create_workspace(request).await.unwrap().into_inner();
    let workspace_id = created.workspace.unwrap().id;
    let account = owner.session.connect(&workspace_id, name).await.unwrap();
    Place { workspace_id, account_id: account.id }
}

fn scoped(workspace_id: &str) -> CreateApiKeyRequest {
    let access = ScopedAccess { workspace_ids: vec![workspace_id.to_owned()] };
    CreateApiKeyRequest { access: Some(Access::Scoped(access)), ..Default::default() }
}

async fn new_key(user: &User, request: CreateApiKeyRequest) -> String {
    let request = CreateApiKeyRequest { display_name: "key".to_owned(), ..request };
    user.session.keys().create_api_key(request).await.unwrap().into_inner().secret
}
