//! The texts of media and folders that requests give.

use std::ops::RangeInclusive;

use postbreeze_proto::fields::Fields;

use crate::{
    folder::NAME_CHARS,
    medium::{ALT_TEXT_CHARS, FILENAME_CHARS, name_problem},
};

/// A filename.
pub(super) fn filename(fields: &mut Fields, value: &str) -> Option<String> {
    name(fields, "filename", value, FILENAME_CHARS)
}

/// The name of a folder.
pub(super) fn folder_name(fields: &mut Fields, value: &str) -> Option<String> {
    name(fields, "name", value, NAME_CHARS)
}

fn name(
    fields: &mut Fields,
    field: &str,
    value: &str,
    chars: RangeInclusive<usize>,
) -> Option<String> {
    let name = fields.text(field, value, chars)?;
    match name_problem(&name) {
        None => Some(name),
        Some(problem) => {
            fields.violate(field, problem);
            None
        }
    }
}

/// A filename, or none.
pub(super) fn optional_filename(fields: &mut Fields, value: &str) -> Option<Option<String>> {
    if value.is_empty() { Some(None) } else { filename(fields, value).map(Some) }
}

/// A description.
pub(super) fn alt_text(fields: &mut Fields, value: &str) -> Option<String> {
    fields.text("alt_text", value, ALT_TEXT_CHARS)
}

/// What an update changes: what its mask names, or without one what it sets. Notes a mask that names something else, and an
/// update that changes nothing.
pub(super) struct Mask<'a> {
    paths: &'a [String],
    names_any: bool,
}

const MASK_PATHS: usize = 20;

impl<'a> Mask<'a> {
    /// The mask of a request, which may name these fields.
    pub(super) fn read(
        fields: &mut Fields,
        mask: Option<&'a prost_types::FieldMask>,
        known: &[&str],
    ) -> Self {
        let paths = mask.map_or(&[][..], |mask| &mask.paths);
        let bounded = fields.count("update_mask", paths.len(), 0..=MASK_PATHS);
        let paths = if bounded { paths } else { &[] };
        if paths.iter().any(|path| !known.contains(&path.as_str())) {
            fields.violate("update_mask", format!("may name only {}", known.join(", ")));
        }
        Self { paths, names_any: !bounded || !paths.is_empty() }
    }

    /// Whether a field changes; `set`: whether the request sets it.
    pub(super) fn names(&mut self, field: &str, set: bool) -> bool {
        let named =
            if self.paths.is_empty() { set } else { self.paths.iter().any(|path| path == field) };
        self.names_any |= named;
        named
    }

    /// Ends the reading, after every field was asked for.
    pub(super) fn finish(self, fields: &mut Fields) {
        if !self.names_any {
            fields.violate("update_mask", "names nothing to change, and nothing is set");
        }
    }
}
