//! Page sizes and page tokens.
//!
//! A token is `base64url(version ‖ payload ‖ tag)`, where the tag is an HMAC-SHA-256, cut to 16 bytes, over the
//! payload and what the token is bound to: the list, the user and the filters. It grants nothing: every page is
//! checked against the reach of the moment.

mod by_id;

use std::ops::RangeInclusive;

use aws_lc_rs::{constant_time, digest, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use postbreeze_ids::UserId;
use prost::Message;

pub use by_id::Page;

use crate::{
    internal::v1::ListPosition,
    status::{Reason, Violation},
};

/// Rows on a page when the request does not say.
pub const DEFAULT_PAGE_SIZE: usize = 50;
/// Rows on a page at the most; a larger wish is lowered to it.
pub const MAX_PAGE_SIZE: usize = 200;

const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;
/// A merged list over the largest number of shards stays far below it.
const TOKEN_CHARS: RangeInclusive<usize> = 1..=8_192;

/// The page size to use for a requested one.
///
/// # Errors
/// A violation of `page_size` when it is negative.
pub fn page_size(requested: i32) -> Result<usize, Violation> {
    match usize::try_from(requested) {
        Ok(0) => Ok(DEFAULT_PAGE_SIZE),
        Ok(size) => Ok(size.min(MAX_PAGE_SIZE)),
        Err(_) => Err(Violation {
            field: "page_size".to_owned(),
            reason: Reason::FieldInvalid,
            description: "must not be negative".to_owned(),
        }),
    }
}

/// What a token is bound to.
#[derive(Debug, Clone)]
pub struct Binding {
    list: &'static str,
    user_id: UserId,
    filter: [u8; 32],
}

impl Binding {
    /// `list` is the RPC's name. `filter` is the request with its page size and token cleared.
    #[must_use]
    pub fn new(list: &'static str, user_id: UserId, filter: &impl Message) -> Self {
        let hash = digest::digest(&digest::SHA256, &filter.encode_to_vec());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hash.as_ref());
        Self { list, user_id, filter: bytes }
    }
}

/// Seals and opens tokens. Every replica that serves one list holds the same key.
pub struct TokenKey(hmac::Key);

impl TokenKey {
    /// A key of any length; 32 random bytes are best.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The token of a payload.
    #[must_use]
    pub fn seal(&self, binding: &Binding, payload: &impl Message) -> String {
        let mut bytes = vec![VERSION];
        payload.encode(&mut bytes).expect("a Vec grows as needed");
        let tag = self.tag(binding, &bytes);
        bytes.extend_from_slice(&tag.as_ref()[..TAG_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The payload of a token; `None` for the empty token of a first page.
    ///
    /// # Errors
    /// A violation of `page_token`, `PAGE_TOKEN_INVALID`, when it was altered, or made for another list, user or filter.
    pub fn open<M: Message + Default>(
        &self,
        binding: &Binding,
        token: &str,
    ) -> Result<Option<M>, Violation> {
        if token.is_empty() {
            return Ok(None);
        }
        self.open_sealed(binding, token).map(Some).ok_or_else(|| Violation {
            field: "page_token".to_owned(),
            reason: Reason::PageTokenInvalid,
            description: "is not a token of this list, user and filter".to_owned(),
        })
    }

    fn open_sealed<M: Message + Default>(&self, binding: &Binding, token: &str) -> Option<M> {
        if !TOKEN_CHARS.contains(&token.len()) {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (sealed, given) = bytes.split_at_checked(bytes.len().checked_sub(TAG_BYTES)?)?;
        let tag = self.tag(binding, sealed);
        constant_time::verify_slices_are_equal(&tag.as_ref()[..TAG_BYTES], given).ok()?;
        let (version, payload) = sealed.split_first()?;
        (*version == VERSION).then(|| M::decode(payload).ok())?
    }

    fn tag(&self, binding: &Binding, sealed: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        // The list's name has no NUL, the rest but the last part is of fixed length: no two inputs collide.
        context.update(binding.list.as_bytes());
        context.update(&[0]);
        context.update(binding.user_id.uuid().as_bytes());
        context.update(&binding.filter);
        context.update(sealed);
        context.sign()
    }
}

impl ListPosition {
    /// The position after a row of a list that is ordered by id alone.
    #[must_use]
    pub fn after_id(id: uuid::Uuid) -> Self {
        Self { time_us: 0, id: id.as_bytes().to_vec() }
    }

    /// The last row's UUID; `None` when a peer sent something else.
    #[must_use]
    pub fn uuid(&self) -> Option<uuid::Uuid> {
        uuid::Uuid::from_slice(&self.id).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::v1::ListPostsRequest;

    fn user(n: u128) -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn binding() -> Binding {
        Binding::new("ListPosts", user(1), &ListPostsRequest::default())
    }

    #[test]
    fn page_size_defaults_lowers_and_refuses() {
        assert_eq!(page_size(0), Ok(50));
        assert_eq!(page_size(1), Ok(1));
        assert_eq!(page_size(201), Ok(200));
        assert!(page_size(-1).is_err());
    }

    proptest! {
        #[test]
        fn a_token_opens_to_what_was_sealed(time_us: i64, id in prop::collection::vec(any::<u8>(), 16)) {
            let key = TokenKey::new(b"secret");
            let position = ListPosition { time_us, id };
            let token = key.seal(&binding(), &position);
            prop_assert_eq!(key.open(&binding(), &token).unwrap(), Some(position));
        }

        #[test]
        fn a_token_altered_in_one_character_is_refused(at in 0_usize..44, to in "[A-Za-z0-9_-]") {
            let key = TokenKey::new(b"secret");
            let token = key.seal(&binding(), &ListPosition::after_id(uuid::Uuid::from_u128(7)));
            let at = at % token.len();
            prop_assume!(&token[at..=at] != to.as_str());
            let altered = format!("{}{to}{}", &token[..at], &token[at + 1..]);
            prop_assert!(key.open::<ListPosition>(&binding(), &altered).is_err());
        }
    }

    #[test]
    fn a_token_of_another_user_list_filter_or_key_is_refused() {
        let key = TokenKey::new(b"secret");
        let position = ListPosition::after_id(uuid::Uuid::from_u128(7));
        let token = key.seal(&binding(), &position);
        let filtered = ListPostsRequest { account_id: "soc_x".to_owned(), ..Default::default() };
        for other in [
            Binding::new("ListPosts", user(2), &ListPostsRequest::default()),
            Binding::new("ListComments", user(1), &ListPostsRequest::default()),
            Binding::new("ListPosts", user(1), &filtered),
        ] {
            assert!(key.open::<ListPosition>(&other, &token).is_err());
        }
        assert!(TokenKey::new(b"other").open::<ListPosition>(&binding(), &token).is_err());
        assert_eq!(key.open::<ListPosition>(&binding(), "").unwrap(), None);
    }
}
