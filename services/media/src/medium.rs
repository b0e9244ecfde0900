//! The rules of a medium's life, and of what it is called. Pure.

use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};

/// Bytes of one upload.
pub(crate) const UPLOAD_BYTES: RangeInclusive<i64> = 1..=5 * 1_024 * 1_024 * 1_024;
/// Characters of a filename.
pub(crate) const FILENAME_CHARS: RangeInclusive<usize> = 1..=255;
/// Characters of a description.
pub(crate) const ALT_TEXT_CHARS: RangeInclusive<usize> = 0..=1_000;

/// How long the URL of an upload works.
const UPLOAD_LASTS: TimeDelta = TimeDelta::minutes(15);
/// How long after that an upload may still be completed: its bytes may have come at the last moment.
const COMPLETION_GRACE: TimeDelta = TimeDelta::minutes(15);
/// How long after the URL of an upload has stopped working its bytes can still come about: by a PUT that was begun in time,
/// or by a completion that writes a small picture.
const WRITING_LINGERS: TimeDelta = TimeDelta::minutes(16);
/// After this an ingestion has died with its process: a call lasts far less.
const INGESTION_LASTS: TimeDelta = TimeDelta::minutes(10);
/// How long a rejected medium is shown.
const REJECTED_STAYS: TimeDelta = TimeDelta::days(1);
/// How long the URL of a reading works.
pub(crate) const READING_LASTS: TimeDelta = TimeDelta::minutes(15);
/// How long a medium is held for a post that says nothing more.
pub(crate) const HOLD_LASTS: TimeDelta = TimeDelta::hours(1);

/// Where a medium stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaStatus {
    /// Its bytes are awaited from a client.
    PendingUpload,
    /// Its bytes are being fetched by a call, and nobody sees it yet.
    Ingesting,
    /// It can be used.
    Ready,
    /// Its bytes were not accepted, or did not come.
    Rejected,
}

impl MediaStatus {
    const ALL: [Self; 4] = [Self::PendingUpload, Self::Ingesting, Self::Ready, Self::Rejected];

    /// The name a database keeps.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::PendingUpload => "pending_upload",
            Self::Ingesting => "ingesting",
            Self::Ready => "ready",
            Self::Rejected => "rejected",
        }
    }

    /// The status of such a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// When a medium that is in this status from now on ends by itself; `upload_expire_time` is that of its URL.
    pub(crate) fn lapses(
        self,
        now: DateTime<Utc>,
        upload_expire_time: Option<DateTime<Utc>>,
    ) -> Option<DateTime<Utc>> {
        match self {
            Self::PendingUpload => Some(upload_expire_time.unwrap_or(now) + COMPLETION_GRACE),
            Self::Ingesting => Some(now + INGESTION_LASTS),
            Self::Ready => None,
            Self::Rejected => Some(now + REJECTED_STAYS),
        }
    }
}

/// When the URL of an upload that begins now stops working.
pub(crate) fn upload_expires(now: DateTime<Utc>) -> DateTime<Utc> {
    now + UPLOAD_LASTS
}

/// When bytes that were deleted now must be deleted once more: while an upload or an ingestion may be under way, they can
/// come back.
pub(crate) fn purged_again(
    now: DateTime<Utc>,
    status: MediaStatus,
    create_time: DateTime<Utc>,
    upload_expire_time: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let last = match status {
        MediaStatus::Ingesting => Some(create_time + INGESTION_LASTS),
        _ => upload_expire_time.map(|expires| expires + WRITING_LINGERS),
    };
    last.filter(|last| *last > now)
}

/// What is wrong with a filename whose length is right.
pub(crate) fn filename_problem(name: &str) -> Option<&'static str> {
    if name.chars().any(is_separator) {
        return Some("must not contain slashes");
    }
    name.chars().any(is_unseen).then_some("must not contain control characters")
}

/// The last part of a URL's path as a filename, as far as it can be one.
pub(crate) fn filename_of_url(last_part: &str) -> Option<String> {
    let name: String = last_part
        .chars()
        .filter(|char| !is_separator(*char) && !is_unseen(*char))
        .take(*FILENAME_CHARS.end())
        .collect();
    (!name.is_empty()).then_some(name)
}

/// What filenames are searched by.
pub(crate) fn folded(text: &str) -> String {
    text.to_lowercase()
}

fn is_separator(char: char) -> bool {
    matches!(char, '/' | '\\')
}

/// Control characters, and those that turn the direction of what follows: `exe.gpj` must not look like `jpg.exe`.
fn is_unseen(char: char) -> bool {
    char.is_control() || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn status_names_round_trip() {
        for status in MediaStatus::ALL {
            assert_eq!(MediaStatus::parse(status.as_str()), Some(status));
        }
        assert_eq!(MediaStatus::parse("gone"), None);
    }

    #[test]
    fn an_upload_can_be_completed_after_its_url_has_stopped_working_and_a_ready_medium_never_lapses()
     {
        let expires = upload_expires(at(0));
        assert_eq!(expires, at(15));
        assert_eq!(MediaStatus::PendingUpload.lapses(at(3), Some(expires)), Some(at(30)));
        assert_eq!(MediaStatus::Ingesting.lapses(at(3), None), Some(at(13)));
        assert_eq!(MediaStatus::Rejected.lapses(at(3), Some(expires)), Some(at(3 + 24 * 60)));
        assert_eq!(MediaStatus::Ready.lapses(at(3), Some(expires)), None);
    }

    #[test]
    fn bytes_are_deleted_once_more_when_nothing_can_bring_them_back() {
        let upload = |now| purged_again(at(now), MediaStatus::Ready, at(0), Some(at(15)));
        assert_eq!([3, 30, 31].map(upload), [Some(at(31)), Some(at(31)), None]);
        let ingested = |now| purged_again(at(now), MediaStatus::Ready, at(0), None);
        assert_eq!([0, 3].map(ingested), [None, None]);
        let ingesting = |now| purged_again(at(now), MediaStatus::Ingesting, at(0), None);
        assert_eq!([3, 9, 10].map(ingesting), [Some(at(10)), Some(at(10)), None]);
    }

    #[test]
    fn filenames_have_neither_paths_nor_what_nobody_sees() {
        for good in ["IMG_0001.MP4", " a b ", "été.jpg", "😀", "ملف.png", ".hidden", "..", "a:b?*"]
        {
            assert_eq!(filename_problem(good), None, "{good}");
        }
        for bad in [
            "a/b",
            "a\\b",
            "../x",
            "a\nb",
            "a\tb",
            "\u{7f}",
            "a\u{85}b",
            "a\u{202e}gpj.exe",
            "\u{2066}x",
        ] {
            assert!(filename_problem(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn the_end_of_a_url_is_a_filename_without_what_none_may_have() {
        assert_eq!(filename_of_url("a b.jpg").as_deref(), Some("a b.jpg"));
        assert_eq!(filename_of_url("..\\a\u{202e}/b\n").as_deref(), Some("..ab"));
        assert_eq!(filename_of_url("\0"), None);
        assert_eq!(filename_of_url(""), None);
        assert_eq!(filename_of_url(&"é".repeat(300)), Some("é".repeat(255)));
    }
}
