//! Pages of the lists, which are all ordered by id.

use postbreeze_proto::{
    fields::Fields,
    internal::v1::ListPosition,
    page::{Binding, TokenKey},
};
use uuid::Uuid;

/// The page that a request asks for.
pub(super) struct Page {
    binding: Binding,
    size: usize,
    /// The last row of the page before.
    pub(super) after: Option<Uuid>,
}

impl Page {
    /// Reads page size and token; notes what is wrong with them.
    pub(super) fn read(
        fields: &mut Fields,
        key: &TokenKey,
        binding: Binding,
        page_size: i32,
        page_token: &str,
    ) -> Option<Self> {
        let size = fields.page_size(page_size);
        let position: Option<Option<ListPosition>> = fields.page_token(key, &binding, page_token);
        let after = position?.and_then(|position| position.uuid());
        Some(Self { binding, size: size?, after })
    }

    /// How many rows to ask for: one more than fit tells that there is a next page.
    pub(super) fn limit(&self) -> usize {
        self.size + 1
    }

    /// [`Self::limit`] for SQL.
    pub(super) fn sql_limit(&self) -> i64 {
        i64::try_from(self.limit()).unwrap_or(i64::MAX)
    }

    /// Cuts rows to the page, and answers the token of the next one; empty on the last.
    pub(super) fn cut<T>(
        &self,
        key: &TokenKey,
        rows: &mut Vec<T>,
        id: impl FnOnce(&T) -> Uuid,
    ) -> String {
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        match rows.last() {
            Some(last) if more => key.seal(&self.binding, &ListPosition::after_id(id(last))),
            _ => String::new(),
        }
    }
}
