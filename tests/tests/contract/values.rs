//! Every field of every request with values that nobody means: refused or granted, but never INTERNAL, never UNKNOWN, and
//! never without an end.

use postbreeze_tests::{api, wire::Call};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use tonic::Code;

use crate::{
    ids::put,
    table::{TABLE, Who},
    world::{Target, World, rpc_of},
};

const DEPTH: usize = 4;

/// A way to a field, and a value for it.
type Attempt = (Vec<FieldDescriptor>, Value);

fn texts() -> Vec<Value> {
    [
        String::new(),
        "\0".to_owned(),
        "a\0b".to_owned(),
        " \t\r\n ".to_owned(),
        "a".repeat(10_001),
        "😀".repeat(100_000),
        "\u{202e}gnp.exe\u{200b}\u{feff}".to_owned(),
        "e\u{301}".repeat(5_000),
        "'; DROP TABLE posts; --".to_owned(),
        "../../etc/passwd".to_owned(),
        "{\"$ne\": null}".to_owned(),
        "%s%n%x".to_owned(),
    ]
    .into_iter()
    .map(Value::String)
    .collect()
}

/// Messages of google.protobuf have numbers that mean nothing: years far away, nanoseconds below zero.
fn well_known(message: &MessageDescriptor) -> Vec<Value> {
    let mut values = Vec::new();
    if let (Some(seconds), Some(nanos)) =
        (message.get_field_by_name("seconds"), message.get_field_by_name("nanos"))
    {
        let seconds_of = [i64::MIN, -62_135_596_801, -1, 0, 253_402_300_800, i64::MAX];
        for (number, nano) in seconds_of.into_iter().flat_map(|s| [-1, i32::MAX, 0].map(|n| (s, n)))
        {
            let mut value = DynamicMessage::new(message.clone());
            value.set_field(&seconds, Value::I64(number));
            value.set_field(&nanos, Value::I32(nano));
            values.push(Value::Message(value));
        }
    }
    if let Some(paths) = message.get_field_by_name("paths") {
        for list in [
            vec![Value::String("nothing".to_owned())],
            vec![Value::String(String::new()); 10_000],
            vec![Value::String("content".to_owned()); 50],
        ] {
            let mut value = DynamicMessage::new(message.clone());
            value.set_field(&paths, Value::List(list));
            values.push(Value::Message(value));
        }
    }
    values
}

fn values_of(field: &FieldDescriptor) -> Vec<Value> {
    match field.kind() {
        Kind::String => texts(),
        Kind::Bool => vec![Value::Bool(true)],
        Kind::Int32 => [i32::MIN, -1, i32::MAX].map(Value::I32).to_vec(),
        Kind::Int64 => [i64::MIN, -1, i64::MAX].map(Value::I64).to_vec(),
        Kind::Enum(_) => [i32::MIN, -1, 0, 999, i32::MAX].map(Value::EnumNumber).to_vec(),
        Kind::Message(inner) => {
            let mut values = well_known(&inner);
            values.push(Value::Message(DynamicMessage::new(inner)));
            values
        }
        _ => Vec::new(),
    }
}

/// Every field of a message, each with every value for it.
fn attempts(message: &MessageDescriptor, way: &[FieldDescriptor], found: &mut Vec<Attempt>) {
    for field in message.fields() {
        let way = [way, std::slice::from_ref(&field)].concat();
        found.extend(values_of(&field).into_iter().map(|value| (way.clone(), value)));
        if let Kind::Message(inner) = field.kind()
            && inner.package_name() == "postbreeze.v1"
            && way.len() < DEPTH
        {
            attempts(&inner, &way, found);
        }
    }
}

/// Lists with more entries than anybody needs.
fn crowd(request: &DynamicMessage, field: &FieldDescriptor) -> Option<DynamicMessage> {
    if !field.is_list() {
        return None;
    }
    let entry = values_of(field).pop()?;
    let mut request = request.clone();
    request.set_field(field, Value::List(vec![entry; 5_000]));
    Some(request)
}

#[tokio::test]
async fn no_value_of_any_field_is_more_than_refused() {
    let world = World::start().await;
    let shared = world.place().await;
    let owner = &world.team.owner;
    let (mut tried, mut found) = (0, Vec::new());
    for row in TABLE.iter().filter(|row| row.who != Who::Anyone) {
        let place = if row.spoils { world.place().await } else { shared.clone() };
        let rpc = rpc_of(row);
        let mut ways = Vec::new();
        attempts(&rpc.method.input(), &[], &mut ways);
        let mut valid = world.request(row, Target::Of(&place), owner).await;
        let mut requests: Vec<DynamicMessage> = ways
            .into_iter()
            .map(|(way, value)| {
                let mut request = valid.clone();
                put(&mut request, &way, value);
                request
            })
            .collect();
        requests.extend(rpc.method.input().fields().filter_map(|field| crowd(&valid, &field)));
        for mut request in requests {
            // What the value was put into may have been granted, and be gone.
            if tried % 40 == 39 && !row.spoils {
                valid = world.request(row, Target::Of(&place), owner).await;
                for (field, value) in valid.fields() {
                    if field.name().ends_with("_id") && request.has_field(&field) {
                        request.set_field(&field, value.clone());
                    }
                }
            }
            let path = rpc.path();
            let bytes = request.encode_to_vec();
            let answer =
                Call::new(&path, Some(&owner.session_token), &bytes).send(&world.front).await;
            tried += 1;
            let bad = matches!(
                answer.code(),
                Code::Internal | Code::Unknown | Code::DeadlineExceeded | Code::Unavailable
            );
            if bad || answer.request_id.is_none() {
                let request: String = api::json(&request).chars().take(200).collect();
                found.push(format!("{path} {request}: {}", answer.told()));
            }
        }
    }
    assert!(found.is_empty(), "{} of {tried}\n{}", found.len(), found.join("\n"));
    assert!(tried > 1_500, "only {tried} were tried");
}

#[tokio::test]
async fn signing_up_and_in_refuse_what_is_not_meant_and_write_nothing() {
    let world = World::start().await;
    let count = "SELECT count(*) FROM users";
    let pool = world.system.pool("identity");
    let before: i64 = sqlx::query_scalar(count).fetch_one(pool).await.unwrap();
    for (email, password) in [
        ("", ""),
        ("ann", "a long password"),
        ("ann@example.com\0", "a long password"),
        ("ann@example.com", "short"),
        ("a b@example.com", "a long password"),
    ] {
        for rpc in ["UserService/SignUp", "UserService/SignIn"] {
            let json = serde_json::json!({"email": email, "password": password}).to_string();
            let rpc = api::rpc(rpc);
            let bytes = rpc.request(&json).encode_to_vec();
            let answer = Call::new(&rpc.path(), None, &bytes).send(&world.front).await;
            assert_eq!(answer.code(), Code::InvalidArgument, "{json}: {}", answer.told());
        }
    }
    let after: i64 = sqlx::query_scalar(count).fetch_one(pool).await.unwrap();
    assert_eq!(after, before);
}
