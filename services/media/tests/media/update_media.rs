use chrono::TimeDelta;
use postbreeze_ids::Media as MediaOfId;
use postbreeze_proto::{
    status::Reason,
    time::to_proto,
    v1::{Media, UpdateMediaRequest},
};
use prost_types::FieldMask;
use tonic::Status;

use crate::support::{Client, System, get, invalid_fields, owner, picture, refused, unknown};

async fn update(client: &Client, request: UpdateMediaRequest) -> Result<Media, Status> {
    Ok(client.media().update_media(request).await?.into_inner().media.unwrap())
}

fn of(media_id: &str) -> UpdateMediaRequest {
    UpdateMediaRequest { media_id: media_id.to_owned(), ..Default::default() }
}

fn mask(paths: &[&str]) -> FieldMask {
    FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }
}

#[tokio::test]
async fn update_media_changes_what_is_set_or_what_the_mask_names() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = picture(&owner.session, &id, "a.png").await;
    system.clock.turn(TimeDelta::minutes(1));
    let request = UpdateMediaRequest { alt_text: "A red\nbox".to_owned(), ..of(&media.id) };
    let changed = update(&owner.session, request).await.unwrap();
    assert_eq!((changed.filename.as_str(), changed.alt_text.as_str()), ("a.png", "A red\nbox"));
    assert_eq!(changed.create_time, media.create_time);
    assert_eq!(changed.update_time, Some(to_proto(system.clock.now())));
    assert_eq!(get(&owner.session, &media.id).await.unwrap(), changed);
    // Named in the mask, an empty description is none; what is not named stays.
    let request = UpdateMediaRequest {
        filename: "b.png".to_owned(),
        update_mask: Some(mask(&["alt_text"])),
        ..of(&media.id)
    };
    let changed = update(&owner.session, request).await.unwrap();
    assert_eq!((changed.filename.as_str(), changed.alt_text.as_str()), ("a.png", ""));
    let request = UpdateMediaRequest { filename: "b.png".to_owned(), ..of(&media.id) };
    assert_eq!(update(&owner.session, request).await.unwrap().filename, "b.png");
}

#[tokio::test]
async fn update_media_names_every_bad_field_and_changes_nothing() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = picture(&owner.session, &id, "a.png").await;
    let bad = UpdateMediaRequest {
        media_id: "x".to_owned(),
        filename: "a\u{202e}b".to_owned(),
        alt_text: "x".repeat(1_001),
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(update(&owner.session, bad).await),
        ["alt_text", "filename", "media_id"]
    );
    for (update_mask, filename, wrong) in [
        (None, "", "update_mask"),
        (Some(mask(&["kind"])), "b.png", "update_mask"),
        (Some(mask(&["filename"])), "", "filename"),
        (Some(mask(&["filename"; 21])), "b.png", "update_mask"),
    ] {
        let filename = filename.to_owned();
        let request = UpdateMediaRequest { filename, update_mask, ..of(&media.id) };
        assert_eq!(invalid_fields(update(&owner.session, request).await), [wrong]);
    }
    assert_eq!(get(&owner.session, &media.id).await.unwrap(), media);
}

#[tokio::test]
async fn only_writers_change_media_and_only_their_own() {
    let system = System::start().await;
    let team = system.team().await;
    let media = picture(&team.editor.session, &team.workspace.id, "a.png").await;
    let request = UpdateMediaRequest { filename: "b.png".to_owned(), ..of(&media.id) };
    let reviewer = update(&team.reviewer.session, request.clone()).await;
    refused(reviewer, Reason::RoleInsufficient);
    let stranger = system.sign_up("stranger").await;
    let foreign = update(&stranger.session, request.clone()).await;
    refused(foreign, Reason::WorkspaceOutOfReach);
    let nobody = UpdateMediaRequest { media_id: unknown::<MediaOfId>(), ..request };
    refused(update(&team.owner.session, nobody).await, Reason::ResourceNotFound);
    assert_eq!(get(&team.owner.session, &media.id).await.unwrap(), media);
}
