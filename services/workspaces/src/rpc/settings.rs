//! The fields of a workspace that a request may set, checked alike at creation and update.

use postbreeze_proto::fields::Fields;

use crate::workspace::{DEFAULT_TIMEZONE, LOGO_URL_CHARS, is_color, is_https_url, is_timezone};

/// A time zone; empty is the default one.
pub(super) fn timezone(fields: &mut Fields, value: &str) -> Option<String> {
    if value.is_empty() {
        return Some(DEFAULT_TIMEZONE.to_owned());
    }
    checked(fields, "timezone", value, is_timezone, "must be an IANA time zone, as Europe/Berlin")
}

/// A colour, or none.
pub(super) fn brand_color(fields: &mut Fields, value: &str) -> Option<String> {
    let sound = |text: &str| text.is_empty() || is_color(text);
    checked(fields, "brand_color", value, sound, "must be a colour as #rrggbb, or empty")
}

/// A logo, or none.
pub(super) fn logo_url(fields: &mut Fields, value: &str) -> Option<String> {
    let url = fields.text("logo_url", value, LOGO_URL_CHARS)?;
    let sound = |text: &str| text.is_empty() || is_https_url(text);
    checked(fields, "logo_url", &url, sound, "must be an https URL, or empty")
}

fn checked(
    fields: &mut Fields,
    field: &str,
    value: &str,
    is_sound: impl FnOnce(&str) -> bool,
    problem: &str,
) -> Option<String> {
    if is_sound(value) {
        Some(value.to_owned())
    } else {
        fields.violate(field, problem);
        None
    }
}
