use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_proto::{
    status::Reason,
    v1::{Comment, CommentReplyStatus, ReplyToCommentRequest, SandboxBehavior, SandboxFault},
};
use postbreeze_testkit::postgres::database;
use tonic::Request;
use tonic_types::StatusExt as _;

use crate::support::{
    Client, Replica, Script, System, Team, after, answers, ask_again, command, disconnect, faults,
    invalid_fields, published, read_only_key, refused, reply, reply_once, until_eq, until_that,
    workspace_of, written,
};

const PUBLISH: &str = "/postbreeze.internal.v1.NetworkService/PublishComment";

async fn comment_of(team: &Team) -> String {
    written(&team.owner.session, &team.workspace.id, &team.account.id).await
}

/// How many answers the network has of an account.
async fn accepted(client: &Client, account_id: &str) -> usize {
    answers(client, account_id).await.iter().filter(|call| call.accepted).count()
}

fn status(comment: &Comment) -> CommentReplyStatus {
    comment.reply.as_ref().unwrap().status()
}

/// Waits until the reply of a comment stands somewhere.
async fn until_reply(client: &Client, comment_id: &str, wanted: CommentReplyStatus) -> Comment {
    until_eq(wanted.as_str_name(), wanted, || async {
        status(&ask_again(client, comment_id).await)
    })
    .await;
    ask_again(client, comment_id).await
}

#[tokio::test]
async fn a_reply_is_sent_once_and_marks_the_comment_read() {
    let system = System::start().await;
    let team = system.team().await;
    let id = comment_of(&team).await;
    let client = &team.reviewer.session;
    let comment = reply(client, &id, "thanks \u{1f980}").await.unwrap();
    let now = after(&system, TimeDelta::zero());
    assert_eq!(comment.read_time, now);
    let answer = comment.reply.clone().unwrap();
    assert_eq!(answer.status(), CommentReplyStatus::Sent);
    assert_eq!(answer.body, "thanks \u{1f980}");
    assert_eq!(answer.author_user_id, team.reviewer.id());
    assert_eq!((answer.create_time, answer.error.as_str()), (now, ""));
    assert_eq!(ask_again(&team.owner.session, &id).await, comment);
    let owner = &team.owner.session;
    let [call] = answers(owner, &team.account.id).await.try_into().unwrap();
    assert_eq!((call.text.as_str(), &call.external_id), ("thanks \u{1f980}", &answer.external_id));
    for client in [client, owner] {
        refused(reply(client, &id, "more").await, Reason::AlreadyReplied);
    }
    assert_eq!(answers(owner, &team.account.id).await.len(), 1);
}

