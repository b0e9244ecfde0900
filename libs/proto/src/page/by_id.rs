//! Pages of lists that are ordered by id.

use uuid::Uuid;

use super::{Binding, TokenKey};
use crate::{fields::Fields, internal::v1::ListPosition};

/// The page that a request asks for.
pub struct Page {
    binding: Binding,
    size: usize,
    /// The last row of the page before.
    pub after: Option<Uuid>,
}

impl Page {
    /// Reads page size and token; notes what is wrong with them.
    pub fn read(
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

    /// The most rows that the page may have.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many rows to ask for: one more than fit tells that there is a next page.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.size + 1
    }

    /// [`Self::limit`] for SQL.
    #[must_use]
    pub fn sql_limit(&self) -> i64 {
        i64::try_from(self.limit()).unwrap_or(i64::MAX)
    }

    /// Cuts rows to the page, and answers the token of the next one; empty on the last.
    pub fn cut<T>(&self, key: &TokenKey, rows: &mut Vec<T>, id: impl FnOnce(&T) -> Uuid) -> String {
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        match rows.last() {
            Some(last) if more => self.token_after(key, id(last)),
            _ => String::new(),
        }
    }

    /// The token of a page that begins after a row, also when this one is not full.
    #[must_use]
    pub fn token_after(&self, key: &TokenKey, id: Uuid) -> String {
        key.seal(&self.binding, &ListPosition::after_id(id))
    }
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::UserId;

    use super::*;
    use crate::v1::ListFoldersRequest;

    fn page(key: &TokenKey, page_size: i32, page_token: &str) -> Option<Page> {
        let user_id = UserId::from_uuid(Uuid::from_u128(1));
        let binding = Binding::new("ListFolders", user_id, &ListFoldersRequest::default());
        Page::read(&mut Fields::new(), key, binding, page_size, page_token)
    }

    #[test]
    fn pages_follow_one_another_and_the_last_has_no_token() {
        let key = TokenKey::new(b"secret");
        let all: Vec<Uuid> = (1..=5).map(Uuid::from_u128).collect();
        let (mut got, mut token) = (Vec::new(), String::new());
        for full in [true, true, false] {
            let page = page(&key, 2, &token).unwrap();
            let left = all.iter().filter(|id| page.after.is_none_or(|after| **id > after));
            let mut rows: Vec<Uuid> = left.take(page.limit()).copied().collect();
            token = page.cut(&key, &mut rows, |id| *id);
            assert_eq!(token.is_empty(), !full);
            got.extend(rows);
        }
        assert_eq!(got, all);
    }

    #[test]
    fn a_page_may_be_short_and_a_bad_size_or_token_is_none() {
        let key = TokenKey::new(b"secret");
        let first = page(&key, 0, "").unwrap();
        let token = first.token_after(&key, Uuid::from_u128(7));
        assert_eq!(page(&key, 0, &token).unwrap().after, Some(Uuid::from_u128(7)));
        assert!(page(&key, -1, "").is_none());
        assert!(page(&key, 0, "x").is_none());
    }
}
