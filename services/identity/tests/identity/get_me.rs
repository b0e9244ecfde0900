use postbreeze_proto::{status::Reason, v1::GetMeRequest};

use crate::support::{System, refused};

#[tokio::test]
async fn get_me_shows_the_user_of_the_session() {
    let system = System::start().await;
    for name in ["ann", "bob"] {
        let user = system.sign_up(name).await;
        let answer = user.session.users().get_me(GetMeRequest {}).await.unwrap().into_inner();
        assert_eq!(answer.user, Some(user.user));
    }
}

#[tokio::test]
async fn get_me_is_for_sessions_that_were_given_out() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (_, key) = ann.full_key().await.unwrap();
    refused(key.users().get_me(GetMeRequest {}).await, Reason::SessionRequired);
    let nobody = system.client(None);
    refused(nobody.users().get_me(GetMeRequest {}).await, Reason::CredentialMissing);
    let mistyped = ann.session_token.replace("pb_sess_", "pb_sess_x");
    for junk in ["junk", "pb_sess_", mistyped.as_str()] {
        let client = system.client(Some(junk));
        refused(client.users().get_me(GetMeRequest {}).await, Reason::CredentialInvalid);
    }
}
