use postbreeze_ids::Folder;
use postbreeze_proto::{
    status::Reason,
    v1::{ListMediaRequest, MediaKind, MoveMediaRequest, UpdateMediaRequest},
};

use crate::support::{
    Client, PNG, System, all_of, delete, folder, invalid_fields, owner, picture, refused, unknown,
};

const PDF: &[u8] = b"%PDF-1.4\n%%EOF";

/// The filenames of a list's first page.
async fn names(client: &Client, request: ListMediaRequest) -> Vec<String> {
    let answer = client.media().list_media(request).await.unwrap().into_inner();
    answer.media.into_iter().map(|media| media.filename).collect()
}

#[tokio::test]
async fn list_media_shows_the_workspace_alone_newest_first_with_what_is_pending() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    let other = team.owner.session.create_workspace("Other").await.unwrap().id;
    picture(&team.owner.session, &other, "other.png").await;
    picture(&team.owner.session, id, "first.png").await;
    team.editor.session.presign(id, "second.png", "image/png", PNG.len()).await.unwrap();
    let third = picture(&team.editor.session, id, "third.png").await;
    let listed = names(&team.reviewer.session, all_of(id)).await;
    assert_eq!(listed, ["third.png", "second.png", "first.png"]);
    delete(&team.editor.session, &third.id).await.unwrap();
    assert_eq!(names(&team.reviewer.session, all_of(id)).await, ["second.png", "first.png"]);
    let stranger = system.sign_up("stranger").await;
    let foreign = stranger.session.media().list_media(all_of(id)).await;
    refused(foreign, Reason::WorkspaceOutOfReach);
}

#[tokio::test]
async fn list_media_pages_each_row_once_whatever_comes_meanwhile() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    for n in 0..7 {
        owner.session.presign(&id, &format!("{n}"), "image/png", 1).await.unwrap();
    }
    for page_size in [1, 2, 3] {
        let (mut seen, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListMediaRequest { page_size, page_token, ..all_of(&id) };
            let page = owner.session.media().list_media(request).await.unwrap().into_inner();
            assert!(page.media.len() <= usize::try_from(page_size).unwrap());
            seen.extend(page.media.into_iter().map(|media| media.filename));
            if page.next_page_token.is_empty() {
                break;
            }
            page_token = page.next_page_token;
            owner.session.presign(&id, "new", "image/png", 1).await.unwrap();
        }
        seen.retain(|name| name != "new");
        assert_eq!(seen, ["6", "5", "4", "3", "2", "1", "0"]);
    }
}

#[tokio::test]
async fn list_media_filters_by_kind_and_by_part_of_the_filename_as_it_is_written() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    for name in ["Été_100%.PNG", "other.png", "a\"b.png"] {
        picture(&owner.session, &id, name).await;
    }
    owner.session.upload(&id, "price_list.pdf", "application/pdf", PDF).await.unwrap();
    let containing = async |part: &str| {
        let filename_contains = part.to_owned();
        names(&owner.session, ListMediaRequest { filename_contains, ..all_of(&id) }).await
    };
    assert_eq!(containing("éTÉ").await, ["Été_100%.PNG"]);
    assert_eq!(containing("%").await, ["Été_100%.PNG"]);
    assert_eq!(containing("_").await, ["price_list.pdf", "Été_100%.PNG"]);
    assert_eq!(containing("\\").await, Vec::<String>::new());
    assert_eq!(containing("PNG").await.len(), 3);
    assert_eq!(containing("").await.len(), 4);
    let of_kind = async |kind: MediaKind| {
        names(&owner.session, ListMediaRequest { kind: kind.into(), ..all_of(&id) }).await
    };
    assert_eq!(of_kind(MediaKind::Document).await, ["price_list.pdf"]);
    assert_eq!(of_kind(MediaKind::Image).await.len(), 3);
    assert_eq!(of_kind(MediaKind::Video).await.len(), 0);
    // Renamed, it is found by its new name.
    let listed = owner.session.media().list_media(all_of(&id)).await.unwrap().into_inner();
    let request = UpdateMediaRequest {
        media_id: listed.media[0].id.clone(),
        filename: "ÜBER.pdf".to_owned(),
        ..Default::default()
    };
    owner.session.media().update_media(request).await.unwrap();
    assert_eq!(containing("über").await, ["ÜBER.pdf"]);
    assert_eq!(containing("price").await.len(), 0);
}

