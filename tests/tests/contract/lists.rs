//! Every list pages: each row once, whatever the size of the pages; its token is good for that user and that filter alone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use postbreeze_ids::Attempt;
use postbreeze_proto::{status::Reason, v1::ListWorkspacesRequest};
use postbreeze_testkit::User;
use postbreeze_tests::{
    api::{self, Rpc},
    wire::{Answer, Call},
};
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, Value};
use tonic::Code;

use crate::{
    table::{Row, TABLE},
    world::{Place, Target, World, rpc_of, uuid_of},
};

const ROWS: usize = 4;

/// What is made for a list, by its RPC, in the order in which it is made.
type Made = BTreeMap<&'static str, Vec<String>>;

/// Sees to it that each list has something to show. Answers the ids of what was made, the oldest first.
async fn fill(world: &World, place: &Place) -> Made {
    let owner = &world.team.owner;
    let mut made = Made::new();
    for round in 0..ROWS {
        world.system.clock.turn(TimeDelta::seconds(1));
        // The later one comes, the longer ago it was written.
        let written = world.system.clock.now() - TimeDelta::hours(i64::try_from(round).unwrap());
        // Another workspace, with an account.
        let other = world.place().await;
        for (list, id) in [
            ("PostService/ListPosts", world.post(owner, place, false).await.id),
            ("CommentService/ListComments", world.comment_of(place, written).await),
            ("SandboxService/ListSandboxCalls", world.sandbox_post(place).await),
            ("WebhookService/ListWebhooks", world.webhook(place).await),
            ("MediaService/ListMedia", world.medium(owner, place).await),
            ("MediaService/ListFolders", world.folder(owner, place).await),
            (
                "MemberService/ListInvitations",
                world.invitation(owner, place).await.invitation.unwrap().id,
            ),
            ("ApiKeyService/ListApiKeys", owner.full_key().await.unwrap().0.id),
            ("WorkspaceService/ListWorkspaces", other.workspace_id),
            ("SocialAccountService/ListSocialAccounts", other.account_id),
        ] {
            made.entry(list).or_default().push(id);
        }
    }
    made
}

/// The request of a list; attempts are those of a post that has some.
async fn request(world: &World, row: &Row, place: &Place) -> DynamicMessage {
    let request = world.request(row, Target::Of(place), &world.team.owner).await;
    if let Some(post_id) = request.get_field_by_name("post_id") {
        add_attempts(world, place, post_id.as_str().unwrap()).await;
    }
    request
}

async fn add_attempts(world: &World, place: &Place, post_id: &str) {
    let post: postbreeze_ids::PostId = post_id.parse().unwrap();
    let environment = postbreeze_runtime::Environment::new(world.system.clock.clock());
    for number in 0..i32::try_from(ROWS).unwrap() {
        let id = environment.minter.mint::<Attempt>(post.bucket());
        sqlx::query(
            "INSERT INTO publish_attempts (
                bucket, id, workspace_id, post_id, target_id, account_id, platform, attempt_number, status, start_time
            )
            VALUES ($1, $2, $3, $4, $2, $5, 12, $6, 'failed', $7)",
        )
        .bind(post.bucket().as_i16())
        .bind(id.uuid())
        .bind(uuid_of::<postbreeze_ids::Workspace>(&place.workspace_id))
        .bind(post.uuid())
        .bind(uuid_of::<postbreeze_ids::Account>(&place.account_id))
        .bind(number)
        .bind(world.system.clock.now())
        .execute(world.system.pool("posts"))
        .await
        .unwrap();
    }
}

fn lists() -> Vec<&'static Row> {
    let is_list =
        |row: &&Row| api::rpc(row.rpc).method.input().get_field_by_name("page_token").is_some();
    TABLE.iter().filter(is_list).collect()
}

async fn ask(world: &World, rpc: &Rpc, caller: &User, request: &DynamicMessage) -> Answer {
    let (path, bytes) = (rpc.path(), request.encode_to_vec());
    Call::new(&path, Some(&caller.session_token), &bytes).send(&world.front).await
}

