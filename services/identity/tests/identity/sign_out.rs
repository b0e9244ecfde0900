use postbreeze_proto::{
    status::Reason,
    v1::{GetMeRequest, SignInRequest, SignOutRequest},
};
use postbreeze_testkit::PASSWORD;

use crate::support::{System, refused, who};

#[tokio::test]
async fn sign_out_ends_this_session_from_the_next_call_on_and_no_other() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (_, key) = ann.full_key().await.unwrap();
    let request = SignInRequest { email: ann.user.email.clone(), password: PASSWORD.to_owned() };
    let other = system.client(None).users().sign_in(request).await.unwrap().into_inner();
    ann.session.users().sign_out(SignOutRequest {}).await.unwrap();
    refused(ann.session.users().get_me(GetMeRequest {}).await, Reason::CredentialRevoked);
    refused(who(&ann.session).await, Reason::CredentialRevoked);
    refused(ann.session.users().sign_out(SignOutRequest {}).await, Reason::CredentialRevoked);
    let other = system.client(Some(&other.session_token));
    other.users().get_me(GetMeRequest {}).await.unwrap();
    who(&key).await.unwrap();
}

#[tokio::test]
async fn sign_out_is_for_sessions() {
    let system = System::start().await;
    let (_, key) = system.sign_up("ann").await.full_key().await.unwrap();
    refused(key.users().sign_out(SignOutRequest {}).await, Reason::SessionRequired);
    let nobody = system.client(None);
    refused(nobody.users().sign_out(SignOutRequest {}).await, Reason::CredentialMissing);
}
