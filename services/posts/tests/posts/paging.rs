//! Lists over many workspaces, page by page, against the full list.

use chrono::TimeDelta;
use postbreeze_proto::v1::{ListPostsRequest, Post, PostStatus, SocialAccount};
use postbreeze_runtime::Environment;

use crate::support::{Client, System, User, add_post, delete, workspace_of};

/// A generator of its own, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

struct World {
    system: System,
    environment: Environment,
    ann: User,
    accounts: Vec<SocialAccount>,
    /// Ids and statuses of what is there, newest first.
    posts: Vec<(String, &'static str)>,
}

const STATUSES: [&str; 4] = ["draft", "draft", "draft", "failed"];

impl World {
    async fn new(workspaces: usize) -> Self {
        let system = System::start().await;
        let ann = system.sign_up("ann").await;
        let mut accounts = Vec::new();
        for n in 0..workspaces {
            accounts.push(workspace_of(&ann, &format!("n{n}")).await.1);
        }
        let environment = Environment::new(system.clock.clock());
        Self { system, environment, ann, accounts, posts: Vec::new() }
    }

    /// Writes a post; ids grow.
    async fn write(&mut self, workspace: usize, status: &'static str) {
        let account = &self.accounts[workspace];
        let id = add_post(&self.system, &self.environment, account, &self.ann, status).await;
        self.posts.insert(0, (id, status));
    }

    async fn delete(&mut self, place: usize) {
        let (id, _) = self.posts.remove(place);
        delete(&self.ann.session, &id).await.unwrap();
    }

    fn wanted(&self, status: Option<&str>) -> Vec<String> {
        let shown = self.posts.iter().filter(|(_, is)| status.is_none_or(|only| only == *is));
        shown.map(|(id, _)| id.clone()).collect()
    }
}

/// One page; answers whether it was the last.
async fn turn(client: &Client, request: &mut ListPostsRequest, seen: &mut Vec<Post>) -> bool {
    let page = client.posts().list_posts(request.clone()).await.unwrap().into_inner();
    assert!(page.posts.len() <= usize::try_from(request.page_size).unwrap());
    seen.extend(page.posts);
    request.page_token = page.next_page_token;
    request.page_token.is_empty()
}

async fn read(client: &Client, mut request: ListPostsRequest) -> Vec<String> {
    let mut seen = Vec::new();
    while !turn(client, &mut request, &mut seen).await {}
    seen.into_iter().map(|post| post.id).collect()
}

fn pages_of(page_size: i32, status: Option<PostStatus>) -> ListPostsRequest {
    let status = status.into_iter().map(Into::into).collect();
    ListPostsRequest { page_size, status, ..Default::default() }
}

#[tokio::test]
async fn pages_of_every_size_over_skewed_and_empty_workspaces_are_the_full_list() {
    let mut world = World::new(12).await;
    let mut dice = Dice(7);
    // The first workspaces are old, one has most, the last three are empty.
    for n in 0..150 {
        let workspace = match dice.roll(10) {
            0..6 => 8,
            _ if n < 40 => dice.roll(3),
            _ => 3 + dice.roll(6),
        };
        if n % 10 == 0 {
            world.system.clock.turn(TimeDelta::milliseconds(1));
        }
        world.write(workspace, STATUSES[dice.roll(STATUSES.len())]).await;
    }
    // Heads that point at what is gone.
    for _ in 0..30 {
        let place = dice.roll(world.posts.len().min(50));
        world.delete(place).await;
    }
    let client = &world.ann.session;
    for page_size in [1, 2, 7, 50, 200] {
        assert_eq!(read(client, pages_of(page_size, None)).await, world.wanted(None));
        let failed = read(client, pages_of(page_size, Some(PostStatus::Failed))).await;
        assert_eq!(failed, world.wanted(Some("failed")), "pages of {page_size}");
        assert_eq!(read(client, pages_of(page_size, Some(PostStatus::Canceled))).await, [""; 0]);
    }
}

#[tokio::test]
async fn every_row_that_stays_is_seen_once_whatever_comes_and_goes_between_pages() {
    let mut world = World::new(6).await;
    for seed in 0..8 {
        let mut dice = Dice(seed);
        for _ in 0..dice.roll(30) {
            let sides = 1 + dice.roll(5);
            let workspace = dice.roll(sides);
            world.write(workspace, STATUSES[dice.roll(STATUSES.len())]).await;
        }
        let at_first = world.wanted(None);
        let client = world.ann.session.clone();
        let mut request = pages_of(1, None);
        let mut seen = Vec::new();
        loop {
            request.page_size = [1, 2, 3, 5, 50][dice.roll(5)];
            if turn(&client, &mut request, &mut seen).await {
                break;
            }
            for _ in 0..dice.roll(3) {
                let workspace = dice.roll(6);
                world.write(workspace, "draft").await;
            }
            if dice.roll(2) == 0 {
                let place = dice.roll(world.posts.len());
                world.delete(place).await;
            }
        }
        let seen: Vec<String> = seen.into_iter().map(|post| post.id).collect();
        let mut once = seen.clone();
        once.dedup();
        assert_eq!(once, seen, "seed {seed}");
        assert!(seen.is_sorted_by(|a, b| a > b), "seed {seed}");
        let left = world.wanted(None);
        let stayed: Vec<_> = at_first.iter().filter(|id| left.contains(id)).collect();
        let missing: Vec<_> = stayed.into_iter().filter(|id| !seen.contains(id)).collect();
        assert!(missing.is_empty(), "seed {seed}: {missing:?}");
        assert!(seen.iter().all(|id| at_first.contains(id)), "seed {seed}");
    }
}
