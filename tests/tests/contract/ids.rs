//! Every id field refuses what is not an id of its kind, and names itself; an id that only repeats what the row says is
//! not read.

use postbreeze_proto::status::Reason;
use postbreeze_testkit::violated_fields;
use postbreeze_tests::{api, wire::Call};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use tonic::Code;

use crate::{
    table::{Found, Row, TABLE, Who},
    world::{Target, World, rpc_of},
};

/// The prefix of each kind of id.
const PREFIXES: [&str; 14] = [
    "usr", "wsp", "key", "mem", "inv", "soc", "post", "tgt", "att", "med", "fld", "cmt", "whk",
    "evt",
];

/// A field that holds ids, as the way to it from the request.
type Way = Vec<FieldDescriptor>;

/// The prefix of the ids in a field.
fn prefix(field: &str) -> Option<&'static str> {
    Some(match field.trim_end_matches('s') {
        "workspace_id" => "wsp",
        "user_id" => "usr",
        "key_id" => "key",
        "invitation_id" => "inv",
        "account_id" => "soc",
        "post_id" => "post",
        "target_id" => "tgt",
        "media_id" => "med",
        "folder_id" | "parent_folder_id" => "fld",
        "comment_id" => "cmt",
        "webhook_id" => "whk",
        "event_id" => "evt",
        // Chosen by clients, or by networks.
        "request_id" | "board_id" | "external_id" | "external_post_id" => return None,
        other if other.ends_with("_id") => panic!("of which kind is {other}?"),
        _ => return None,
    })
}

fn id_fields(message: &MessageDescriptor, way: &Way, found: &mut Vec<Way>) {
    for field in message.fields() {
        let mut way = way.clone();
        way.push(field.clone());
        match field.kind() {
            Kind::String if prefix(field.name()).is_some() => found.push(way),
            Kind::Message(inner) if inner.package_name() == "postbreeze.v1" && way.len() < 4 => {
                id_fields(&inner, &way, found);
            }
            _ => {}
        }
    }
}

/// Puts a text at the end of a way; where the way leads through lists, into their first entry.
pub(crate) fn put(message: &mut DynamicMessage, way: &[FieldDescriptor], value: Value) {
    let [field, rest @ ..] = way else { return };
    if rest.is_empty() {
        let value = if field.is_list() { Value::List(vec![value]) } else { value };
        message.set_field(field, value);
        return;
    }
    let Kind::Message(inner) = field.kind() else { return };
    match message.get_field_mut(field) {
        Value::List(entries) => {
            if entries.is_empty() {
                entries.push(Value::Message(DynamicMessage::new(inner)));
            }
            if let Some(Value::Message(first)) = entries.first_mut() {
                put(first, rest, value);
            }
        }
        Value::Message(inner) => put(inner, rest, value),
        _ => panic!("{} leads nowhere", field.name()),
    }
}

fn is_set(message: &DynamicMessage, way: &[FieldDescriptor]) -> bool {
    match way {
        [field] => message.has_field(field),
        [field, rest @ ..] => match message.get_field(field).as_ref() {
            Value::List(entries) => {
                entries.first().and_then(Value::as_message).is_some_and(|first| is_set(first, rest))
            }
            Value::Message(inner) => is_set(inner, rest),
            _ => false,
        },
        [] => false,
    }
}

fn name(way: &[FieldDescriptor]) -> String {
    way.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".")
}

/// A name as violations have it, without the places in lists.
fn without_places(field: &str) -> String {
    let mut depth = 0;
    field
        .chars()
        .filter(|char| match char {
            '[' => {
                depth += 1;
                false
            }
            ']' => {
                depth -= 1;
                false
            }
            _ => depth == 0,
        })
        .collect()
}

/// Whether a field only repeats what the row says: the server does not read it.
fn is_assertion(row: &Row, way: &Way) -> bool {
    let derived =
        matches!(row.who, Who::Member(Found::Row, _) | Who::MemberWithSession(Found::Row, _));
    derived && name(way) == "workspace_id"
}

/// Whether a field may be left out though the row's request has it.
fn is_filter(row: &Row, way: &Way) -> bool {
    let filter =
        matches!(row.who, Who::Member(Found::Filter, _) | Who::MemberWithSession(Found::Filter, _));
    filter && name(way) == "workspace_id"
}