#[tokio::test]
async fn list_media_looks_everywhere_at_the_top_or_in_one_folder() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    let outer = folder(client, &id, "").await.unwrap().id;
    let inner = folder(client, &id, &outer).await.unwrap().id;
    for (name, place) in [("top", ""), ("outer", outer.as_str()), ("inner", inner.as_str())] {
        let media = picture(client, &id, name).await;
        let request = MoveMediaRequest {
            media_id: media.id,
            folder_id: place.to_owned(),
            ..Default::default()
        };
        client.media().move_media(request).await.unwrap();
    }
    let within = async |place: Option<&str>| {
        let folder_id = place.map(str::to_owned);
        names(client, ListMediaRequest { folder_id, ..all_of(&id) }).await
    };
    assert_eq!(within(None).await, ["inner", "outer", "top"]);
    assert_eq!(within(Some("")).await, ["top"]);
    assert_eq!(within(Some(&outer)).await, ["outer"]);
    assert_eq!(within(Some(&inner)).await, ["inner"]);
    let other = client.create_workspace("Other").await.unwrap().id;
    let elsewhere = folder(client, &other, "").await.unwrap().id;
    let request = ListMediaRequest { folder_id: Some(elsewhere), ..all_of(&id) };
    assert_eq!(invalid_fields(client.media().list_media(request).await), ["folder_id"]);
    let request = ListMediaRequest { folder_id: Some(unknown::<Folder>()), ..all_of(&id) };
    refused(client.media().list_media(request).await, Reason::ResourceNotFound);
    let request = ListMediaRequest { folder_id: Some(other), ..all_of(&id) };
    assert_eq!(invalid_fields(client.media().list_media(request).await), ["folder_id"]);
}

#[tokio::test]
async fn list_media_names_every_bad_field_and_binds_its_tokens_to_the_filter() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    for name in ["a", "b"] {
        owner.session.presign(&id, name, "image/png", 1).await.unwrap();
    }
    let bad = ListMediaRequest {
        workspace_id: String::new(),
        page_size: -1,
        page_token: "x".to_owned(),
        folder_id: Some("x".to_owned()),
        kind: 99,
        filename_contains: "x".repeat(256),
    };
    assert_eq!(
        invalid_fields(owner.session.media().list_media(bad).await),
        ["filename_contains", "folder_id", "kind", "page_size", "page_token", "workspace_id"]
    );
    let first = ListMediaRequest { page_size: 1, ..all_of(&id) };
    let page = owner.session.media().list_media(first).await.unwrap().into_inner();
    for filtered in [
        ListMediaRequest { folder_id: Some(String::new()), ..all_of(&id) },
        ListMediaRequest { kind: MediaKind::Image.into(), ..all_of(&id) },
        ListMediaRequest { filename_contains: "a".to_owned(), ..all_of(&id) },
    ] {
        let page_token = page.next_page_token.clone();
        let request = ListMediaRequest { page_token, ..filtered };
        refused(owner.session.media().list_media(request).await, Reason::PageTokenInvalid);
    }
}

#[tokio::test]
async fn a_filter_looks_at_so_many_media_per_page_and_still_finds_them_all() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    let place = folder(client, &id, "").await.unwrap().id;
    picture(client, &id, "needle 1.png").await;
    // More than two pages look at, as they were made one after another.
    let copies = "
        INSERT INTO media
        SELECT (jsonb_populate_record(medium, jsonb_build_object(
            'id', overlay(medium.id::TEXT PLACING lpad(to_hex(n), 12, '0') FROM 25),
            'filename_folded', 'hay',
            'charged_bytes', 0
        ))).*
        FROM media AS medium, generate_series(1, 20500) AS n";
    sqlx::query("UPDATE media SET id = overlay(id::TEXT PLACING '000000000000' FROM 25)::UUID")
        .execute(system.pool("media"))
        .await
        .unwrap();
    sqlx::query(copies).execute(system.pool("media")).await.unwrap();
    picture(client, &id, "needle 2.png").await;
    let needles = ListMediaRequest { filename_contains: "NEEDLE".to_owned(), ..all_of(&id) };
    let documents = ListMediaRequest { kind: MediaKind::Document.into(), ..all_of(&id) };
    let at_the_top = ListMediaRequest { folder_id: Some(String::new()), ..needles.clone() };
    let in_a_folder = ListMediaRequest { folder_id: Some(place), ..needles.clone() };
    for (filter, pages) in [
        (needles, vec![vec!["needle 2.png"], vec![], vec!["needle 1.png"]]),
        (documents, vec![vec![], vec![], vec![]]),
        (at_the_top, vec![vec!["needle 2.png"], vec![], vec!["needle 1.png"]]),
        (in_a_folder, vec![vec![]]),
    ] {
        let (mut got, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListMediaRequest { page_token, ..filter.clone() };
            let page = client.media().list_media(request).await.unwrap().into_inner();
            got.push(page.media.into_iter().map(|media| media.filename).collect::<Vec<_>>());
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(got, pages);
    }
}
