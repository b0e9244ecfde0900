use postbreeze_context::Permission;
use postbreeze_proto::v1::{ListPlansRequest, Plan};
use postbreeze_workspaces::Plans;

use crate::support::System;

#[tokio::test]
async fn list_plans_shows_any_credential_every_plan_smallest_first() {
    let system = System::start().await;
    let ann = system.user("ann");
    let scoped = system.scoped_key(&ann, &[]);
    for caller in [ann.caller.clone(), system.key(&ann, Permission::ReadOnly), scoped] {
        let answer = system.billing(&caller).list_plans(ListPlansRequest {}).await.unwrap();
        let plans = answer.into_inner().plans;
        let shown: Vec<_> = plans.iter().map(|plan| (plan.plan(), plan.posts_per_month)).collect();
        assert_eq!(
            shown,
            [
                (Plan::Free, Some(20)),
                (Plan::Pro, Some(300)),
                (Plan::Agency, Some(3_000)),
                (Plan::Enterprise, None),
            ]
        );
        assert!(plans[3].advanced_analytics && plans[3].white_label);
        assert_eq!(plans[0].media_bytes, Some(1 << 30));
    }
}

#[tokio::test]
async fn list_plans_shows_the_operators_own_table() {
    let file =
        include_str!("../../plans.toml").replace("posts_per_month = 20", "posts_per_month = 7");
    let system = System::start_with(|config| config.plans = Plans::parse(&file).unwrap()).await;
    let ann = system.user("ann");
    let answer = system.billing(&ann.caller).list_plans(ListPlansRequest {}).await.unwrap();
    assert_eq!(answer.into_inner().plans[0].posts_per_month, Some(7));
}