/// The fields that an answer of `ValidatePost` names.
fn found_by_validation(answer: &DynamicMessage) -> Vec<String> {
    let violations = answer.get_field_by_name("violations").unwrap();
    let fields = violations.as_list().unwrap().iter().map(|violation| {
        let field = violation.as_message().unwrap().get_field_by_name("field").unwrap();
        field.as_str().unwrap().to_owned()
    });
    fields.collect()
}

fn bad_ids(right: &str, body: &str, required: bool) -> Vec<String> {
    let mut bad: Vec<String> = PREFIXES
        .iter()
        .filter(|other| **other != right)
        .map(|other| format!("{other}_{body}"))
        .collect();
    let good = format!("{right}_{body}");
    bad.extend([
        "nonsense".to_owned(),
        format!("{right}_"),
        good.to_uppercase(),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}x"),
        good[..good.len() - 1].to_owned(),
        format!("{right}_{}", "z".repeat(26)),
        format!("{right}_{}", "0".repeat(26)),
        body.to_owned(),
        "x".repeat(10_000),
        format!("{right}_{}é", &body[..24]),
        "'; DROP TABLE posts; --".to_owned(),
        "00000000-0000-0000-0000-000000000000".to_owned(),
        "\0".to_owned(),
    ]);
    if required {
        bad.push(String::new());
    }
    bad
}

#[tokio::test]
async fn every_id_field_refuses_every_other_kind_of_id_and_names_itself() {
    let world = World::start().await;
    let place = world.place().await;
    let owner = &world.team.owner;
    let body = owner.id().trim_start_matches("usr_").to_owned();
    let (mut tried, mut found) = (0, Vec::new());
    for row in TABLE.iter().filter(|row| row.who != Who::Anyone) {
        let rpc = rpc_of(row);
        let valid = world.request(row, Target::Of(&place), owner).await;
        let mut ways = Vec::new();
        id_fields(&rpc.method.input(), &Vec::new(), &mut ways);
        for way in ways.iter().filter(|way| !is_assertion(row, way)) {
            let field = name(way);
            let right = prefix(way.last().unwrap().name()).unwrap();
            let required =
                (is_set(&valid, way) && !is_filter(row, way)) || way.last().unwrap().is_list();
            for bad in bad_ids(right, &body, required) {
                let mut request = valid.clone();
                put(&mut request, way, Value::String(bad.clone()));
                let bytes = request.encode_to_vec();
                let path = rpc.path();
                let answer =
                    Call::new(&path, Some(&owner.session_token), &bytes).send(&world.front).await;
                tried += 1;
                let mut named = answer.status.as_ref().map(violated_fields).unwrap_or_default();
                let refused = match row.rpc {
                    // What it finds is its answer, unless it is about the accounts themselves.
                    "PostService/ValidatePost" if answer.code() == Code::Ok => {
                        named =
                            found_by_validation(&rpc.response(answer.message.as_ref().unwrap()));
                        true
                    }
                    _ => answer.reason() == Some(Reason::FieldInvalid),
                };
                let names_itself = named.iter().any(|named| without_places(named) == field);
                if !refused || !names_itself {
                    let bad: String = bad.chars().take(40).collect();
                    found.push(format!("{path} {field} = {bad:?}: {} {named:?}", answer.told()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{} of {tried}\n{}", found.len(), found.join("\n"));
    assert!(tried > 500, "only {tried} were tried");
}

#[tokio::test]
async fn an_asserted_workspace_is_not_read() {
    let world = World::start().await;
    let place = world.place().await;
    let owner = &world.team.owner;
    let mut tried = 0;
    for row in TABLE.iter().filter(|row| !row.spoils) {
        let rpc = rpc_of(row);
        let assertion = rpc.method.input().get_field_by_name("workspace_id");
        let Some(assertion) = assertion.filter(|field| is_assertion(row, &vec![field.clone()]))
        else {
            continue;
        };
        for asserted in [world.foreign.workspace_id.as_str(), "nonsense", ""] {
            let mut request = world.request(row, Target::Of(&place), owner).await;
            put(&mut request, std::slice::from_ref(&assertion), Value::String(asserted.to_owned()));
            let path = rpc.path();
            let call = Call::new(&path, Some(&owner.session_token), &request.encode_to_vec())
                .send(&world.front)
                .await;
            assert_eq!(
                call.reason(),
                row.admitted,
                "{path} {}: {}",
                api::json(&request),
                call.told()
            );
            tried += 1;
        }
    }
    assert!(tried >= 30, "only {tried} were tried");
}
