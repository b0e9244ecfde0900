//! Checks the fields of one request and collects every one at fault.
//!
//! ```
//! # use postbreeze_proto::{fields::Fields, status::Fault};
//! # use postbreeze_ids::WorkspaceId;
//! # fn parse(workspace_id: &str, name: &str) -> Result<(WorkspaceId, String), Fault> {
//! let mut fields = Fields::new();
//! let workspace_id = fields.id("workspace_id", workspace_id);
//! let name = fields.text("name", name, 1..=80);
//! fields.finish((workspace_id, name))
//! # }
//! # assert!(parse("wsp_", "").is_err());
//! ```

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use postbreeze_ids::{Id, Kind};
use prost::Message;
use prost_types::Timestamp;

use crate::{
    page::{self, Binding, TokenKey},
    status::{Fault, Reason, Violation},
    time,
};

/// Collects violations. Each check answers `None` when it has noted one.
#[derive(Debug, Default)]
pub struct Fields {
    violations: Vec<Violation>,
}

impl Fields {
    /// No violation yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a `FIELD_INVALID` of a field.
    pub fn violate(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.violate_with(field, Reason::FieldInvalid, description);
    }

    /// Notes a violation with a reason of its own.
    pub fn violate_with(
        &mut self,
        field: impl Into<String>,
        reason: Reason,
        description: impl Into<String>,
    ) {
        self.violations.push(Violation {
            field: field.into(),
            reason,
            description: description.into(),
        });
    }

    /// A required id of one kind.
    pub fn id<K: Kind>(&mut self, field: impl Into<String>, value: &str) -> Option<Id<K>> {
        match value.parse() {
            Ok(id) => Some(id),
            Err(error) => {
                self.violate(field, error.to_string());
                None
            }
        }
    }

    /// An optional id: the empty string is none.
    pub fn optional_id<K: Kind>(
        &mut self,
        field: impl Into<String>,
        value: &str,
    ) -> Option<Option<Id<K>>> {
        if value.is_empty() { Some(None) } else { self.id(field, value).map(Some) }
    }

    /// A list of ids, none of them twice, their number within `count`.
    pub fn ids<K: Kind>(
        &mut self,
        field: &str,
        values: &[String],
        count: RangeInclusive<usize>,
    ) -> Option<Vec<Id<K>>> {
        if !self.count(field, values.len(), count) {
            return None;
        }
        let mut ids = Vec::with_capacity(values.len());
        let mut sound = true;
        for (index, value) in values.iter().enumerate() {
            let name = format!("{field}[{index}]");
            match self.id(name.clone(), value) {
                Some(id) if ids.contains(&id) => {
                    self.violate(name, "is named twice");
                    sound = false;
                }
                Some(id) => ids.push(id),
                None => sound = false,
            }
        }
        sound.then_some(ids)
    }

    /// A list's length. Answers whether it is within `count`.
    pub fn count(&mut self, field: &str, len: usize, count: RangeInclusive<usize>) -> bool {
        let fits = count.contains(&len);
        if !fits {
            self.violate(field, format!("must have {} to {} entries", count.start(), count.end()));
        }
        fits
    }

    /// Text whose length in Unicode scalar values is within `chars`, without NUL (Postgres keeps none).
    pub fn text(
        &mut self,
        field: impl Into<String>,
        value: &str,
        chars: RangeInclusive<usize>,
    ) -> Option<String> {
        // Bytes first: a text of a million characters is not counted.
        let fits =
            value.len() <= chars.end().saturating_mul(4) && chars.contains(&value.chars().count());
        if !fits {
            let (least, most) = chars.into_inner();
            self.violate(field, format!("must have {least} to {most} characters"));
            return None;
        }
        if value.contains('\0') {
            self.violate(field, "must not contain NUL");
            return None;
        }
        Some(value.to_owned())
    }

