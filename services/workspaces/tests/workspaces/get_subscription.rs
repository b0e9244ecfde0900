use postbreeze_context::Permission;
use postbreeze_proto::{
    status::Reason,
    time,
    v1::{GetSubscriptionRequest, Plan},
};

use crate::support::{System, refused};

#[tokio::test]
async fn get_subscription_of_one_who_never_chose_is_free_since_the_sign_up() {
    let system = System::start().await;
    let signed_up = system.now();
    let ann = system.user("ann");
    system.pass(chrono::TimeDelta::days(40));
    let mut client = system.billing(&ann.caller);
    let answer = client.get_subscription(GetSubscriptionRequest {}).await.unwrap();
    let subscription = answer.into_inner().subscription.unwrap();
    assert_eq!(subscription.plan(), Plan::Free);
    assert_eq!(subscription.user_id, ann.id.to_string());
    assert_eq!(subscription.update_time, Some(time::to_proto(signed_up)));
}

#[tokio::test]
async fn get_subscription_needs_a_session() {
    let system = System::start().await;
    let ann = system.user("ann");
    let key = system.key(&ann, Permission::ReadWrite);
    let answer = system.billing(&key).get_subscription(GetSubscriptionRequest {}).await;
    refused(answer, Reason::SessionRequired);
}
