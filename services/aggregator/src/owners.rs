//! The services behind the aggregator: which one owns an RPC, and which sources hold which buckets.

use std::ops::RangeInclusive;

use postbreeze_context::token::Audience;
use postbreeze_ids::{Bucket, WorkspaceId};
use postbreeze_runtime::peer::Peer;

/// The services behind the aggregator.
#[derive(Clone)]
pub struct Owners {
    /// Users, sessions, keys.
    pub identity: Peer,
    /// Workspaces, members, plans.
    pub workspaces: Peer,
    /// Media.
    pub media: Peer,
    /// Posts and comments, by bucket.
    pub posts: Sources,
    /// Social accounts, by bucket.
    pub accounts: Sources,
}

/// One shard of an owner.
#[derive(Clone)]
pub struct Source {
    /// The buckets whose rows it holds.
    pub buckets: RangeInclusive<u16>,
    /// The way to it.
    pub peer: Peer,
}

impl Source {
    /// Whether a workspace's rows are here.
    #[must_use]
    pub fn holds(&self, workspace_id: WorkspaceId) -> bool {
        self.buckets.contains(&workspace_id.bucket().get())
    }
}

/// The shards of one owner. Their ranges cover every bucket once.
#[derive(Clone)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// An owner that runs as one.
    #[must_use]
    pub fn one(peer: Peer) -> Self {
        Self(vec![Source { buckets: 0..=Bucket::COUNT - 1, peer }])
    }

    /// Shards, in the order of their buckets; `None` unless their ranges cover every bucket once.
    #[must_use]
    pub fn sharded(sources: Vec<Source>) -> Option<Self> {
        let mut next = 0;
        for source in &sources {
            if *source.buckets.start() != next || source.buckets.is_empty() {
                return None;
            }
            next = source.buckets.end() + 1;
        }
        (next == Bucket::COUNT).then_some(Self(sources))
    }

    /// Every shard.
    #[must_use]
    pub fn all(&self) -> &[Source] {
        &self.0
    }

    /// The shard of an RPC that is not routed by bucket: the only one there is.
    #[must_use]
    pub fn first(&self) -> &Peer {
        &self.0[0].peer
    }
}

/// Whom the token of a call is for: the service that answers it, and those that this one asks on the way.
#[must_use]
pub fn audience_of(answerer: &str) -> Audience {
    let (serves, asked): (_, &[&str]) = match answerer {
        "identity" => ("identity", &["identity", "workspaces"]),
        "workspaces" => ("workspaces", &["identity"]),
        "accounts" => ("accounts", &["identity", "workspaces"]),
        "media" => ("media", &["identity", "workspaces"]),
        "posts" => ("posts", &["accounts", "media", "identity", "workspaces"]),
        // The aggregator's own RPCs ask every owner, and internal RPCs only.
        _ => {
            return Audience::internal(&["identity", "workspaces", "posts", "media", "accounts"]);
        }
    };
    Audience { serves: Some(serves), asked }
}

/// Who answers an RPC.
pub enum Answerer<'a> {
    /// This process: it needs several owners.
    Here,
    /// An owner, to whom the call is forwarded as it came.
    Owner(&'a Peer),
}

impl Owners {
    /// Who answers the RPC of a gRPC path; `None` when there is no such RPC.
    #[must_use]
    pub fn answerer(&self, path: &str) -> Option<Answerer<'_>> {
        let (service, rpc) = path.strip_prefix("/postbreeze.v1.")?.split_once('/')?;
        Some(match (service, rpc) {
            ("PostService", "ListPosts")
            | ("SocialAccountService", "ListSocialAccounts")
            | ("CommentService", "ListComments")
            | ("BillingService", "GetUsage") => Answerer::Here,
            ("UserService" | "ApiKeyService", _) => Answerer::Owner(&self.identity),
            ("WorkspaceService" | "MemberService" | "BillingService", _) => {
                Answerer::Owner(&self.workspaces)
            }
            ("SocialAccountService" | "SandboxService", _) => {
                Answerer::Owner(self.accounts.first())
            }
            ("PostService" | "CommentService" | "WebhookService", _) => {
                Answerer::Owner(self.posts.first())
            }
            ("MediaService", _) => Answerer::Owner(&self.media),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call's token opens public RPCs of the service that answers it alone, and internal ones of those that it asks.
    #[test]
    fn a_token_is_for_who_answers_and_for_whom_that_one_asks() {
        let audiences: [(&str, &[&str]); 5] = [
            ("identity", &["identity", "workspaces"]),
            ("workspaces", &["identity"]),
            ("accounts", &["identity", "workspaces"]),
            ("media", &["identity", "workspaces"]),
            ("posts", &["accounts", "media", "identity", "workspaces"]),
        ];
        for (owner, asked) in audiences {
            assert_eq!(audience_of(owner), Audience { serves: Some(owner), asked });
        }
        assert_eq!(audience_of("aggregator").serves, None);
    }
}
