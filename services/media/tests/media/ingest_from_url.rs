use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_proto::{
    status::Reason,
    v1::{IngestFromUrlRequest, Media, MediaKind, MediaStatus, Plan},
};
use postbreeze_testkit::web::Page;
use tonic::Code;

use crate::support::{
    PNG, System, User, Web, all_objects, change_plan, folder, from, get, ingest, invalid_fields,
    metadata, owner, refused, rows, stored, system, until_eq, video, violated_fields, web,
};

fn png() -> Page {
    Page::Bytes("text/plain", Bytes::from_static(PNG))
}

/// Nothing is stored, nothing counts, no row is left.
async fn nothing_is_left(system: &System) {
    assert_eq!(stored(system).await, 0);
    until_eq("nothing is left", 0, async || rows(system).await).await;
    assert_eq!(all_objects(system), Vec::<String>::new());
}

#[tokio::test]
async fn ingest_from_url_stores_what_a_url_has_under_the_name_it_has_there() {
    let system = system().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    let url = web.page("/pictures/red%20box.png", png());
    let place = folder(&owner.session, &id, "").await.unwrap().id;
    let request = IngestFromUrlRequest {
        alt_text: "A red box".to_owned(),
        folder_id: place.clone(),
        ..from(&id, &format!("{url}?size=1#fragment"))
    };
    let media = ingest(&owner.session, request).await.unwrap();
    assert_eq!((media.status(), media.kind()), (MediaStatus::Ready, MediaKind::Image));
    assert_eq!((media.filename.as_str(), media.alt_text.as_str()), ("red box.png", "A red box"));
    assert_eq!((&media.workspace_id, &media.folder_id), (&id, &place));
    assert_eq!((media.content_type.as_str(), media.size_bytes), ("image/png", 73));
    assert_eq!((media.width_px, media.height_px), (Some(3), Some(2)));
    assert_eq!(web::get(&media.download_url).await, (200, Bytes::from_static(PNG)));
    assert_eq!(web::get(&media.thumbnail_url).await.0, 200);
    assert_eq!(get(&owner.session, &media.id).await.unwrap(), media);
    assert_eq!(stored(&system).await, 73);
    // It is nothing that lapses.
    system.clock.turn(TimeDelta::days(2));
    let named = IngestFromUrlRequest { filename: "b.png".to_owned(), ..from(&id, &url) };
    assert_eq!(ingest(&owner.session, named).await.unwrap().filename, "b.png");
    let nameless = ingest(&owner.session, from(&id, &web.page("/", png()))).await.unwrap();
    assert_eq!(nameless.filename, "media");
    assert_eq!(get(&owner.session, &media.id).await.unwrap().status(), MediaStatus::Ready);
}

#[tokio::test]
async fn media_of_every_kind_can_be_fetched() {
    let system = system().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    let pdf = Bytes::from_static(b"%PDF-1.4\n%%EOF");
    for (bytes, kind) in [(video(), MediaKind::Video), (pdf, MediaKind::Document)] {
        let url = web.page("/file", Page::Bytes("application/octet-stream", bytes.clone()));
        let media = ingest(&owner.session, from(&id, &url)).await.unwrap();
        assert_eq!((media.kind(), media.filename.as_str()), (kind, "file"));
        assert_eq!(web::get(&media.download_url).await, (200, bytes));
    }
}

#[tokio::test]
async fn redirects_are_followed_to_where_may_be_fetched_from_and_to_nowhere_else() {
    let system = system().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    let picture = web.page("/a.png", png());
    let there = web.page("/there", Page::Redirect("/a.png".to_owned()));
    let again = web.page("/again", Page::Redirect(there));
    let media = ingest(&owner.session, from(&id, &again)).await.unwrap();
    // Called as it was asked for.
    assert_eq!(media.filename, "again");
    for to in ["http://169.254.169.254/latest", "http://10.0.0.1/", "http://localhost/"] {
        let url = web.page("/out", Page::Redirect(to.to_owned()));
        let status = refused(ingest(&owner.session, from(&id, &url)).await, Reason::UrlForbidden);
        assert_eq!(violated_fields(&status), ["url"]);
    }
    let around = web.page("/around", Page::Redirect("/around".to_owned()));
    assert_eq!(invalid_fields(ingest(&owner.session, from(&id, &around)).await), ["url"]);
    assert_eq!(stored(&system).await, 73);
    drop(picture);
}

#[tokio::test]
async fn addresses_that_are_not_public_are_forbidden() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    for url in [
        web.page("/a.png", png()).as_str(),
        "http://127.0.0.1/",
        "http://localhost/a.png",
        "http://[::1]/",
        "http://10.1.2.3/",
        "http://192.168.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0.0.0.0/",
        // Public, but not of the web.
        "https://93.184.215.14:22/a.png",
        "http://example.com:8080/a.png",
    ] {
        let status = refused(ingest(&owner.session, from(&id, url)).await, Reason::UrlForbidden);
        assert_eq!(violated_fields(&status), ["url"], "{url}");
    }
    nothing_is_left(&system).await;
}

