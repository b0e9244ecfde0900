//! What becomes of the media of a workspace that is deleted.

use std::time::Duration;

use futures_util::future::join;
use postbreeze_proto::{status::Reason, v1::DeleteWorkspaceRequest};
use tonic::Code;

use crate::support::{
    PNG, System, User, Web, all_objects, all_of, folder, from, get, hold, keep, objects, owner,
    picture, post, refused, stored, system, until_eq, until_that, web,
};

async fn delete(owner: &User, workspace_id: &str) {
    let request = DeleteWorkspaceRequest { workspace_id: workspace_id.to_owned() };
    owner.session.workspaces().delete_workspace(request).await.unwrap();
}

/// Waits until media has dealt with every deletion there was.
async fn until_followed(system: &System) {
    let written: i64 = sqlx::query_scalar("SELECT position FROM workspace_log_head")
        .fetch_one(system.pool("workspaces"))
        .await
        .unwrap();
    let read = async || {
        let read = sqlx::query_scalar::<_, i64>("SELECT position FROM workspace_log_position");
        read.fetch_one(system.pool("media")).await.unwrap()
    };
    until_that(&format!("media follows the log to {written}"), read, |read| *read >= written).await;
}

#[tokio::test]
async fn a_deletion_gives_the_storage_back_and_deletes_the_bytes() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let kept = owner.session.create_workspace("Kept").await.unwrap().id;
    let other = picture(&owner.session, &kept, "kept.png").await;
    let media = picture(&owner.session, &id, "a.png").await;
    let place = folder(&owner.session, &id, "").await.unwrap();
    keep(&system, &post(&system, &owner), 1, &[&media.id]).await.unwrap();
    let upload = owner.session.presign(&id, "b.png", "image/png", 1_000).await.unwrap();
    delete(&owner, &id).await;
    until_followed(&system).await;
    assert_eq!(stored(&system).await, 73);
    until_that("the bytes go", async || objects(&system, &media.id), Vec::is_empty).await;
    assert_eq!(objects(&system, &other.id).len(), 2);
    // An id of a deleted workspace is told as out of reach, for ever.
    system.clock.turn(chrono::TimeDelta::days(2));
    until_eq("nothing is due", 0, async || due(&system).await).await;
    for media_id in [&media.id, &upload.media.unwrap().id] {
        refused(get(&owner.session, media_id).await, Reason::WorkspaceOutOfReach);
    }
    refused(folder(&owner.session, &id, &place.id).await, Reason::WorkspaceOutOfReach);
    refused(owner.session.media().list_media(all_of(&id)).await, Reason::WorkspaceOutOfReach);
    let held = hold(&system, &post(&system, &owner), 1, &[&media.id]).await;
    refused(held, Reason::ResourceNotFound);
    assert_eq!(stored(&system).await, 73);
}