#[tokio::test]
async fn the_same_request_gets_its_first_answer() {
    let system = System::start().await;
    let team = system.team().await;
    let id = comment_of(&team).await;
    let client = &team.editor.session;
    let first = reply_once(client, &id, "thanks", "once").await.unwrap();
    disconnect(&team.owner, &team.account.id).await;
    assert_eq!(reply_once(client, &id, "thanks", "once").await.unwrap(), first);
    refused(reply_once(client, &id, "other", "once").await, Reason::RequestIdReused);
    refused(reply_once(client, &id, "thanks", "twice").await, Reason::AlreadyReplied);
    let other = reply_once(&team.admin.session, &id, "thanks", "once").await;
    refused(other, Reason::AlreadyReplied);
    assert_eq!(answers(&team.owner.session, &team.account.id).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_send_one_reply() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let id = comment_of(&team).await;
    let twins = join_all((0..4).map(|_| reply_once(client, &id, "thanks", "once"))).await;
    let twins: Vec<Comment> = twins.into_iter().map(Result::unwrap).collect();
    assert!(twins.iter().all(|twin| *twin == twins[0]));
    assert_eq!(answers(client, &team.account.id).await.len(), 1);

    system.clock.turn(TimeDelta::minutes(1));
    let id = comment_of(&team).await;
    let rivals = join_all((0..4).map(|_| reply(client, &id, "thanks"))).await;
    assert_eq!(rivals.iter().filter(|rival| rival.is_ok()).count(), 1);
    for refusal in rivals.into_iter().filter(Result::is_err) {
        refused(refusal, Reason::AlreadyReplied);
    }
    assert_eq!(answers(client, &team.account.id).await.len(), 2);
}

#[tokio::test]
async fn reply_to_comment_refuses_bad_requests_and_other_workspaces() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let id = comment_of(&team).await;
    let long = "x".repeat(2_001);
    for body in ["", "a\0b", &long] {
        assert_eq!(invalid_fields(reply(client, &id, body).await), ["body"]);
    }
    let bad = reply_once(client, "x", "", &"x".repeat(65)).await;
    assert_eq!(invalid_fields(bad), ["body", "comment_id", "request_id"]);
    let unknown = "cmt_01jzzzzzzzfzzr0000000000zz";
    refused(reply(client, unknown, "hi").await, Reason::ResourceNotFound);
    let stranger = system.sign_up("stranger").await;
    refused(reply(&stranger.session, &id, "hi").await, Reason::WorkspaceOutOfReach);
    let reading = read_only_key(&team.owner).await;
    refused(reply(&reading, &id, "hi").await, Reason::KeyReadOnly);
    assert_eq!(ask_again(client, &id).await.reply, None);
    assert!(answers(client, &team.account.id).await.is_empty());
}

#[tokio::test]
async fn an_account_that_cannot_be_used_sends_no_reply() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let id = comment_of(&team).await;
    // The network does not take the token any more: that is learnt by sending.
    command(client, &team.account.id, faults(&[SandboxFault::TokenRevoked])).await;
    refused(reply(client, &id, "thanks").await, Reason::AccountNotActive);
    let failed = ask_again(client, &id).await;
    assert_eq!((status(&failed), failed.read_time), (CommentReplyStatus::Failed, None));
    refused(reply(client, &id, "thanks").await, Reason::AccountNotActive);
    assert_eq!(answers(client, &team.account.id).await.len(), 1);
    client.connect(&team.workspace.id, "acme").await.unwrap();
    let sent = reply(client, &id, "thanks").await.unwrap();
    assert_eq!(status(&sent), CommentReplyStatus::Sent);
    let other = {
        system.clock.turn(TimeDelta::minutes(1));
        comment_of(&team).await
    };
    disconnect(&team.owner, &team.account.id).await;
    refused(reply(client, &other, "thanks").await, Reason::AccountNotActive);
    assert_eq!(ask_again(client, &other).await.reply, None);
}

#[tokio::test]
async fn what_the_network_refuses_may_be_tried_again() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let id = comment_of(&team).await;
    let account_id = &team.account.id;
    let behavior = SandboxBehavior {
        retry_after: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
        ..faults(&[SandboxFault::Refused, SandboxFault::ServerError, SandboxFault::RateLimited])
    };
    command(client, account_id, behavior).await;
    assert_eq!(invalid_fields(reply_once(client, &id, "no", "a").await), ["body"]);
    let failed = ask_again(client, &id).await;
    assert_eq!((status(&failed), failed.read_time), (CommentReplyStatus::Failed, None));
    let answer = failed.reply.unwrap();
    assert_eq!((answer.body.as_str(), answer.external_id.as_str()), ("no", ""));
    assert_eq!(answer.error, "the network refused it for good");
    refused(reply_once(client, &id, "yes", "b").await, Reason::SourceUnreachable);
    let busy = refused(reply_once(client, &id, "yes", "b").await, Reason::SourceUnreachable);
    let retry = busy.get_error_details().retry_info().and_then(|info| info.retry_delay);
    assert_eq!(retry, Some(Duration::from_secs(30)));
    assert_eq!(status(&ask_again(client, &id).await), CommentReplyStatus::Failed);
    let sent = reply_once(client, &id, "yes", "b").await.unwrap();
    assert_eq!(status(&sent), CommentReplyStatus::Sent);
    assert_eq!(answers(client, account_id).await.len(), 4);
    assert_eq!(accepted(client, account_id).await, 1);
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_and_not_sent_again() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let id = comment_of(&team).await;
    command(client, &team.account.id, faults(&[SandboxFault::AnswerLost])).await;
    refused(reply_once(client, &id, "thanks", "once").await, Reason::SourceUnreachable);
    let sending = ask_again(client, &id).await;
    assert_eq!((status(&sending), sending.read_time), (CommentReplyStatus::Sending, None));
    // Whoever else wants to answer meanwhile may not.
    refused(reply(client, &id, "me too").await, Reason::AlreadyReplied);
    system.clock.turn(TimeDelta::seconds(5));
    let sent = until_reply(client, &id, CommentReplyStatus::Sent).await;
    assert!(sent.read_time.is_some());
    assert_eq!(reply_once(client, &id, "thanks", "once").await.unwrap(), sent);
    let [call] = answers(client, &team.account.id).await.try_into().unwrap();
    assert_eq!(sent.reply.unwrap().external_id, call.external_id);
    // It has become the first answer of the request.
    refused(reply_once(client, &id, "other", "once").await, Reason::RequestIdReused);
}

