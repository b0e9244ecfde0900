//! Fields that creating and updating a webhook have in common.

use std::collections::HashSet;

use postbreeze_egress::{Egress, Error, Invalid};
use postbreeze_proto::{fields::Fields, status::Reason, v1::WebhookEventType};

use crate::event::EventKind;

const NAME_CHARS: usize = 80;

pub(super) fn display_name(fields: &mut Fields, value: &str) -> Option<String> {
    fields.text("display_name", value, 0..=NAME_CHARS)
}

/// A URL that may be sent to, as far as it tells: what its host resolves to is judged whenever something is sent.
pub(super) fn url(fields: &mut Fields, egress: &Egress, value: &str) -> Option<String> {
    match egress.check(value) {
        Ok(_) => Some(value.to_owned()),
        Err(error) => {
            let reason = match error {
                Error::Forbidden | Error::Invalid(Invalid::Local) => Reason::UrlForbidden,
                _ => Reason::FieldInvalid,
            };
            fields.violate_with("url", reason, error.to_string());
            None
        }
    }
}

/// Names of the kinds of events, at least one, none twice.
pub(super) fn event_kinds(fields: &mut Fields, values: &[i32]) -> Option<Vec<String>> {
    if !fields.count("event_types", values.len(), 1..=EventKind::ALL.len()) {
        return None;
    }
    let mut seen = HashSet::new();
    let mut kinds = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let field = format!("event_types[{index}]");
        let Some(kind) = fields.choice::<WebhookEventType>(field.clone(), *value) else { continue };
        if seen.insert(kind) {
            kinds.extend(EventKind::from_proto(kind).map(|kind| kind.as_str().to_owned()));
        } else {
            fields.violate(field, "is named twice");
        }
    }
    (kinds.len() == values.len()).then_some(kinds)
}
