use chrono::TimeDelta;
use postbreeze_context::Permission;
use postbreeze_proto::{
    status::Reason,
    time,
    v1::{ChangeSubscriptionRequest, GetSubscriptionRequest, Plan, Subscription},
};

use crate::support::{System, User, invalid_fields, refused};

async fn change(system: &System, user: &User, plan: i32) -> Result<Subscription, tonic::Status> {
    let request = ChangeSubscriptionRequest { plan };
    let answer = system.billing(&user.caller).change_subscription(request).await?;
    Ok(answer.into_inner().subscription.unwrap())
}

#[tokio::test]
async fn change_subscription_counts_at_once_and_for_the_caller_alone() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    for plan in [Plan::Enterprise, Plan::Pro, Plan::Free] {
        system.pass(TimeDelta::seconds(5));
        let changed = change(&system, &ann, plan.into()).await.unwrap();
        assert_eq!(changed.plan(), plan);
        assert_eq!(changed.update_time, Some(time::to_proto(system.now())));
        let mut client = system.billing(&ann.caller);
        let read = client.get_subscription(GetSubscriptionRequest {}).await.unwrap();
        assert_eq!(read.into_inner().subscription, Some(changed.clone()));
        system.pass(TimeDelta::seconds(5));
        assert_eq!(change(&system, &ann, plan.into()).await.unwrap(), changed);
        let mut client = system.billing(&bob.caller);
        let read = client.get_subscription(GetSubscriptionRequest {}).await.unwrap().into_inner();
        assert_eq!(read.subscription.unwrap().plan(), Plan::Free);
    }
}

#[tokio::test]
async fn change_subscription_refuses_what_is_no_plan_and_keys() {
    let system = System::start().await;
    let ann = system.user("ann");
    for plan in [0, 5, -1] {
        assert_eq!(invalid_fields(change(&system, &ann, plan).await), ["plan"]);
    }
    let key = system.key(&ann, Permission::ReadWrite);
    let request = ChangeSubscriptionRequest { plan: Plan::Pro.into() };
    let answer = system.billing(&key).change_subscription(request).await;
    refused(answer, Reason::SessionRequired);
}

#[tokio::test]
async fn change_subscription_is_refused_where_the_operator_keeps_it() {
    let system = System::start_with(|config| config.self_service_plans = false).await;
    let ann = system.user("ann");
    refused(change(&system, &ann, Plan::Pro.into()).await, Reason::PlanFeatureRequired);
    assert_eq!(change(&system, &ann, Plan::Free.into()).await.unwrap().plan(), Plan::Free);
}