fn with(request: &DynamicMessage, page_size: i32, page_token: &str) -> DynamicMessage {
    let mut request = request.clone();
    request.set_field_by_name("page_size", Value::I32(page_size));
    request.set_field_by_name("page_token", Value::String(page_token.to_owned()));
    request
}

/// The rows of a page, each as its bytes, and the token of the next.
fn page(rpc: &Rpc, answer: &Answer) -> (Vec<Vec<u8>>, String) {
    assert_eq!(answer.code(), Code::Ok, "{}: {}", rpc.name, answer.told());
    let message = rpc.response(answer.message.as_ref().unwrap());
    let output = rpc.method.output();
    let rows = output
        .fields()
        .find(|field| field.is_list() && matches!(field.kind(), Kind::Message(_)))
        .expect("a list has rows");
    let listed = message.get_field(&rows);
    let rows =
        listed.as_list().unwrap().iter().map(|row| row.as_message().unwrap().encode_to_vec());
    let token = message.get_field_by_name("next_page_token").unwrap();
    (rows.collect(), token.as_str().unwrap().to_owned())
}

async fn whole(world: &World, rpc: &Rpc, request: &DynamicMessage, page_size: i32) -> Vec<Vec<u8>> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let answer = ask(world, rpc, &world.team.owner, &with(request, page_size, &token)).await;
        let (rows, next) = page(rpc, &answer);
        assert!(rows.len() <= usize::try_from(page_size).unwrap());
        all.extend(rows);
        if next.is_empty() {
            return all;
        }
        token = next;
    }
}

#[tokio::test]
async fn every_list_gives_each_row_once_whatever_the_size_of_its_pages() {
    let world = World::start().await;
    let place = world.place().await;
    fill(&world, &place).await;
    for row in lists() {
        let rpc = rpc_of(row);
        let request = request(&world, row, &place).await;
        let at_once = whole(&world, &rpc, &request, 200).await;
        let distinct: BTreeSet<_> = at_once.iter().collect();
        assert_eq!(distinct.len(), at_once.len(), "{} repeats rows", rpc.name);
        let expected = if rpc.name.ends_with("ListSocialAccounts") { 1 } else { ROWS };
        assert!(at_once.len() >= expected, "{} has {} rows", rpc.name, at_once.len());
        for size in [1, 2, 3] {
            assert_eq!(
                whole(&world, &rpc, &request, size).await,
                at_once,
                "{} by {size}",
                rpc.name
            );
        }
    }
}