#[tokio::test]
async fn a_url_that_cannot_be_fetched_is_invalid_and_leaves_nothing() {
    let system = system().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    for url in [
        "http://127.0.0.1:1/nobody-listens".to_owned(),
        "http://nowhere.invalid/".to_owned(),
        format!("{}/not-there", web.page("/a.png", png()).trim_end_matches("/a.png")),
        web.page("/error", Page::Status(500)),
        web.page("/empty", Page::Status(204)),
    ] {
        let answer = ingest(&owner.session, from(&id, &url)).await;
        let status = answer.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{url}: {status:?}");
        assert_eq!(violated_fields(&status), ["url"], "{url}");
    }
    nothing_is_left(&system).await;
}

#[tokio::test]
async fn what_is_no_medium_is_not_fetched_to_its_end() {
    let system = system().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    let html = Bytes::from(format!("<!doctype html>{}", " ".repeat(100_000)));
    for page in [Page::Bytes("image/jpeg", html.clone()), Page::Endless(html)] {
        let url = web.page("/a.jpg", page);
        let answer = ingest(&owner.session, from(&id, &url)).await;
        let status = refused(answer, Reason::MediaTypeUnsupported);
        assert_eq!(violated_fields(&status), ["url"]);
    }
    let broken = web.page("/b.png", Page::Bytes("image/png", Bytes::from_static(&PNG[..20])));
    assert_eq!(invalid_fields(ingest(&owner.session, from(&id, &broken)).await), ["url"]);
    nothing_is_left(&system).await;
}