#[tokio::test]
async fn what_the_network_certainly_does_not_have_is_sent_again() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let id = comment_of(&team).await;
    let lost = [SandboxFault::RequestLost, SandboxFault::RequestLost];
    command(client, &team.account.id, faults(&lost)).await;
    refused(reply(client, &id, "thanks").await, Reason::SourceUnreachable);
    for calls in [2, 3] {
        system.clock.turn(TimeDelta::seconds(5));
        until_that(
            "it is sent again",
            || answers(client, &team.account.id),
            |all| all.len() == calls,
        )
        .await;
    }
    until_reply(client, &id, CommentReplyStatus::Sent).await;
    assert_eq!(accepted(client, &team.account.id).await, 1);
    let calls = answers(client, &team.account.id).await;
    assert!(calls.iter().all(|call| call.key == calls[0].key));
}

#[tokio::test]
async fn what_never_arrives_fails_in_the_end() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let id = comment_of(&team).await;
    command(client, &team.account.id, faults(&[SandboxFault::RequestLost; 3])).await;
    refused(reply(client, &id, "thanks").await, Reason::SourceUnreachable);
    for calls in [2, 3] {
        system.clock.turn(TimeDelta::seconds(5));
        until_that(
            "it is sent again",
            || answers(client, &team.account.id),
            |all| all.len() == calls,
        )
        .await;
    }
    until_eq("the third has been told lost", 1_i64, || async {
        sqlx::query_scalar(
            "SELECT count(*) FROM comments WHERE reply_tries = 3 AND reply_looks = 1",
        )
        .fetch_one(system.pool("posts"))
        .await
        .unwrap()
    })
    .await;
    system.clock.turn(TimeDelta::seconds(5));
    let failed = until_reply(client, &id, CommentReplyStatus::Failed).await;
    assert_eq!(failed.reply.unwrap().error, "the network did not take it");
    assert_eq!(status(&reply(client, &id, "thanks").await.unwrap()), CommentReplyStatus::Sent);
    assert_eq!(accepted(client, &team.account.id).await, 1);
}

#[tokio::test]
async fn what_cannot_be_found_out_is_never_sent_again() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let id = comment_of(&team).await;
    let behavior = SandboxBehavior { hides_posts: true, ..faults(&[SandboxFault::AnswerLost]) };
    command(client, &team.account.id, behavior).await;
    refused(reply_once(client, &id, "thanks", "once").await, Reason::SourceUnreachable);
    system.clock.turn(TimeDelta::seconds(5));
    let unknown = until_reply(client, &id, CommentReplyStatus::Unknown).await;
    assert_eq!(unknown.reply.unwrap().error, "the network does not tell what it has");
    for request_id in ["once", "twice", ""] {
        let again = reply_once(client, &id, "thanks", request_id).await;
        refused(again, Reason::AlreadyReplied);
    }
    assert_eq!(answers(client, &team.account.id).await.len(), 1);
}

