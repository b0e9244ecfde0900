use postbreeze_proto::v1::{GetPostRequest, PostTargetInput, UpdatePostRequest};

use crate::support::{System, draft, get, list, target, update_post};

#[tokio::test]
async fn get_post_needs_no_workspace_and_reads_none() {
    let system = System::start().await;
    let team = system.team().await;
    let post = team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    let request = GetPostRequest { post_id: post.id.clone(), workspace_id: "anything".to_owned() };
    for user in [&team.owner, &team.admin, &team.editor, &team.reviewer] {
        let answer = user.session.posts().get_post(request.clone()).await.unwrap();
        assert_eq!(answer.into_inner().post, Some(post.clone()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn get_post_and_list_posts_show_a_post_and_its_targets_of_one_moment() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let marked = |text: &str| PostTargetInput {
        caption_override: Some(text.to_owned()),
        ..target(&team.account.id)
    };
    let mut request = draft("0", &team.account.id);
    request.platforms = vec![marked("0")];
    let post = client.create_post(request).await.unwrap();
    let writing = async {
        for round in 1..=60 {
            let request = UpdatePostRequest {
                post_id: post.id.clone(),
                content: round.to_string(),
                platforms: vec![marked(&round.to_string())],
                ..Default::default()
            };
            update_post(client, request).await.unwrap();
        }
    };
    let reading = async {
        loop {
            let seen = get(client, &post.id).await.unwrap();
            let listed = list(client).await;
            for post in listed.iter().chain([&seen]) {
                let captions: Vec<_> =
                    post.targets.iter().map(|target| target.caption_override.as_deref()).collect();
                assert_eq!(captions, [Some(post.content.as_str())]);
            }
            if seen.content == "60" {
                break;
            }
        }
    };
    futures_util::future::join(writing, reading).await;
}
