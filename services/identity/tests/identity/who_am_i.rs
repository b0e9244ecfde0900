use chrono::TimeDelta;
use postbreeze_context::credential::{CredentialKind, mint};
use postbreeze_proto::{
    status::Reason,
    v1::{
        AccessMode, CreateApiKeyRequest, KeyPermission, ReachableWorkspace, Role, SessionInfo,
        WhoAmIResponse, who_am_i_response::Credential,
    },
};

use secrecy::ExposeSecret as _;

use crate::support::{System, at, get, refused, who, workspace};

#[tokio::test]
async fn who_am_i_shows_a_session_its_user_and_all_workspaces_oldest_first() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let mut expected = Vec::new();
    for (owner, name, role) in
        [(&ann, "one", Role::Owner), (&bob, "two", Role::Editor), (&ann, "three", Role::Owner)]
    {
        system.clock.turn(TimeDelta::milliseconds(5));
        let workspace_id = workspace(owner, name).await.id;
        if role == Role::Editor {
            system.join(&bob, &workspace_id, &ann, role).await;
        }
        let (name, role) = (name.to_owned(), role.into());
        expected.push(ReachableWorkspace { workspace_id, name, role });
    }
    let start = system.clock.now() - TimeDelta::milliseconds(15);
    let session = SessionInfo {
        create_time: Some(at(start)),
        expire_time: Some(at(start + TimeDelta::days(30))),
    };
    assert_eq!(
        who(&ann.session).await.unwrap(),
        WhoAmIResponse {
            user: Some(ann.user.clone()),
            credential: Some(Credential::Session(session)),
            mode: AccessMode::Full.into(),
            permission: KeyPermission::ReadWrite.into(),
            workspaces: expected,
        }
    );
}

#[tokio::test]
async fn who_am_i_shows_a_key_itself_its_mode_and_its_reach() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (acme, globex) = (workspace(&ann, "Acme").await, workspace(&ann, "Globex").await);
    let read_only =
        CreateApiKeyRequest { permission: KeyPermission::ReadOnly.into(), ..Default::default() };
    let keys = [
        (ann.full_key().await.unwrap(), AccessMode::Full, KeyPermission::ReadWrite, 2),
        (ann.key(read_only).await.unwrap(), AccessMode::Full, KeyPermission::ReadOnly, 2),
        (
            ann.scoped_key(&[&globex.id]).await.unwrap(),
            AccessMode::Scoped,
            KeyPermission::ReadWrite,
            1,
        ),
    ];
    for ((key, client), mode, permission, reach) in keys {
        let answer = who(&client).await.unwrap();
        assert_eq!((answer.mode(), answer.permission()), (mode, permission));
        assert_eq!(answer.user.as_ref(), Some(&ann.user));
        let stored = get(&ann, &key.id).await.unwrap();
        assert_eq!(answer.credential, Some(Credential::ApiKey(stored)));
        let mut names: Vec<_> = answer.workspaces.iter().map(|row| row.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, &["Acme", "Globex"][2 - reach..]);
    }
    drop(acme);
}

#[tokio::test]
async fn who_am_i_needs_a_credential_that_was_given_out() {
    let system = System::start().await;
    refused(who(&system.client(None)).await, Reason::CredentialMissing);
    refused(who(&system.client(Some("junk"))).await, Reason::CredentialInvalid);
    // Well-formed, but nobody's: minted as real ones are.
    let random = aws_lc_rs::rand::SystemRandom::new();
    for kind in [CredentialKind::ApiKey, CredentialKind::Session] {
        let secret = mint(kind, &random).unwrap().secret;
        let client = system.client(Some(secret.expose_secret()));
        refused(who(&client).await, Reason::CredentialInvalid);
    }
}
