//! Which media a target shows, and which a post keeps from being deleted.

use std::collections::BTreeSet;

use postbreeze_ids::MediaId;

use super::{PostStatus, TargetStatus};

/// What a target shows: media of its own, or else the post's.
#[must_use]
pub fn shown_media<'a, T>(of_post: &'a [T], of_target: &'a [T]) -> &'a [T] {
    if of_target.is_empty() { of_post } else { of_target }
}

/// The media that a post keeps. While it waits to go out: all it has. Once it goes out: what those targets show that are
/// not done with. What failed is asked for again when it is tried again.
#[must_use]
pub fn kept_media<'a>(
    status: PostStatus,
    of_post: &'a [MediaId],
    targets: impl Iterator<Item = (TargetStatus, &'a [MediaId])>,
) -> BTreeSet<MediaId> {
    match status {
        PostStatus::NeedsApproval | PostStatus::Scheduled => {
            of_post.iter().chain(targets.flat_map(|(_, own)| own)).copied().collect()
        }
        PostStatus::Publishing => targets
            .filter(|(status, _)| is_to_go(*status))
            .flat_map(|(_, own)| shown_media(of_post, own))
            .copied()
            .collect(),
        PostStatus::Draft
        | PostStatus::PartiallyPublished
        | PostStatus::Published
        | PostStatus::Failed
        | PostStatus::Canceled => BTreeSet::new(),
    }
}

fn is_to_go(status: TargetStatus) -> bool {
    match status {
        TargetStatus::Pending | TargetStatus::Publishing | TargetStatus::Unknown => true,
        TargetStatus::Published | TargetStatus::Failed | TargetStatus::Canceled => false,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use PostStatus::{NeedsApproval, Publishing, Scheduled};
    use TargetStatus::{Failed, Pending, Published, Unknown};

    fn media(numbers: &[u128]) -> Vec<MediaId> {
        numbers.iter().map(|number| MediaId::from_uuid(Uuid::from_u128(*number))).collect()
    }

    /// What a post with the media 2 and 1 keeps, that has these targets.
    fn kept(status: PostStatus, targets: &[(TargetStatus, &[u128])]) -> Vec<MediaId> {
        let of_post = media(&[2, 1]);
        let targets: Vec<_> = targets.iter().map(|(status, own)| (*status, media(own))).collect();
        let targets = targets.iter().map(|(status, own)| (*status, own.as_slice()));
        kept_media(status, &of_post, targets).into_iter().collect()
    }

    #[test]
    fn a_target_shows_its_own_media_or_the_posts() {
        assert_eq!(shown_media(&[1, 2], &[3]), [3]);
        assert_eq!(shown_media(&[1, 2], &[]), [1, 2]);
    }

    #[test]
    fn what_waits_to_go_out_keeps_all_it_has_and_what_is_over_nothing() {
        for status in PostStatus::ALL.iter().filter(|status| **status != Publishing) {
            let waits = matches!(status, NeedsApproval | Scheduled);
            let wanted = if waits { media(&[1, 2, 3, 4]) } else { vec![] };
            assert_eq!(
                kept(*status, &[(Pending, &[3, 1]), (Pending, &[4, 3])]),
                wanted,
                "{status}"
            );
        }
    }

    #[test]
    fn what_goes_out_keeps_what_is_shown_by_targets_that_are_not_done_with() {
        for status in TargetStatus::ALL {
            let wanted = if is_to_go(*status) { media(&[3]) } else { vec![] };
            assert_eq!(kept(Publishing, &[(*status, &[3]), (Published, &[])]), wanted, "{status}");
        }
        assert_eq!(kept(Publishing, &[(Failed, &[3]), (Unknown, &[])]), media(&[1, 2]));
    }
}
