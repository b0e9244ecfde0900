//! What each RPC asks of its caller before a handler runs. An RPC that is not listed is refused.

use crate::{Caller, Denied, token::Rpcs};

/// Who may call an RPC, and whether its handler needs the reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Who may call.
    pub callers: Callers,
    /// Whether the interceptor resolves the reach. Without it nothing is in reach.
    pub reach: bool,
}

/// Who may call an RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Anyone, without a credential.
    Anyone,
    /// Any credential.
    Credential,
    /// A session.
    Session,
    /// A session, or a key that is not scoped.
    Unscoped,
    /// An internal RPC on the way of a user's call: never reachable from outside.
    OnTheWay,
    /// An internal RPC of these services on their own behalf.
    Services(&'static [&'static str]),
    /// An internal RPC on the way of a user's call, or of these services on their own behalf.
    OnTheWayOr(&'static [&'static str]),
}

const ANYONE: Policy = Policy { callers: Callers::Anyone, reach: false };
const CREDENTIAL: Policy = Policy { callers: Callers::Credential, reach: false };
const REACH: Policy = Policy { callers: Callers::Credential, reach: true };
const SESSION: Policy = Policy { callers: Callers::Session, reach: false };
const SESSION_REACH: Policy = Policy { callers: Callers::Session, reach: true };
const UNSCOPED: Policy = Policy { callers: Callers::Unscoped, reach: false };
const ON_THE_WAY: Policy = Policy { callers: Callers::OnTheWay, reach: false };
const ON_THE_WAY_REACH: Policy = Policy { callers: Callers::OnTheWay, reach: true };
const BY_AGGREGATOR: Policy = Policy { callers: Callers::Services(&["aggregator"]), reach: false };
const BY_POSTS: Policy = Policy { callers: Callers::Services(&["posts"]), reach: false };
const ON_THE_WAY_OR_BY_POSTS: Policy =
    Policy { callers: Callers::OnTheWayOr(&["posts"]), reach: false };
const BY_FOLLOWERS: Policy =
    Policy { callers: Callers::Services(&["posts", "media", "accounts"]), reach: false };

/// The policy of a gRPC path; `None` when there is no such RPC.
#[must_use]
pub fn policy_of(path: &str) -> Option<Policy> {
    let (service, rpc) = path.strip_prefix("/postbreeze.")?.split_once('/')?;
    match service.strip_prefix("internal.") {
        Some(service) => internal(service, rpc),
        None => public(service, rpc),
    }
}

fn public(service: &str, rpc: &str) -> Option<Policy> {
    Some(match (service, rpc) {
        ("v1.UserService", "SignUp" | "SignIn") => ANYONE,
        ("v1.UserService", _) => SESSION,
        ("v1.ApiKeyService", "WhoAmI") => REACH,
        ("v1.ApiKeyService", "CreateApiKey" | "UpdateApiKey") => SESSION_REACH,
        ("v1.ApiKeyService", _) => SESSION,
        ("v1.WorkspaceService", "CreateWorkspace") => UNSCOPED,
        ("v1.MemberService", "AcceptInvitation") => SESSION,
        ("v1.MemberService" | "v1.WebhookService", _) => SESSION_REACH,
        ("v1.BillingService", "ListPlans") => CREDENTIAL,
        ("v1.BillingService", "GetEntitlements") => REACH,
        ("v1.BillingService", "GetUsage") => SESSION_REACH,
        ("v1.BillingService", _) => SESSION,
        (
            "v1.WorkspaceService"
            | "v1.SocialAccountService"
            | "v1.PostService"
            | "v1.MediaService"
            | "v1.CommentService"
            | "v1.SandboxService"
            | "v1.AuditService",
            _,
        ) => REACH,
        _ => return None,
    })
}

/// Each RPC by its name: one that acts for no user says which services may call it.
fn internal(service: &str, rpc: &str) -> Option<Policy> {
    Some(match (service, rpc) {
        ("v1.CredentialService", "Authenticate") => BY_AGGREGATOR,
        ("v1.CredentialService", "GetKeyScope")
        | ("v1.ProfileService", "GetProfiles" | "FindProfile")
        | ("v1.ReachService", "GetReach" | "GetWorkspaceNames")
        | ("v1.EntitlementService", "GetWorkspaceEntitlements" | "GetOwnerEntitlements")
        | ("v1.PostSourceService", "GetPostUsage")
        | ("v1.MediaSourceService", "GetStorageUsage") => ON_THE_WAY,
        ("v1.PostSourceService", "ReadPosts" | "ReadComments")
        | ("v1.AccountSourceService", "ReadSocialAccounts")
        | ("v1.MediaSourceService", "IngestMedia") => ON_THE_WAY_REACH,
        ("v1.AccountSourceService", "LookUpAccounts")
        | ("v1.MediaSourceService", "LookUpMedia" | "HoldMedia") => ON_THE_WAY_OR_BY_POSTS,
        ("v1.MediaSourceService", "ShareMedia" | "KeepMedia" | "DiscardMedia")
        | (
            "v1.NetworkService",
            "Publish" | "FindPublished" | "PublishComment" | "FindComment" | "FetchComments",
        )
        | ("v1.AccountLogService", "ReadAccountLog") => BY_POSTS,
        ("v1.WorkspaceLogService", "ReadWorkspaceLog") => BY_FOLLOWERS,
        _ => return None,
    })
}

impl Policy {
    /// The kind of RPC that it is about.
    #[must_use]
    pub fn rpcs(self) -> Rpcs {
        match self.callers {
            Callers::Anyone | Callers::Credential | Callers::Session | Callers::Unscoped => {
                Rpcs::Public
            }
            Callers::OnTheWay | Callers::Services(_) | Callers::OnTheWayOr(_) => Rpcs::Internal,
        }
    }

    /// Whether this caller may call. Anonymous callers are told apart before: they have no credential at all.
    ///
    /// # Errors
    /// What the caller lacks.
    pub fn check(self, caller: &Caller) -> Result<(), Denied> {
        let is_user = caller.user_id().is_some();
        let is_one_of = |names: &[&str]| match caller {
            Caller::System { service } => names.contains(&service.as_str()),
            _ => false,
        };
        let may = match self.callers {
            Callers::Anyone => true,
            Callers::Session => matches!(caller, Caller::Session { .. }),
            Callers::Unscoped if caller.is_scoped() => return Err(Denied::ScopedKey),
            Callers::Unscoped | Callers::Credential | Callers::OnTheWay => is_user,
            Callers::Services(names) => is_one_of(names),
            Callers::OnTheWayOr(names) => is_user || is_one_of(names),
        };
        if may { Ok(()) } else { Err(Denied::SessionRequired) }
    }
}

#[cfg(test)]
mod tests {
    use postbreeze_proto::RPC_PATHS;

    use super::*;

    #[test]
    fn every_rpc_has_a_policy_of_its_kind() {
        for path in RPC_PATHS.iter() {
            let policy = policy_of(path).unwrap_or_else(|| panic!("{path} has no policy"));
            let is_public = path.starts_with("/postbreeze.v1.");
            assert_eq!(policy.rpcs() == Rpcs::Public, is_public, "{path}");
        }
        assert_eq!(policy_of("/postbreeze.internal.v1.NetworkService/Another"), None);
        assert_eq!(policy_of("/postbreeze.v1.AnotherService/GetPost"), None);
    }
}
