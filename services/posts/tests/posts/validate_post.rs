use chrono::TimeDelta;
use postbreeze_proto::{
    status::{Reason, reason_of},
    v1::{
        MediaItemInput, PlatformOptions, PostTargetInput, PostViolation, ValidatePostRequest,
        XOptions, platform_options::Network,
    },
};
use tonic::Status;

use crate::support::{
    Client, System, after, disconnect, held, invalid_fields, list, read_only_key, refused, target,
    violated_fields, workspace_of,
};

const MEDIUM: &str = "med_01jzzzzzzzfzzr0000000000zz";

async fn validate(
    client: &Client,
    request: ValidatePostRequest,
) -> Result<Vec<PostViolation>, Status> {
    Ok(client.posts().validate_post(request).await?.into_inner().violations)
}

fn plain(content: &str, account_id: &str) -> ValidatePostRequest {
    ValidatePostRequest {
        content: content.to_owned(),
        platforms: vec![target(account_id)],
        ..Default::default()
    }
}

/// What is wrong, in the order of the fields' names.
fn named(violations: &[PostViolation]) -> Vec<(&str, Reason)> {
    let mut named: Vec<_> =
        violations.iter().map(|found| (found.field.as_str(), found.reason())).collect();
    named.sort_by_key(|(field, _)| *field);
    named
}

#[tokio::test]
async fn validate_post_finds_nothing_wrong_with_what_create_post_takes() {
    let system = System::start().await;
    let team = system.team().await;
    let request = ValidatePostRequest {
        scheduled_for: after(&system, TimeDelta::days(1)),
        ..plain("x", &team.account.id)
    };
    let reading = read_only_key(&team.reviewer).await;
    for client in [&team.owner.session, &team.reviewer.session, &reading] {
        let answer = client.posts().validate_post(request.clone()).await.unwrap().into_inner();
        assert_eq!(answer.violations, []);
        assert_eq!(answer.workspace_id, team.workspace.id);
    }
    assert_eq!(list(&team.owner.session).await, []);
    assert_eq!(held(&system).await, 0);
}

#[tokio::test]
async fn validate_post_tells_all_that_is_wrong_at_once() {
    let system = System::start().await;
    let team = system.team().await;
    let options = PlatformOptions { network: Some(Network::X(XOptions::default())) };
    let request = ValidatePostRequest {
        content: "x".repeat(10_001),
        platforms: vec![
            PostTargetInput {
                first_comment: "x".repeat(2_001),
                media_ids: vec![MEDIUM.to_owned()],
                options: Some(options),
                ..target(&team.account.id)
            },
            // One account twice is a violation too.
            target(&team.account.id),
        ],
        scheduled_for: after(&system, TimeDelta::days(-1)),
        draft_scheduled_for: after(&system, TimeDelta::days(1)),
        timezone: "x".to_owned(),
        media_ids: vec!["x".to_owned(), MEDIUM.to_owned()],
        media_items: vec![MediaItemInput::default()],
        ..Default::default()
    };
    let answer = team.owner.session.posts().validate_post(request).await.unwrap().into_inner();
    assert_eq!(answer.workspace_id, team.workspace.id);
    assert_eq!(
        named(&answer.violations),
        [
            ("content", Reason::FieldInvalid),
            ("draft_scheduled_for", Reason::FieldInvalid),
            ("media_ids[0]", Reason::FieldInvalid),
            ("media_ids[1]", Reason::ResourceNotFound),
            ("media_items[0].url", Reason::FieldInvalid),
            ("platforms[0].first_comment", Reason::FieldInvalid),
            ("platforms[0].media_ids[0]", Reason::ResourceNotFound),
            ("platforms[0].options", Reason::FieldInvalid),
            ("platforms[1].account_id", Reason::FieldInvalid),
            ("scheduled_for", Reason::ScheduleInPast),
            ("timezone", Reason::FieldInvalid),
        ]
    );
}

#[tokio::test]
async fn validate_post_tells_of_silence_and_of_accounts_that_cannot_publish() {
    let system = System::start().await;
    let team = system.team().await;
    disconnect(&team.owner, &team.account.id).await;
    let mut request = plain("", &team.account.id);
    request.platforms[0].caption_override = Some(String::new());
    let found = validate(&team.owner.session, request.clone()).await.unwrap();
    assert_eq!(found, [], "a draft may be empty");
    request.publish_now = true;
    let found = validate(&team.owner.session, request).await.unwrap();
    assert_eq!(
        named(&found),
        [
            ("content", Reason::FieldInvalid),
            ("platforms[0].account_id", Reason::AccountNotActive),
            ("platforms[0].caption_override", Reason::FieldInvalid),
        ]
    );
}

#[tokio::test]
async fn validate_post_refuses_what_leaves_the_workspace_in_doubt() {
    let system = System::start().await;
    let team = system.team().await;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let stranger = system.sign_up("stranger").await;
    let (_, foreign) = workspace_of(&stranger, "initech").await;
    let client = &team.owner.session;
    let to = |accounts: &[&str]| ValidatePostRequest {
        platforms: accounts.iter().map(|id| target(id)).collect(),
        ..plain("x", "")
    };
    assert_eq!(invalid_fields(validate(client, to(&[])).await), ["platforms"]);
    let many = vec![team.account.id.as_str(); 26];
    assert_eq!(invalid_fields(validate(client, to(&many)).await), ["platforms"]);
    let malformed = validate(client, to(&[&team.account.id, "x", "wsp_x"])).await;
    assert_eq!(invalid_fields(malformed), ["platforms[1].account_id", "platforms[2].account_id"]);
    let unknown = "soc_01jzzzzzzzfzzr0000000000zz";
    let answer = validate(client, to(&[&foreign.id, unknown])).await;
    refused(answer, Reason::ResourceNotFound);
    let answer = validate(client, to(&[&team.account.id, &foreign.id])).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    // Whatever else is wrong with the targets.
    let mut spanning = to(&[&team.account.id, &other.id]);
    spanning.platforms[0].first_comment = "x".repeat(2_001);
    let status = validate(client, spanning).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(Reason::AccountsSpanWorkspaces));
    assert_eq!(violated_fields(&status), ["platforms[1].account_id"]);
}