#[tokio::test]
async fn a_reply_whose_caller_does_not_wait_is_sent_all_the_same() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let id = comment_of(&team).await;
    let slow = SandboxBehavior {
        delay: Some(prost_types::Duration { seconds: 2, nanos: 0 }),
        ..Default::default()
    };
    command(client, &team.account.id, slow).await;
    let mut request = Request::new(ReplyToCommentRequest {
        comment_id: id.clone(),
        body: "thanks".to_owned(),
        ..Default::default()
    });
    request.set_timeout(Duration::from_millis(1_500));
    let answer = client.comments().reply_to_comment(request).await;
    refused(answer, Reason::SourceUnreachable);
    until_reply(client, &id, CommentReplyStatus::Sent).await;
    assert_eq!(answers(client, &team.account.id).await.len(), 1);
}

/// A process dies after the network has the reply, and before it has heard so.
#[tokio::test]
async fn a_reply_that_its_process_did_not_see_through_is_found_by_another() {
    let system = System::start().await;
    let posts = database("posts", &postbreeze_posts::MIGRATOR).await;
    let replica = Replica::start(&system, &posts);
    let front = replica.front(&system);
    let ann = front.sign_up("ann").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    let client = &ann.session;
    let id = written(client, &workspace.id, &account.id).await;
    replica.script(PUBLISH, Script::Silence);
    let answering = {
        let (client, id) = (client.clone(), id.clone());
        tokio::spawn(async move { reply_once(&client, &id, "thanks", "once").await })
    };
    until_eq("the network has it", 1, || accepted(client, &account.id)).await;
    replica.stop().await;
    answering.abort();

    let another = Replica::start(&system, &posts);
    let again = another.front(&system).client(Some(&ann.session_token));
    assert_eq!(status(&ask_again(&again, &id).await), CommentReplyStatus::Sending);
    refused(reply(&again, &id, "me too").await, Reason::AlreadyReplied);
    system.clock.turn(TimeDelta::seconds(61));
    let sent = until_reply(&again, &id, CommentReplyStatus::Sent).await;
    assert_eq!(reply_once(&again, &id, "thanks", "once").await.unwrap(), sent);
    assert_eq!(answers(client, &account.id).await.len(), 1);
    another.stop().await;
}

#[tokio::test]
async fn while_accounts_is_away_nothing_is_known_and_nothing_is_sent_twice() {
    let system = System::start().await;
    let posts = database("posts", &postbreeze_posts::MIGRATOR).await;
    let replica = Replica::start(&system, &posts);
    let front = replica.front(&system);
    let ann = front.sign_up("ann").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    let client = &ann.session;
    let id = written(client, &workspace.id, &account.id).await;
    replica.cut(true);
    // Nobody can say whether the account can be used: nothing is begun.
    refused(reply(client, &id, "thanks").await, Reason::SourceUnreachable);
    assert_eq!(ask_again(client, &id).await.reply, None);
    replica.cut(false);
    command(client, &account.id, faults(&[SandboxFault::AnswerLost])).await;
    refused(reply(client, &id, "thanks").await, Reason::SourceUnreachable);
    replica.cut(true);
    let before = replica.refused();
    system.clock.turn(TimeDelta::seconds(5));
    until_that("it is looked for in vain", || async { replica.refused() }, |seen| *seen > before)
        .await;
    assert_eq!(status(&ask_again(client, &id).await), CommentReplyStatus::Sending);
    replica.cut(false);
    system.clock.turn(TimeDelta::minutes(1));
    until_reply(client, &id, CommentReplyStatus::Sent).await;
    assert_eq!(answers(client, &account.id).await.len(), 1);
    // What is out of it may be commented on as before.
    published(client, &account.id).await;
    replica.stop().await;
}