#[tokio::test]
async fn posts_of_a_deleted_workspace_keep_nothing_any_more() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let kept = owner.session.create_workspace("Kept").await.unwrap().id;
    let [a, b] = [picture(&owner.session, &id, "a").await, picture(&owner.session, &id, "b").await];
    let other = picture(&owner.session, &kept, "kept.png").await;
    keep(&system, &post(&system, &owner), 1, &[&a.id, &b.id]).await.unwrap();
    keep(&system, &post(&system, &owner), 1, &[&other.id]).await.unwrap();
    delete(&owner, &id).await;
    until_followed(&system).await;
    // By then nothing can bring their bytes back.
    system.clock.turn(chrono::TimeDelta::minutes(32));
    let counts = "
        SELECT
            (SELECT count(*) FROM media_posts WHERE keeps_any),
            (SELECT count(*) FROM media_uses)";
    until_eq("what they kept is forgotten", (1, 1), async || {
        let counted = sqlx::query_as::<_, (i64, i64)>(counts);
        counted.fetch_one(system.pool("media")).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_medium_that_is_being_fetched_then_leaves_nothing_behind() {
    let system = system().await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    let mut bytes = PNG.to_vec();
    bytes.resize(100_000, 0);
    let url = web.page("/a.png", web::Page::Endless(bytes.into()));
    let client = owner.session.clone();
    let request = from(&id, &url);
    let call = tokio::spawn(async move {
        let mut request = tonic::Request::new(request);
        request.set_timeout(Duration::from_secs(3));
        client.media().ingest_from_url(request).await
    });
    until_that("bytes have come", async || all_objects(&system), |seen| !seen.is_empty()).await;
    delete(&owner, &id).await;
    until_followed(&system).await;
    let status = call.await.unwrap().unwrap_err();
    assert!(!matches!(status.code(), Code::Internal | Code::Unknown), "{status:?}");
    system.clock.turn(chrono::TimeDelta::minutes(10));
    until_eq("nothing is due", 0, async || due(&system).await).await;
    assert_eq!(all_objects(&system), Vec::<String>::new());
    assert_eq!(stored(&system).await, 0);
}

/// Media whose bytes are to be deleted, now or later.
async fn due(system: &System) -> i64 {
    let due = "SELECT count(*) FROM media WHERE purge_time IS NOT NULL";
    sqlx::query_scalar(due).fetch_one(system.pool("media")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn uploading_while_the_workspace_is_deleted_leaves_nothing_behind() {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    for round in 0_u64..12 {
        let id = owner.session.create_workspace("Acme").await.unwrap().id;
        let upload = async {
            tokio::time::sleep(Duration::from_millis(round)).await;
            owner.session.upload(&id, "a.png", "image/png", PNG).await
        };
        let ((), uploaded) = join(delete(&owner, &id), upload).await;
        if let Err(status) = uploaded {
            refused(Err::<(), _>(status), Reason::WorkspaceOutOfReach);
        }
        until_followed(&system).await;
        assert_eq!(stored(&system).await, 0);
    }
}

#[tokio::test]
async fn one_who_was_admitted_before_the_deletion_puts_nothing_in_after_it() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    picture(&owner.session, &id, "a.png").await;
    // Whoever puts something in waits until this transaction ends: admitted, and nothing written yet.
    let mut holding = system.pool("media").begin().await.unwrap();
    sqlx::query("SELECT FROM media_workspaces FOR UPDATE").execute(&mut *holding).await.unwrap();
    let (client, workspace_id) = (owner.session.clone(), id.clone());
    let call = tokio::spawn(async move {
        client.presign(&workspace_id, "b.png", "image/png", 1).await.map(drop)
    });
    until_eq("one call waits for a lock", 1_i64, async || {
        let waiting = "
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        sqlx::query_scalar(waiting).fetch_one(system.pool("media")).await.unwrap()
    })
    .await;
    delete(&owner, &id).await;
    sqlx::query("UPDATE media_workspaces SET delete_time = $1")
        .bind(system.clock.now())
        .execute(&mut *holding)
        .await
        .unwrap();
    holding.commit().await.unwrap();
    refused(call.await.unwrap(), Reason::WorkspaceOutOfReach);
    until_followed(&system).await;
    assert_eq!(stored(&system).await, 0);
}

#[tokio::test]
async fn one_who_was_admitted_before_the_deletion_is_told_that_it_is_out_of_reach() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = picture(&owner.session, &id, "a.png").await;
    // As it is for whom the workspace is still in reach when media has followed its deletion.
    let followed = "
        WITH buried AS (UPDATE media_workspaces SET delete_time = $1)
        UPDATE media SET delete_time = $1, charged_bytes = 0";
    let now = system.clock.now();
    sqlx::query(followed).bind(now).execute(system.pool("media")).await.unwrap();
    refused(get(&owner.session, &media.id).await, Reason::WorkspaceOutOfReach);
    let completed = owner.session.complete_upload(&media.id).await;
    refused(completed, Reason::WorkspaceOutOfReach);
}

/// From now on what is learnt of a workspace's deletion cannot be written down.
async fn refuse_deletion(system: &System, workspace_id: &str) {
    let statement = "
        CREATE TABLE refused (workspace_id UUID NOT NULL);
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM refused WHERE refused.workspace_id = NEW.workspace_id) THEN
                RAISE EXCEPTION 'refused by the test';
            END IF;
            RETURN NEW;
        END
        $$;
        CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON media_workspaces
        FOR EACH ROW EXECUTE FUNCTION refuse();";
    let pool = system.pool("media");
    sqlx::raw_sql(statement).execute(pool).await.unwrap();
    sqlx::query("INSERT INTO refused VALUES ($1)")
        .bind(workspace_id.parse::<postbreeze_ids::WorkspaceId>().unwrap().uuid())
        .execute(pool)
        .await
        .unwrap();
}

async fn set_aside(system: &System) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM failed_log_entries")
        .fetch_one(system.pool("media"))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_deletion_that_fails_holds_up_no_other_and_is_made_up_for() {
    let system = System::start().await;
    let (owner, first) = owner(&system).await;
    let second = owner.session.create_workspace("Second").await.unwrap().id;
    for workspace in [&first, &second] {
        picture(&owner.session, workspace, "a.png").await;
    }
    let both = stored(&system).await;
    refuse_deletion(&system, &first).await;
    delete(&owner, &first).await;
    delete(&owner, &second).await;
    until_followed(&system).await;
    assert_eq!((set_aside(&system).await, stored(&system).await * 2), (1, both));
    let mend = "DELETE FROM refused";
    sqlx::query(mend).execute(system.pool("media")).await.unwrap();
    system.clock.turn(chrono::TimeDelta::minutes(6));
    until_eq("the first is released", 0, async || stored(&system).await).await;
    until_eq("nothing is set aside", 0, async || set_aside(&system).await).await;
}

/// More media than one step deletes, and some that were deleted before.
#[tokio::test]
async fn a_deletion_takes_a_large_library_step_by_step() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let medium = picture(&owner.session, &id, "a.png").await;
    let copies = "
        INSERT INTO media
        SELECT (jsonb_populate_record(medium, jsonb_build_object('id', (
            substr(medium.id::TEXT, 1, 24) || lpad(to_hex(number), 12, '0'))::UUID,
            'charged_bytes', 0, 'purge_time', NULL
        ))).*
        FROM media AS medium, generate_series(1, 450) AS number
        WHERE medium.id = $1";
    let media_id: postbreeze_ids::MediaId = medium.id.parse().unwrap();
    sqlx::query(copies).bind(media_id.uuid()).execute(system.pool("media")).await.unwrap();
    delete(&owner, &id).await;
    until_followed(&system).await;
    let left = "SELECT count(*) FROM media WHERE delete_time IS NULL";
    let left: i64 = sqlx::query_scalar(left).fetch_one(system.pool("media")).await.unwrap();
    assert_eq!((left, stored(&system).await), (0, 0));
}
