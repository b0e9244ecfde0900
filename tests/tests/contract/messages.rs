//! What is no message of the RPC is refused as such: never INTERNAL, never UNKNOWN, never a broken connection.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use postbreeze_proto::status::Reason;
use postbreeze_tests::{
    api,
    wire::{Answer, Call, frame, frame_with},
};
use prost_reflect::Kind;
use tonic::Code;

use crate::world::World;

/// Bodies that no client library sends.
fn bad_bodies() -> Vec<(&'static str, Bytes)> {
    vec![
        ("nothing", Bytes::new()),
        ("half a frame", Bytes::from_static(&[0, 0])),
        ("a frame that promises more", Bytes::from_static(&[0, 0, 0, 0, 100, 1, 2, 3])),
        ("a frame that promises 4 GiB", Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff, 1])),
        ("no protobuf", frame(&[0xff; 20])),
        ("a group that does not end", frame(&[0x0b])),
        ("field number zero", frame(&[0x00, 0x01])),
        ("a length beyond the end", frame(&[0x0a, 0x7f, b'x'])),
        (
            "a varint without an end",
            frame(&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ),
        ("compressed, they say", frame_with(1, &[1, 2, 3])),
        ("an unknown flag", frame_with(7, &[])),
    ]
}

fn is_refused_well(answer: &Answer) -> bool {
    let code = answer.code();
    let invalid = code == Code::InvalidArgument && answer.reason() == Some(Reason::MessageInvalid);
    let too_large = answer.reason() == Some(Reason::MessageTooLarge);
    (invalid || too_large || code == Code::Unimplemented) && answer.request_id.is_some()
}

#[tokio::test]
async fn every_rpc_refuses_bytes_that_are_no_message() {
    let world = World::start().await;
    let owner = world.team.owner.session_token.clone();
    let mut found = Vec::new();
    for rpc in api::rpcs().iter().filter(|rpc| rpc.is_served()) {
        let path = rpc.path();
        for (what, body) in bad_bodies() {
            let call = Call { body, ..Call::new(&path, Some(&owner), &[]) };
            let answer = call.send(&world.front).await;
            if !is_refused_well(&answer) {
                found.push(format!("{path}, {what}: {}", answer.told()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn every_text_field_refuses_what_is_no_unicode() {
    let world = World::start().await;
    let owner = world.team.owner.session_token.clone();
    let (mut tried, mut found) = (0, Vec::new());
    for rpc in api::rpcs().iter().filter(|rpc| rpc.is_served()) {
        let path = rpc.path();
        for field in rpc.method.input().fields().filter(|field| field.kind() == Kind::String) {
            let mut message = Vec::new();
            prost::encoding::bytes::encode(field.number(), &vec![0xff, 0xfe, b'a'], &mut message);
            let answer = Call::new(&path, Some(&owner), &message).send(&world.front).await;
            tried += 1;
            if !is_refused_well(&answer) {
                found.push(format!("{path} {}: {}", field.name(), answer.told()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(tried > 60, "only {tried} were tried");
}

#[tokio::test]
async fn compressions_and_subtypes_that_are_not_served_are_unimplemented() {
    let world = World::start().await;
    let owner = world.team.owner.session_token.clone();
    let path = "/postbreeze.v1.UserService/GetMe";
    let encoding = [(HeaderName::from_static("grpc-encoding"), HeaderValue::from_static("snappy"))];
    let body = frame_with(1, &[1, 2, 3]);
    let call = Call { body, headers: &encoding, ..Call::new(path, Some(&owner), &[]) };
    let answer = call.send(&world.front).await;
    assert_eq!(answer.code(), Code::Unimplemented, "{}", answer.told());
    for subtype in ["application/grpc+json", "application/grpc+thrift"] {
        let subtype = [(http::header::CONTENT_TYPE, HeaderValue::from_static(subtype))];
        let call = Call { headers: &subtype, ..Call::new(path, Some(&owner), &[]) };
        let answer = call.send(&world.front).await;
        assert_eq!(answer.code(), Code::Unimplemented, "{}", answer.told());
        assert!(answer.request_id.is_some());
    }
    let parameters = [(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc+proto; charset=utf-8"),
    )];
    let call = Call { headers: &parameters, ..Call::new(path, Some(&owner), &[]) };
    assert_eq!(call.send(&world.front).await.code(), Code::Ok);
    let html = [(http::header::CONTENT_TYPE, HeaderValue::from_static("text/html"))];
    let call = Call { headers: &html, ..Call::new(path, Some(&owner), &[]) };
    let answer = call.send(&world.front).await;
    assert_eq!(answer.http.as_u16(), 415);
    assert!(answer.request_id.is_some());
}

#[tokio::test]
async fn what_is_too_large_is_told_so() {
    let world = World::start().await;
    let owner = world.team.owner.session_token.clone();
    let path = "/postbreeze.v1.PostService/CreatePost";
    for size in [2 * 1_024 * 1_024, 5 * 1_024 * 1_024, 20 * 1_024 * 1_024] {
        let mut message = Vec::new();
        prost::encoding::bytes::encode(1, &vec![b'a'; size], &mut message);
        let answer = Call::new(path, Some(&owner), &message).send(&world.front).await;
        assert_eq!(answer.reason(), Some(Reason::MessageTooLarge), "{}", answer.told());
    }
    for size in [9_000, 60_000] {
        let value = HeaderValue::try_from("x".repeat(size)).unwrap();
        let headers = [(HeaderName::from_static("x-large"), value)];
        let call = Call { headers: &headers, ..Call::new(path, Some(&owner), &[]) };
        let answer = call.send(&world.front).await;
        assert_eq!(answer.reason(), Some(Reason::MessageTooLarge), "{}", answer.told());
    }
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_told_so() {
    let world = World::start().await;
    let owner = world.team.owner.session_token.clone();
    for timeout in ["0m", "1n", "1m"] {
        let headers =
            [(HeaderName::from_static("grpc-timeout"), HeaderValue::from_static(timeout))];
        let path = "/postbreeze.v1.PostService/ListPosts";
        let call = Call { headers: &headers, ..Call::new(path, Some(&owner), &[]) };
        let answer = call.send(&world.front).await;
        assert_eq!(answer.code(), Code::DeadlineExceeded, "{}", answer.told());
    }
}
