//! The rules of a medium's life, and of what it is called. Pure.

use std::{ops::RangeInclusive, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

/// Bytes of one upload.
pub(crate) const UPLOAD_BYTES: RangeInclusive<i64> = 1..=5 * 1_024 * 1_024 * 1_024;
/// Characters of a filename.
pub(crate) const FILENAME_CHARS: RangeInclusive<usize> = 1..=255;
/// Characters of a description.
pub(crate) const ALT_TEXT_CHARS: RangeInclusive<usize> = 0..=1_000;

/// How long the URL of an upload works.
const UPLOAD_LASTS: TimeDelta = TimeDelta::minutes(15);
/// How long an upload may still be completed after the last moment at which its bytes can have come.
const COMPLETION_GRACE: TimeDelta = TimeDelta::minutes(14);
/// How long a completion takes at the most: it writes a small picture.
const COMPLETION_LASTS: TimeDelta = TimeDelta::minutes(1);
/// How often deleted bytes are looked for that a PUT may have brought back.
const PURGED_EVERY: TimeDelta = TimeDelta::minutes(15);
/// How long a transfer of nothing may take, and the slowest of the others.
const TRANSFER_BASE: Duration = Duration::from_mins(1);
const SLOWEST_BYTES_PER_SECOND: u64 = 64 * 1_024;
/// After this an ingestion has died with its process: a call lasts far less.
const INGESTION_LASTS: TimeDelta = TimeDelta::minutes(10);
/// How long a rejected medium is shown.
const REJECTED_STAYS: TimeDelta = TimeDelta::days(1);
/// How long the URL of a reading works.
pub(crate) const READING_LASTS: TimeDelta = TimeDelta::minutes(15);
/// How long a medium is held for a post that says nothing more: what it says comes late when this service, or the post's,
/// is down, and a refused post gives it back at once.
pub(crate) const HOLD_LASTS: TimeDelta = TimeDelta::days(3);

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

    /// When a medium that is in this status from now on ends by itself; `upload_expire_time` is that of its URL,
    /// `size_bytes` what is PUT there.
    pub(crate) fn lapses(
        self,
        now: DateTime<Utc>,
        upload_expire_time: Option<DateTime<Utc>>,
        size_bytes: i64,
    ) -> Option<DateTime<Utc>> {
        match self {
            Self::PendingUpload => Some(completable(upload_expire_time.unwrap_or(now), size_bytes)),
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

/// How long a client may take to send or to read so many bytes by a signed URL.
pub(crate) fn transfer_lasts(size_bytes: u64) -> Duration {
    TRANSFER_BASE + Duration::from_secs(size_bytes / SLOWEST_BYTES_PER_SECOND)
}

/// Until when an upload can be completed whose URL stops working then: a PUT may have begun at the last moment.
fn completable(upload_expire_time: DateTime<Utc>, size_bytes: i64) -> DateTime<Utc> {
    upload_expire_time + transfer_lasts(size_bytes.unsigned_abs()) + COMPLETION_GRACE
}

/// When bytes that were deleted now must be deleted once more: while an upload or an ingestion may be under way, they can
/// come back.
pub(crate) fn purged_again(
    now: DateTime<Utc>,
    status: MediaStatus,
    create_time: DateTime<Utc>,
    upload_expire_time: Option<DateTime<Utc>>,
    size_bytes: i64,
) -> Option<DateTime<Utc>> {
    let last = match status {
        MediaStatus::Ingesting => Some(create_time + INGESTION_LASTS),
        _ => upload_expire_time.map(|expires| completable(expires, size_bytes) + COMPLETION_LASTS),
    };
    last.filter(|last| *last > now).map(|last| last.min(now + PURGED_EVERY))
}

/// What is wrong with the name of a medium or of a folder, whose length is right.
pub(crate) fn name_problem(name: &str) -> Option<&'static str> {
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
    // Each character by itself, wherever it stands: a sigma at the end of a word is one like others.
    let lower = text.chars().flat_map(char::to_lowercase);
    lower.map(|char| if char == 'ς' { 'σ' } else { char }).collect()
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
        assert_eq!(MediaStatus::PendingUpload.lapses(at(3), Some(expires), 5), Some(at(30)));
        assert_eq!(MediaStatus::Ingesting.lapses(at(3), None, 5), Some(at(13)));
        assert_eq!(MediaStatus::Rejected.lapses(at(3), Some(expires), 5), Some(at(3 + 24 * 60)));
        assert_eq!(MediaStatus::Ready.lapses(at(3), Some(expires), 5), None);
    }

    #[test]
    fn an_upload_is_awaited_for_as_long_as_its_slowest_put_lasts() {
        // Ten minutes at 64 KiB a second.
        let size_bytes = 10 * 60 * 64 * 1_024;
        assert_eq!(transfer_lasts(size_bytes), Duration::from_mins(11));
        let size_bytes = i64::try_from(size_bytes).unwrap();
        let lapses = MediaStatus::PendingUpload.lapses(at(0), Some(at(15)), size_bytes);
        assert_eq!(lapses, Some(at(40)));
        let again =
            |now| purged_again(at(now), MediaStatus::Rejected, at(0), Some(at(15)), size_bytes);
        assert_eq!([30, 40, 41].map(again), [Some(at(41)), Some(at(41)), None]);
    }

    #[test]
    fn bytes_are_deleted_again_and_once_more_when_nothing_can_bring_them_back() {
        let upload = |now| purged_again(at(now), MediaStatus::Ready, at(0), Some(at(15)), 5);
        assert_eq!([3, 18, 30, 31].map(upload), [Some(at(18)), Some(at(31)), Some(at(31)), None]);
        let ingested = |now| purged_again(at(now), MediaStatus::Ready, at(0), None, 5);
        assert_eq!([0, 3].map(ingested), [None, None]);
        let ingesting = |now| purged_again(at(now), MediaStatus::Ingesting, at(0), None, 5);
        assert_eq!([3, 9, 10].map(ingesting), [Some(at(10)), Some(at(10)), None]);
    }

    #[test]
    fn filenames_have_neither_paths_nor_what_nobody_sees() {
        for good in ["IMG_0001.MP4", " a b ", "été.jpg", "😀", "ملف.png", ".hidden", "..", "a:b?*"]
        {
            assert_eq!(name_problem(good), None, "{good}");
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
            assert!(name_problem(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn what_a_filename_contains_is_found_in_upper_and_lower_case() {
        for (name, part) in [
            ("Été.JPG", "été"),
            ("ΣΑΣΑ", "ΣΑΣ"),
            ("σας.png", "ΣΑΣ"),
            ("ΣΑΣ.png", "σας"),
            ("İ", "i"),
        ] {
            assert!(folded(name).contains(&folded(part)), "{part} in {name}");
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
