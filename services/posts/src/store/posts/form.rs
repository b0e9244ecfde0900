//! The form of a post: all that goes out of it, so that what was approved can be told from what was changed since.

use aws_lc_rs::digest::{Context, SHA256};

use super::Post;

impl Post {
    /// SHA-256 of what goes out: text, media and their descriptions, and of each target account, text, first comment, options,
    /// media and their descriptions. When it goes out is no part of it.
    #[must_use]
    pub fn form(&self) -> Vec<u8> {
        let mut form = Form(Context::new(&SHA256));
        form.text(&self.row.content);
        form.list(self.row.media_ids.iter().map(|id| id.uuid().into_bytes()));
        form.list(self.row.alt_texts.iter());
        form.count(self.targets.len());
        for target in &self.targets {
            form.bytes(&target.account_id.uuid().into_bytes());
            form.list(target.caption_override.iter());
            form.text(&target.first_comment);
            form.bytes(&target.options);
            form.list(target.media_ids.iter().map(|id| id.uuid().into_bytes()));
            form.count(usize::from(target.alt_texts.is_some()));
            form.list(target.alt_texts.as_deref().unwrap_or_default().iter());
        }
        form.0.finish().as_ref().to_vec()
    }

    /// Whether it may go out in the form that it has: it is as it was when it was last let out. Of a post that an earlier
    /// version let out an approval says so, which every change by an editor takes back.
    #[must_use]
    pub fn is_released(&self) -> bool {
        match &self.row.released_form {
            Some(released) => *released == self.form(),
            None => self.row.approved_time.is_some(),
        }
    }
}

/// Lengths and counts come first, so that neighbours do not run into each other.
struct Form(Context);

impl Form {
    fn count(&mut self, count: usize) {
        self.0.update(&u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn list<T: AsRef<[u8]>>(&mut self, items: impl ExactSizeIterator<Item = T>) {
        self.count(items.len());
        for item in items {
            self.bytes(item.as_ref());
        }
    }
}
