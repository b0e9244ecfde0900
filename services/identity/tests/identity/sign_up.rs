use futures_util::future::join_all;
use postbreeze_proto::{
    status::Reason,
    v1::{GetMeRequest, SignUpRequest, SignUpResponse, User as UserMessage},
};
use tonic::Status;

use crate::support::{System, at, invalid_fields, refused, rows_with, sha_256};

const PASSWORD: &str = "correct horse";

fn request(email: &str) -> SignUpRequest {
    SignUpRequest {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        display_name: "Ann".to_owned(),
    }
}

async fn sign_up(system: &System, request: SignUpRequest) -> Result<SignUpResponse, Status> {
    Ok(system.client(None).users().sign_up(request).await?.into_inner())
}

#[tokio::test]
async fn sign_up_signs_in_under_the_trimmed_and_lower_cased_address() {
    let system = System::start().await;
    let request =
        SignUpRequest { display_name: " Ann ".to_owned(), ..request("  Ann@Example.COM \n") };
    let answer = sign_up(&system, request).await.unwrap();
    let user = answer.user.unwrap();
    assert_eq!(
        user,
        UserMessage {
            id: user.id.clone(),
            email: "ann@example.com".to_owned(),
            display_name: "Ann".to_owned(),
            create_time: Some(at(system.clock.now())),
        }
    );
    assert!(user.id.starts_with("usr_"));
    assert_eq!(answer.session_token.strip_prefix("pb_sess_").unwrap().len(), 32);
    let session = system.client(Some(&answer.session_token));
    let me = session.users().get_me(GetMeRequest {}).await.unwrap().into_inner().user;
    assert_eq!(me, Some(user));
}

#[tokio::test]
async fn sign_up_names_who_gives_no_name_after_the_address() {
    let system = System::start().await;
    let local = "a".repeat(100);
    for (local, name) in [("ann+x", "ann+x"), (local.as_str(), &local[..80])] {
        let request = request(&format!("{local}@example.com"));
        let request = SignUpRequest { display_name: " ".to_owned(), ..request };
        let user = sign_up(&system, request).await.unwrap().user.unwrap();
        assert_eq!(user.display_name, name);
    }
}

#[tokio::test]
async fn sign_up_names_every_bad_field_at_once() {
    let system = System::start().await;
    let bad = SignUpRequest {
        email: "nobody".to_owned(),
        password: "7 chars".to_owned(),
        display_name: "x".repeat(81),
    };
    let answer = sign_up(&system, bad).await;
    assert_eq!(invalid_fields(answer), ["display_name", "email", "password"]);
    for email in ["", "@b", "a@", "a@b@c", "a b@c", "a\0@b", &format!("{}@b.c", "x".repeat(251))] {
        assert_eq!(invalid_fields(sign_up(&system, request(email)).await), ["email"], "{email}");
    }
    for (chars, sound) in [(7, false), (8, true), (256, true), (257, false)] {
        let password = "é".repeat(chars);
        let answer =
            sign_up(&system, SignUpRequest { password, ..request(&format!("{chars}@b.c")) }).await;
        if sound {
            answer.unwrap();
        } else {
            assert_eq!(invalid_fields(answer), ["password"]);
        }
    }
}

#[tokio::test]
async fn sign_up_refuses_a_taken_address_however_it_is_written() {
    let system = System::start().await;
    sign_up(&system, request("ann@example.com")).await.unwrap();
    for email in ["ann@example.com", " ANN@example.com "] {
        refused(sign_up(&system, request(email)).await, Reason::EmailTaken);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_sign_up_one_address_at_once_one_wins() {
    let system = System::start().await;
    let answers = join_all((0..8).map(|_| sign_up(&system, request("ann@example.com")))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for refusal in lost {
        refused(refusal, Reason::EmailTaken);
    }
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(system.pool("identity"))
        .await
        .unwrap();
    assert_eq!(users, 1);
}

#[tokio::test]
async fn sign_up_keeps_neither_the_password_nor_the_token() {
    let system = System::start().await;
    let token = sign_up(&system, request("ann@example.com")).await.unwrap().session_token;
    assert_eq!(rows_with(&system, &token).await, 0);
    assert_eq!(rows_with(&system, PASSWORD).await, 0);
    assert!(rows_with(&system, "ann@example.com").await > 0);
    let (hash, password): (Vec<u8>, String) =
        sqlx::query_as("SELECT secret_hash, password_hash FROM sessions, users")
            .fetch_one(system.pool("identity"))
            .await
            .unwrap();
    assert_eq!(hash, sha_256(&token));
    assert!(password.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
}

#[tokio::test]
async fn sign_up_needs_no_credential_and_ignores_one() {
    let system = System::start().await;
    let client = system.client(Some("pb_live_junk"));
    client.users().sign_up(request("ann@example.com")).await.unwrap();
}