#[tokio::test]
async fn what_does_not_end_within_the_deadline_is_given_up_and_leaves_nothing() {
    let system = system().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    let mut bytes = PNG.to_vec();
    bytes.resize(200_000, 0);
    let url = web.page("/a.png", Page::Endless(bytes.into()));
    let mut request = tonic::Request::new(from(&id, &url));
    request.set_timeout(Duration::from_millis(1_500));
    let answer = owner.session.media().ingest_from_url(request).await;
    assert_eq!(invalid_fields(answer), ["url"]);
    nothing_is_left(&system).await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing() {
    let system = system().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    let mut bytes = PNG.to_vec();
    bytes.resize(200_000, 0);
    let url = web.page("/a.png", Page::Endless(bytes.into()));
    let (client, request) = (owner.session.clone(), from(&id, &url));
    let call = tokio::spawn(async move { ingest(&client, request).await });
    until_eq("it is under way", 1, async || rows(&system).await).await;
    assert!(get(&owner.session, &only_row(&system).await).await.is_err());
    call.abort();
    until_eq("it has gone", 0, async || rows(&system).await).await;
    nothing_is_left(&system).await;
}

async fn only_row(system: &System) -> String {
    let id = sqlx::query_scalar("SELECT id FROM media").fetch_one(system.pool("media")).await;
    postbreeze_ids::MediaId::from_uuid(id.unwrap()).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_sixteen_are_fetched_at_once_and_of_one_owner_four() {
    let system = system().await;
    let owners = ["a", "b", "c", "d", "e"].map(async |name| {
        let owner = system.sign_up(name).await;
        let workspace = owner.session.create_workspace("Acme").await.unwrap();
        (owner, workspace.id)
    });
    let owners = join_all(owners).await;
    let web = Web::start().await;
    let mut bytes = PNG.to_vec();
    bytes.resize(100_000, 0);
    let url = web.page("/a.png", Page::Endless(bytes.into()));
    let png = web.page("/b.png", png());
    let begin = |(owner, id): &(User, String)| -> Vec<_> {
        let begin = || {
            let (client, request) = (owner.session.clone(), from(id, &url));
            tokio::spawn(async move { ingest(&client, request).await })
        };
        (0..4).map(|_| begin()).collect()
    };
    let fetch = async |(owner, id): &(User, String)| ingest(&owner.session, from(id, &png)).await;
    let mut calls = begin(&owners[0]);
    until_eq("four are under way", 4, async || rows(&system).await).await;
    // Although the call itself would last longer than those do.
    refused(fetch(&owners[0]).await, Reason::Overloaded);
    fetch(&owners[1]).await.unwrap();
    calls.extend(owners[1..4].iter().flat_map(begin));
    until_eq("sixteen are under way", 17, async || rows(&system).await).await;
    refused(fetch(&owners[4]).await, Reason::Overloaded);
    calls[0].abort();
    fetch(&owners[4]).await.unwrap();
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    until_eq("the others go", 2, async || rows(&system).await).await;
}

#[tokio::test]
async fn storage_limits_what_is_fetched() {
    let system = system().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    let url = web.page("/a.png", png());
    let room = |free: usize| 1_024 * 1_024 * 1_024 - free;
    let upload = owner.session.presign(&id, "a.mp4", "video/mp4", room(72)).await.unwrap();
    let status = refused(ingest(&owner.session, from(&id, &url)).await, Reason::PlanLimitStorage);
    assert_eq!(metadata(&status, "limit"), Some(room(0).to_string()));
    assert_eq!(metadata(&status, "current"), Some(room(72).to_string()));
    crate::support::delete(&owner.session, &upload.media.unwrap().id).await.unwrap();
    owner.session.presign(&id, "a.mp4", "video/mp4", room(73)).await.unwrap();
    ingest(&owner.session, from(&id, &url)).await.unwrap();
    // Not a byte is left: nothing is asked for.
    let status = refused(ingest(&owner.session, from(&id, &url)).await, Reason::PlanLimitStorage);
    assert_eq!(metadata(&status, "current"), Some(room(0).to_string()));
    assert_eq!(stored(&system).await, i64::try_from(room(0)).unwrap());
    change_plan(&owner, Plan::Pro).await;
    ingest(&owner.session, from(&id, &url)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ingestions_at_once_take_exactly_what_is_left() {
    let system = system().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    let url = web.page("/a.png", png());
    let left = 5 * PNG.len() + 10;
    let size = 1_024 * 1_024 * 1_024 - left;
    owner.session.presign(&id, "a.mp4", "video/mp4", size).await.unwrap();
    let answers = join_all((0..12).map(|_| ingest(&owner.session, from(&id, &url)))).await;
    let (made, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 5);
    for refusal in refusals {
        refused(refusal, Reason::PlanLimitStorage);
    }
    assert_eq!(stored(&system).await, i64::try_from(size + 5 * PNG.len()).unwrap());
    until_eq("the rest goes", 6, async || rows(&system).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_fetches_once_and_twins_leave_one_medium() {
    let system = system().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    let url = web.page("/a.png", png());
    let request = IngestFromUrlRequest { request_id: "once".to_owned(), ..from(&id, &url) };
    let answers = join_all((0..6).map(|_| ingest(&owner.session, request.clone()))).await;
    let answers: Vec<Media> = answers.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(stored(&system).await, 73);
    assert_eq!((web.asked(), rows(&system).await), (1, 1));
    drop(web);
    assert_eq!(ingest(&owner.session, request.clone()).await.unwrap(), answers[0]);
    let other = IngestFromUrlRequest { alt_text: "other".to_owned(), ..request };
    refused(ingest(&owner.session, other).await, Reason::RequestIdReused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_twin_waits_for_the_first_and_may_once_that_has_ended() {
    let system = system().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    let mut bytes = PNG.to_vec();
    bytes.resize(200_000, 0);
    let url = web.page("/a.png", Page::Endless(bytes.into()));
    let request = IngestFromUrlRequest { request_id: "once".to_owned(), ..from(&id, &url) };
    let (client, first) = (owner.session.clone(), request.clone());
    let first = tokio::spawn(async move { ingest(&client, first).await });
    until_eq("the first is under way", 1, async || web.asked()).await;
    let mut twin = tonic::Request::new(request.clone());
    twin.set_timeout(Duration::from_millis(1_500));
    let told = owner.session.media().ingest_from_url(twin).await;
    assert_eq!(refused(told, Reason::Overloaded).code(), Code::Unavailable);
    assert_eq!((web.asked(), rows(&system).await), (1, 1));
    let _ = web.page("/a.png", png());
    let (client, second) = (owner.session.clone(), request.clone());
    let second = tokio::spawn(async move { ingest(&client, second).await });
    first.abort();
    let media = second.await.unwrap().unwrap();
    assert_eq!((web.asked(), stored(&system).await), (2, 73));
    assert_eq!(ingest(&owner.session, request).await.unwrap(), media);
    assert_eq!(web.asked(), 2);
}

#[tokio::test]
async fn ingest_from_url_names_every_bad_field_at_once_and_knows_who_may() {
    let system = system().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    let bad = IngestFromUrlRequest {
        workspace_id: "x".to_owned(),
        url: "ftp://example.com/a.png".to_owned(),
        filename: "a/b".to_owned(),
        alt_text: "x".repeat(1_001),
        folder_id: "x".to_owned(),
        request_id: "x".repeat(65),
    };
    assert_eq!(
        invalid_fields(ingest(&team.owner.session, bad).await),
        ["alt_text", "filename", "folder_id", "request_id", "url", "workspace_id"]
    );
    let long = format!("https://example.com/{}", "a".repeat(2_048));
    for url in ["", "a.png", "//example.com", "https://", "http://a:b@example.com/", &long] {
        let answer = ingest(&team.owner.session, from(id, url)).await;
        assert_eq!(invalid_fields(answer), ["url"], "{url}");
    }
    let url = Web::start().await.page("/a.png", png());
    let reviewer = ingest(&team.reviewer.session, from(id, &url)).await;
    refused(reviewer, Reason::RoleInsufficient);
    let stranger = system.sign_up("stranger").await;
    refused(ingest(&stranger.session, from(id, &url)).await, Reason::WorkspaceOutOfReach);
    nothing_is_left(&system).await;
}
