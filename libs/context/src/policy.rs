//! What each RPC asks of its caller before a handler runs. An RPC that is not listed is refused.

use crate::{Caller, Denied};

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
    /// Another service, for whomever: never reachable from outside.
    Service,
}

const ANYONE: Policy = Policy { callers: Callers::Anyone, reach: false };
const CREDENTIAL: Policy = Policy { callers: Callers::Credential, reach: false };
const REACH: Policy = Policy { callers: Callers::Credential, reach: true };
const SESSION: Policy = Policy { callers: Callers::Session, reach: false };
const SESSION_REACH: Policy = Policy { callers: Callers::Session, reach: true };
const UNSCOPED: Policy = Policy { callers: Callers::Unscoped, reach: false };
const SERVICE: Policy = Policy { callers: Callers::Service, reach: false };
const SERVICE_REACH: Policy = Policy { callers: Callers::Service, reach: true };

/// The policy of a gRPC path; `None` when there is no such RPC.
#[must_use]
pub fn policy_of(path: &str) -> Option<Policy> {
    let (service, rpc) = path.strip_prefix("/postbreeze.")?.split_once('/')?;
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
        ("internal.v1.PostSourceService", "ReadPosts" | "ReadComments")
        | ("internal.v1.AccountSourceService", "ReadSocialAccounts") => SERVICE_REACH,
        (
            "internal.v1.CredentialService"
            | "internal.v1.ProfileService"
            | "internal.v1.ReachService"
            | "internal.v1.EntitlementService"
            | "internal.v1.WorkspaceLogService"
            | "internal.v1.PostSourceService"
            | "internal.v1.AccountSourceService"
            | "internal.v1.MediaSourceService"
            | "internal.v1.NetworkService"
            | "internal.v1.AccountLogService",
            _,
        ) => SERVICE,
        _ => return None,
    })
}

impl Policy {
    /// Whether this caller may call. Anonymous callers are told apart before: they have no credential at all.
    ///
    /// # Errors
    /// What the caller lacks.
    pub fn check(self, caller: &Caller) -> Result<(), Denied> {
        match (self.callers, caller) {
            (Callers::Session, Caller::Session { .. })
            | (Callers::Anyone | Callers::Service, _)
            | (
                Callers::Unscoped | Callers::Credential,
                Caller::Session { .. } | Caller::Key { .. },
            ) => {
                if self.callers == Callers::Unscoped && caller.is_scoped() {
                    return Err(Denied::ScopedKey);
                }
                Ok(())
            }
            _ => Err(Denied::SessionRequired),
        }
    }
}
