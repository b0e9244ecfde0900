//! The texts of media that requests give.

use postbreeze_proto::fields::Fields;

use crate::medium::{ALT_TEXT_CHARS, FILENAME_CHARS, filename_problem};

/// A filename.
pub(super) fn filename(fields: &mut Fields, value: &str) -> Option<String> {
    let name = fields.text("filename", value, FILENAME_CHARS)?;
    match filename_problem(&name) {
        None => Some(name),
        Some(problem) => {
            fields.violate("filename", problem);
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
