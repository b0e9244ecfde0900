use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_proto::status::Reason;

use crate::support::{
    System, User, delete, hold, invalid_fields, keep, owner, picture, post, refused,
};

/// Whether posts use a medium: it is deleted when none does.
async fn is_used(owner: &User, media_id: &str) -> bool {
    match delete(&owner.session, media_id).await {
        Ok(()) => false,
        refusal => {
            refused(refusal, Reason::MediaInUse);
            true
        }
    }
}

#[tokio::test]
async fn what_a_post_keeps_stays_for_good_and_takes_the_place_of_what_it_held() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let a = picture(&owner.session, &id, "a.png").await.id;
    let b = picture(&owner.session, &id, "b.png").await.id;
    let post_id = post(&system, &owner);
    hold(&system, &post_id, 1, &[&a, &b]).await.unwrap();
    keep(&system, &post_id, 1, &[&a]).await.unwrap();
    assert!(!is_used(&owner, &b).await);
    system.clock.turn(TimeDelta::days(20));
    assert!(is_used(&owner, &a).await);
    keep(&system, &post_id, 2, &[]).await.unwrap();
    assert!(!is_used(&owner, &a).await);
}

#[tokio::test]
async fn what_is_said_late_or_again_changes_nothing() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let a = picture(&owner.session, &id, "a.png").await.id;
    let b = picture(&owner.session, &id, "b.png").await.id;
    let post_id = post(&system, &owner);
    keep(&system, &post_id, 2, &[&a]).await.unwrap();
    keep(&system, &post_id, 2, &[&a]).await.unwrap();
    keep(&system, &post_id, 2, &[&b]).await.unwrap();
    keep(&system, &post_id, 1, &[&b]).await.unwrap();
    assert!(is_used(&owner, &a).await);
    assert!(!is_used(&owner, &b).await);
}

#[tokio::test]
async fn a_hold_for_a_later_version_survives_what_is_said_of_an_earlier_one() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let a = picture(&owner.session, &id, "a.png").await.id;
    let post_id = post(&system, &owner);
    hold(&system, &post_id, 3, &[&a]).await.unwrap();
    keep(&system, &post_id, 2, &[]).await.unwrap();
    assert!(is_used(&owner, &a).await);
    keep(&system, &post_id, 3, &[&a]).await.unwrap();
    system.clock.turn(TimeDelta::days(4));
    assert!(is_used(&owner, &a).await);
    // Another post's word is none of its business.
    keep(&system, &post(&system, &owner), 9, &[]).await.unwrap();
    assert!(is_used(&owner, &a).await);
}

#[tokio::test]
async fn a_medium_that_has_gone_is_not_kept_and_the_others_are() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let a = picture(&owner.session, &id, "a.png").await.id;
    let b = picture(&owner.session, &id, "b.png").await.id;
    delete(&owner.session, &b).await.unwrap();
    keep(&system, &post(&system, &owner), 1, &[&a, &b]).await.unwrap();
    assert!(is_used(&owner, &a).await);
    assert_eq!(invalid_fields(keep(&system, "x", 0, &[]).await), ["post_id", "post_version"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_held_and_kept_at_once_the_last_word_counts() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let mut media = Vec::new();
    for _ in 0..4 {
        media.push(picture(&owner.session, &id, "a.png").await.id);
    }
    let post_id = post(&system, &owner);
    let (system, post_id, media) = (&system, &post_id, &media);
    let work = (1..=24_i64).map(|version| async move {
        let own = &media[usize::try_from(version % 4).unwrap()];
        if version == 24 {
            return keep(system, post_id, 24, &[&media[0]]).await.unwrap();
        }
        hold(system, post_id, version, &[&media[0], own]).await.ok();
        keep(system, post_id, version, &[own]).await.unwrap();
    });
    join_all(work).await;
    assert!(is_used(&owner, &media[0]).await);
    for unused in &media[1..] {
        assert!(!is_used(&owner, unused).await);
    }
}
