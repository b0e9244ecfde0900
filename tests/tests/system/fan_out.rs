//! Lists over several sources: merged, exact over their pages, and partial rather than failed.

use std::time::{Duration, Instant};

use postbreeze_proto::{
    status::Reason,
    v1::{ListPostsRequest, ListPostsResponse, Role},
};
use postbreeze_runtime::sabotage::{Mechanism, break_it};
use postbreeze_testkit::{User, refused};
use tonic::{Code, Status};

use crate::shards::Sharded;

/// A user with a workspace on each shard.
struct Both {
    sharded: Sharded,
    user: User,
    /// On the first shard, and on the second.
    workspaces: [String; 2],
}

impl Both {
    async fn start() -> Self {
        let sharded = Sharded::start().await;
        let user = sharded.user_on(0, "near").await;
        let other = sharded.user_on(1, "far").await;
        let near = user.session.create_workspace("Near").await.unwrap().id;
        let far = other.session.create_workspace("Far").await.unwrap().id;
        sharded.front.join(&other, &far, &user, Role::Editor).await;
        Self { sharded, user, workspaces: [near, far] }
    }

    /// Posts here and there in turn; their ids, newest first.
    async fn write_posts(&self, rounds: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..rounds {
            for workspace in &self.workspaces {
                let written = self.sharded.write_posts(workspace, 1).await;
                ids.splice(0..0, written);
            }
        }
        ids
    }

    async fn list(&self, request: ListPostsRequest) -> Result<ListPostsResponse, Status> {
        Ok(self.user.session.posts().list_posts(request).await?.into_inner())
    }

    async fn pages(&self, page_size: i32) -> Vec<String> {
        let (mut ids, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListPostsRequest { page_size, page_token, ..Default::default() };
            let page = self.list(request).await.unwrap();
            ids.extend(page.posts.into_iter().map(|post| post.id));
            if page.next_page_token.is_empty() {
                return ids;
            }
            page_token = page.next_page_token;
        }
    }
}

/// Whether pages of each size give every post once, in order.
async fn is_exact(both: &Both, ids: &[String]) -> bool {
    for size in [1, 2, 3, 5, 50] {
        if both.pages(size).await != ids {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn pages_over_two_shards_give_every_post_once_newest_first() {
    let both = Both::start().await;
    let ids = both.write_posts(7).await;
    assert!(is_exact(&both, &ids).await);
}

/// The test above would notice a token that forgets one row.
#[tokio::test]
async fn with_a_forgetful_token_pages_are_not_exact() {
    let both = Both::start().await;
    let ids = both.write_posts(7).await;
    break_it(Mechanism::Paging);
    assert!(!is_exact(&both, &ids).await);
}

#[tokio::test]
async fn what_is_written_meanwhile_shifts_no_page() {
    let both = Both::start().await;
    let ids = both.write_posts(6).await;
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListPostsRequest { page_size: 2, page_token, ..Default::default() };
        let page = both.list(request).await.unwrap();
        seen.extend(page.posts.into_iter().map(|post| post.id));
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
        both.write_posts(1).await;
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn a_shard_that_is_down_costs_its_workspaces_and_its_rows_come_once_it_is_back() {
    let mut both = Both::start().await;
    let ids = both.write_posts(4).await;
    let all = ListPostsRequest { page_size: 3, ..Default::default() };
    let first = both.list(all.clone()).await.unwrap();
    assert!(first.unreachable.is_empty());
    both.sharded.cut_off().await;

    let request = ListPostsRequest { page_token: first.next_page_token.clone(), ..all.clone() };
    let second = both.list(request.clone()).await.unwrap();
    assert_eq!(second.unreachable_count, 1);
    assert_eq!(second.unreachable[0].workspace_id, both.workspaces[1]);
    assert_eq!(second.unreachable[0].reason(), Reason::SourceUnreachable);
    assert!(second.posts.iter().all(|post| post.workspace_id == both.workspaces[0]));
    assert!(!second.posts.is_empty() && !second.next_page_token.is_empty());
    let complete = ListPostsRequest { require_complete: true, ..all.clone() };
    let status = refused(both.list(complete).await, Reason::SourceUnreachable);
    assert_eq!(status.code(), Code::Unavailable);
    let far = ListPostsRequest { workspace_id: both.workspaces[1].clone(), ..Default::default() };
    refused(both.list(far).await, Reason::SourceUnreachable);
    let near = ListPostsRequest { workspace_id: both.workspaces[0].clone(), ..Default::default() };
    assert_eq!(both.list(near).await.unwrap().posts.len(), 4);

    both.sharded.bring_back().await;
    let mut seen: Vec<String> = first.posts.into_iter().chain(second.posts).map(|p| p.id).collect();
    let mut page_token = second.next_page_token;
    while !page_token.is_empty() {
        let page = both.list(ListPostsRequest { page_token, ..all.clone() }).await.unwrap();
        assert!(page.unreachable.is_empty());
        seen.extend(page.posts.into_iter().map(|post| post.id));
        page_token = page.next_page_token;
    }
    let mut wanted = ids;
    wanted.sort();
    seen.sort();
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn a_shard_that_stands_still_leaves_time_for_the_answer_of_the_others() {
    let mut both = Both::start().await;
    both.write_posts(2).await;
    both.sharded.stall().await;
    let mut request = tonic::Request::new(ListPostsRequest::default());
    request.set_timeout(Duration::from_secs(1));
    let started = Instant::now();
    let page = both.user.session.posts().list_posts(request).await.unwrap().into_inner();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!((page.posts.len(), page.unreachable_count), (2, 1));
    assert_eq!(page.unreachable[0].workspace_id, both.workspaces[1]);
}

#[tokio::test]
async fn at_most_a_hundred_unreachable_workspaces_are_named_and_all_are_counted() {
    let mut both = Both::start().await;
    let far = both.sharded.user_on(1, "many").await;
    for number in 0..120 {
        far.session.create_workspace(&format!("W{number}")).await.unwrap();
    }
    let near = both.sharded.user_on(0, "friend").await;
    let place = near.session.create_workspace("Near").await.unwrap();
    both.sharded.front.join(&near, &place.id, &far, Role::Editor).await;
    both.sharded.write_posts(&place.id, 1).await;
    both.sharded.cut_off().await;
    both.user = far;
    let page = both.list(ListPostsRequest::default()).await.unwrap();
    assert_eq!((page.unreachable.len(), page.unreachable_count, page.posts.len()), (100, 120, 1));
}