    /// A required enum value: neither unspecified nor a number this version does not know.
    pub fn choice<E: TryFrom<i32> + Default + PartialEq>(
        &mut self,
        field: impl Into<String>,
        value: i32,
    ) -> Option<E> {
        match E::try_from(value) {
            Ok(known) if known != E::default() => Some(known),
            _ => {
                self.violate(field, "is not one of the values of this field");
                None
            }
        }
    }

    /// An optional enum value: unspecified is none.
    pub fn optional_choice<E: TryFrom<i32> + Default + PartialEq>(
        &mut self,
        field: impl Into<String>,
        value: i32,
    ) -> Option<Option<E>> {
        if value == 0 { Some(None) } else { self.choice(field, value).map(Some) }
    }

    /// A filter of enum values; empty means any.
    pub fn choices<E: TryFrom<i32> + Default + PartialEq>(
        &mut self,
        field: &str,
        values: &[i32],
    ) -> Option<Vec<E>> {
        if !self.count(field, values.len(), 0..=100) {
            return None;
        }
        let mut known = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            known.extend(self.choice(format!("{field}[{index}]"), *value));
        }
        (known.len() == values.len()).then_some(known)
    }

    /// An optional instant.
    pub fn time(
        &mut self,
        field: impl Into<String>,
        value: Option<&Timestamp>,
    ) -> Option<Option<DateTime<Utc>>> {
        let Some(timestamp) = value else { return Some(None) };
        let instant = time::from_proto(timestamp);
        if instant.is_none() {
            self.violate(field, "must be a timestamp of the years 1 to 9999");
        }
        instant.map(Some)
    }

    /// The page size of a list.
    pub fn page_size(&mut self, requested: i32) -> Option<usize> {
        page::page_size(requested).map_err(|violation| self.violations.push(violation)).ok()
    }

    /// The token of a page; the empty one is that of the first.
    pub fn page_token<M: Message + Default>(
        &mut self,
        key: &TokenKey,
        binding: &Binding,
        token: &str,
    ) -> Option<Option<M>> {
        key.open(binding, token).map_err(|violation| self.violations.push(violation)).ok()
    }

    /// The client's optional `request_id`.
    pub fn request_id(&mut self, value: &str) -> Option<String> {
        self.text("request_id", value, 0..=64)
    }

    /// The checked values, or all that is wrong.
    ///
    /// # Errors
    /// The fault with every violation noted.
    pub fn finish<C: Checked>(self, checked: C) -> Result<C::Values, Fault> {
        if !self.violations.is_empty() {
            return Err(Fault::invalid(self.violations));
        }
        // A check that answered `None` has noted why, so this is the message of a check that forgot to.
        checked.values().ok_or_else(|| Fault::new(Reason::FieldInvalid, "a field is invalid"))
    }

    /// The violations noted so far.
    #[must_use]
    pub fn into_violations(self) -> Vec<Violation> {
        self.violations
    }
}

/// Several checked values, each `None` when its field is at fault.
pub trait Checked {
    /// The values without their `Option`.
    type Values;
    /// `None` when any is at fault.
    fn values(self) -> Option<Self::Values>;
}

macro_rules! checked {
    ($($name:ident)+) => {
        impl<$($name),+> Checked for ($(Option<$name>,)+) {
            type Values = ($($name,)+);
            #[expect(non_snake_case, reason = "the type parameters name the values")]
            fn values(self) -> Option<Self::Values> {
                let ($($name,)+) = self;
                Some(($($name?,)+))
            }
        }
    };
}

impl Checked for () {
    type Values = ();
    fn values(self) -> Option<()> {
        Some(())
    }
}

checked!(A);
checked!(A B);
checked!(A B C);
checked!(A B C D);
checked!(A B C D E);
checked!(A B C D E F);
checked!(A B C D E F G);
checked!(A B C D E F G H);
checked!(A B C D E F G H I);
checked!(A B C D E F G H I J);
