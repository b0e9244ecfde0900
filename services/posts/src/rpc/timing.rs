//! When a post goes out: the rules for `scheduled_for` and `publish_now`, and the month a unit is charged to.

use chrono::{DateTime, Datelike as _, Months, Utc};
use postbreeze_proto::{
    fields::Fields,
    status::{Fault, Reason, Violation},
};
use prost_types::Timestamp;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timing {
    /// As soon as possible.
    Now,
    /// At an instant.
    At(DateTime<Utc>),
}

/// Reads the two fields; `None` when neither is set.
pub(super) fn parse(
    fields: &mut Fields,
    scheduled_for: Option<&Timestamp>,
    publish_now: bool,
) -> Option<Option<Timing>> {
    let instant = fields.time("scheduled_for", scheduled_for)?;
    match (instant, publish_now) {
        (Some(_), true) => {
            fields.violate("publish_now", "excludes scheduled_for");
            None
        }
        (Some(instant), false) => Some(Some(Timing::At(instant))),
        (None, true) => Some(Some(Timing::Now)),
        (None, false) => Some(None),
    }
}

/// Reads the two fields, one of which must be set.
pub(super) fn parse_required(
    fields: &mut Fields,
    scheduled_for: Option<&Timestamp>,
    publish_now: bool,
) -> Option<Timing> {
    let timing = parse(fields, scheduled_for, publish_now)?;
    if timing.is_none() {
        fields.violate("scheduled_for", "is required unless publish_now is set");
    }
    timing
}

/// The instant of a timing: in the future, at most two years ahead.
pub(super) fn instant(timing: Timing, now: DateTime<Utc>) -> Result<DateTime<Utc>, Violation> {
    let at = match timing {
        Timing::Now => return Ok(now),
        Timing::At(at) => at,
    };
    let violation = |reason, description: &str| Violation {
        field: "scheduled_for".to_owned(),
        reason,
        description: description.to_owned(),
    };
    if at <= now {
        return Err(violation(Reason::ScheduleInPast, "must be in the future"));
    }
    if now.checked_add_months(Months::new(24)).is_some_and(|latest| at > latest) {
        return Err(violation(Reason::FieldInvalid, "must be at most two years ahead"));
    }
    Ok(at)
}

/// The instant of a timing, or the fault that names the field.
pub(super) fn instant_or_fault(timing: Timing, now: DateTime<Utc>) -> Result<DateTime<Utc>, Fault> {
    instant(timing, now).map_err(|violation| Fault::invalid(vec![violation]))
}

/// The UTC month of an instant: year * 12 + month - 1.
pub(super) fn month_of(instant: DateTime<Utc>) -> i32 {
    instant.year() * 12 + i32::try_from(instant.month0()).unwrap_or(0)
}