/// What a list is in order of, and which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// By an id, which tells when its row was made.
    NewestFirst(&'static str),
    OldestFirst(&'static str),
    /// By this time, then by id.
    NewestFirstBy(&'static str, &'static str),
}

/// The order of each list, as the contract and the protos tell it.
const ORDERS: [(&str, Order); 14] = [
    ("ApiKeyService/WhoAmI", Order::OldestFirst("workspace_id")),
    ("ApiKeyService/ListApiKeys", Order::NewestFirst("id")),
    ("WorkspaceService/ListWorkspaces", Order::OldestFirst("id")),
    ("MemberService/ListMembers", Order::NewestFirst("id")),
    ("MemberService/ListInvitations", Order::NewestFirst("id")),
    ("SocialAccountService/ListSocialAccounts", Order::NewestFirst("id")),
    // It shows when a call came, and no id.
    ("SandboxService/ListSandboxCalls", Order::NewestFirstBy("time", "external_id")),
    ("PostService/ListPosts", Order::NewestFirst("id")),
    ("PostService/ListPublishAttempts", Order::NewestFirst("id")),
    ("MediaService/ListMedia", Order::NewestFirst("id")),
    ("MediaService/ListFolders", Order::NewestFirst("id")),
    ("CommentService/ListComments", Order::NewestFirstBy("network_time", "id")),
    ("WebhookService/ListWebhooks", Order::NewestFirst("id")),
    ("WebhookService/ListDeliveries", Order::NewestFirst("event_id")),
];

/// A row's time, if it is ordered by one, and its id.
fn place_in_order(rpc: &Rpc, row: &[u8], order: Order) -> (i64, i64, String) {
    let output = rpc.method.output();
    let rows = output.fields().find(prost_reflect::FieldDescriptor::is_list).unwrap();
    let Kind::Message(kind) = rows.kind() else { panic!("{} lists no messages", rpc.name) };
    let row = DynamicMessage::decode(kind, row).unwrap();
    let text = |name: &str| {
        let id = row.get_field_by_name(name).unwrap();
        id.as_str().unwrap().to_owned()
    };
    match order {
        Order::NewestFirst(id) | Order::OldestFirst(id) => (0, 0, text(id)),
        Order::NewestFirstBy(time, id) => {
            let time = row.get_field_by_name(time).unwrap();
            let time = time.as_message().unwrap();
            let part = |name: &str| match *time.get_field_by_name(name).unwrap() {
                Value::I64(number) => number,
                Value::I32(number) => number.into(),
                _ => panic!("no part of a time"),
            };
            (part("seconds"), part("nanos"), text(id))
        }
    }
}

#[tokio::test]
async fn every_list_has_the_order_that_is_promised() {
    let world = World::start().await;
    let place = world.place().await;
    let made = fill(&world, &place).await;
    assert_eq!(
        ORDERS.map(|(name, _)| name).iter().collect::<BTreeSet<_>>(),
        lists().iter().map(|row| &row.rpc).collect::<BTreeSet<_>>()
    );
    for row in lists() {
        let (name, order) = *ORDERS.iter().find(|(name, _)| *name == row.rpc).unwrap();
        let rpc = rpc_of(row);
        let mut request = request(&world, row, &place).await;
        if name == "SocialAccountService/ListSocialAccounts" {
            request = rpc.request("{}");
        }
        let rows = whole(&world, &rpc, &request, 200).await;
        let shown: Vec<_> = rows.iter().map(|row| place_in_order(&rpc, row, order)).collect();
        assert!(shown.len() >= ROWS, "{name} shows {shown:?}");
        let in_order = match order {
            Order::OldestFirst(_) => shown.is_sorted_by(|one, next| one < next),
            Order::NewestFirst(_) | Order::NewestFirstBy(..) => {
                shown.is_sorted_by(|one, next| one > next)
            }
        };
        assert!(in_order, "{name} shows {shown:?}");
        // Ids tell the order only if they are what they should be: what was made later is newer.
        let Some(made) = made.get(name) else { continue };
        let shown = shown.iter().map(|(.., id)| id).filter(|id| made.contains(id));
        let shown: Vec<_> = shown.cloned().collect();
        let newest_first: Vec<_> = made.iter().rev().cloned().collect();
        match name {
            // The last that came was written the longest ago.
            "CommentService/ListComments" | "WorkspaceService/ListWorkspaces" => {
                assert_eq!(shown, *made, "{name}");
            }
            _ => assert_eq!(shown, newest_first, "{name}"),
        }
    }
}

#[tokio::test]
async fn lists_without_a_workspace_merge_every_workspace_in_reach() {
    let world = World::start().await;
    let place = world.place().await;
    fill(&world, &place).await;
    let other = world.place().await;
    world.post(&world.team.owner, &other, false).await;
    world.comment(&other).await;
    for name in [
        "PostService/ListPosts",
        "SocialAccountService/ListSocialAccounts",
        "CommentService/ListComments",
    ] {
        let rpc = api::rpc(name);
        let everything = rpc.request("{}");
        let merged = whole(&world, &rpc, &everything, 200).await;
        for size in [1, 3] {
            assert_eq!(whole(&world, &rpc, &everything, size).await, merged, "{name} by {size}");
        }
        let mut one_by_one = Vec::new();
        let mine = ListWorkspacesRequest { page_size: 200, ..Default::default() };
        let mine = world.team.owner.session.workspaces().list_workspaces(mine).await.unwrap();
        for workspace in mine.into_inner().workspaces {
            let request = rpc.request(&format!(r#"{{"workspaceId": "{}"}}"#, workspace.id));
            one_by_one.extend(whole(&world, &rpc, &request, 200).await);
        }
        assert!(one_by_one.len() > ROWS, "{name}");
        let (merged, one_by_one): (BTreeSet<_>, BTreeSet<_>) =
            (merged.into_iter().collect(), one_by_one.into_iter().collect());
        assert_eq!(merged, one_by_one, "{name}");
    }
}

/// Every character of a token changed, one at a time.
fn altered(token: &str) -> Vec<String> {
    (0..token.len())
        .map(|at| {
            let other = if &token[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &token[..at], &token[at + 1..])
        })
        .chain([token[1..].to_owned(), format!("{token}A"), "nonsense".to_owned(), "é".to_owned()])
        .collect()
}

#[tokio::test]
async fn every_list_refuses_tokens_of_others_and_altered_ones_and_negative_sizes() {
    let world = World::start().await;
    let place = world.place().await;
    fill(&world, &place).await;
    let owner = &world.team.owner;
    for row in lists() {
        let rpc = rpc_of(row);
        let mut request = request(&world, row, &place).await;
        if rpc.name.ends_with("ListSocialAccounts") {
            request = rpc.request("{}");
        }
        let (_, token) = page(&rpc, &ask(&world, &rpc, owner, &with(&request, 1, "")).await);
        assert!(!token.is_empty(), "{} has one page", rpc.name);
        let refused = |answer: Answer, what: &str| {
            let told = answer.told();
            assert_eq!(
                answer.reason(),
                Some(Reason::PageTokenInvalid),
                "{} {what}: {told}",
                rpc.name
            );
        };
        for altered in altered(&token) {
            refused(ask(&world, &rpc, owner, &with(&request, 1, &altered)).await, &altered);
        }
        refused(
            ask(&world, &rpc, &world.team.admin, &with(&request, 1, &token)).await,
            "of another",
        );
        for other in lists().iter().filter(|other| other.rpc != row.rpc) {
            let rpc = rpc_of(other);
            let request = self::request(&world, other, &place).await;
            let answer = ask(&world, &rpc, owner, &with(&request, 1, &token)).await;
            assert_eq!(
                answer.reason(),
                Some(Reason::PageTokenInvalid),
                "{}: {}",
                rpc.name,
                answer.told()
            );
        }
        let negative = ask(&world, &rpc, owner, &with(&request, -1, "nonsense")).await;
        let named = postbreeze_testkit::violated_fields(negative.status.as_ref().unwrap());
        assert_eq!(named, ["page_size", "page_token"], "{}", rpc.name);
        let (rows, _) = page(&rpc, &ask(&world, &rpc, owner, &with(&request, i32::MAX, "")).await);
        assert!(rows.len() > 1, "{}", rpc.name);
    }
}

#[tokio::test]
async fn filters_bind_tokens() {
    let world = World::start().await;
    let place = world.place().await;
    fill(&world, &place).await;
    let owner = &world.team.owner;
    for (name, filter) in [
        ("PostService/ListPosts", r#"{"status": ["POST_STATUS_DRAFT"]}"#),
        ("SocialAccountService/ListSocialAccounts", r#"{"includeDisconnected": true}"#),
        ("CommentService/ListComments", r#"{"unread": true}"#),
        ("ApiKeyService/ListApiKeys", r#"{"includeRevoked": true}"#),
    ] {
        let rpc = api::rpc(name);
        let (plain, filtered) = (rpc.request("{}"), rpc.request(filter));
        let (_, token) = page(&rpc, &ask(&world, &rpc, owner, &with(&plain, 1, "")).await);
        let answer = ask(&world, &rpc, owner, &with(&filtered, 1, &token)).await;
        assert_eq!(answer.reason(), Some(Reason::PageTokenInvalid), "{name}: {}", answer.told());
        let (_, token) = page(&rpc, &ask(&world, &rpc, owner, &with(&filtered, 1, "")).await);
        let answer = ask(&world, &rpc, owner, &with(&plain, 1, &token)).await;
        assert_eq!(answer.reason(), Some(Reason::PageTokenInvalid), "{name}: {}", answer.told());
    }
}
