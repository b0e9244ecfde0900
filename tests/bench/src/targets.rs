//! What is measured, and the references.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use postbreeze_context::{
    Caller,
    token::{Audience, CONTEXT},
};
use postbreeze_ids::{Post as PostKind, UserId};
use postbreeze_proto::{
    time::to_proto,
    v1::{
        CreatePostRequest, GetMediaRequest, GetPostRequest, GetPostResponse, ListPostsRequest,
        Post, PostTarget,
        post_service_client::PostServiceClient,
        post_service_server::{PostService, PostServiceServer},
    },
};
use postbreeze_runtime::{Environment, clock::Clock};
use postbreeze_testkit::{draft, web::PNG};
use postbreeze_tests::processes::Processes;
use tonic::{
    Request, Response, Status,
    transport::{Channel, Endpoint, Server},
};
use uuid::Uuid;

use crate::{
    Failure,
    load::Target,
    scene::{Library, Reacher, Scene},
};

pub(crate) const ECHO: &str = "E: bare tonic echo";
pub(crate) const INSERT: &str = "I: plain INSERT";
pub(crate) const GET_AT_OWNER: &str = "GetPost at the owner";
pub(crate) const GET: &str = "GetPost";
pub(crate) const GET_ALONE: &str = "GetPost, one process";
pub(crate) const CREATE: &str = "CreatePost with a schedule";
pub(crate) const CREATE_ALONE: &str = "CreatePost, one process";
pub(crate) const PRESIGN: &str = "PresignUpload";
pub(crate) const GET_MEDIA: &str = "GetMedia, with a signed URL";
pub(crate) const LISTS: [&str; 4] = [
    "ListPosts over 1 workspace",
    "ListPosts over 10",
    "ListPosts over 100",
    "ListPosts over 1,000",
];

const READERS: usize = 16;
const WRITERS: usize = 8;
const LISTERS: usize = 4;
const CONNECTIONS: usize = 4;
const PAGE: i32 = 50;

/// Every target, the references first.
pub(crate) fn all(processes: &Processes, scene: &Scene, echo: u16) -> Result<Vec<Target>, Failure> {
    let mut targets = vec![
        echo_target(echo)?,
        insert_target(scene),
        get_at_owner(processes, &scene.reachers[0])?,
        get(GET, &scene.reachers[0]),
        get(GET_ALONE, &scene.alone),
        // Over several workspaces of one owner, whose counter all of them share.
        create(CREATE, scene, &scene.reachers[1]),
        create(CREATE_ALONE, scene, &scene.alone),
        presign(&scene.reachers[0], &scene.library),
        get_media(&scene.reachers[0], &scene.library),
    ];
    for (name, reacher) in LISTS.into_iter().zip(&scene.reachers) {
        targets.push(list(name, reacher));
    }
    Ok(targets)
}

struct Echo(Post);

#[tonic::async_trait]
impl PostService for Echo {
    async fn get_post(
        &self,
        _: Request<GetPostRequest>,
    ) -> Result<Response<GetPostResponse>, Status> {
        Ok(Response::new(GetPostResponse { post: Some(self.0.clone()) }))
    }
}

/// Serves reference E until the process is killed.
pub(crate) async fn serve_echo(port: u16) -> Result<(), Failure> {
    let id = "post_01h455vb4pex5vsknk084sn02q".to_owned();
    let now = Some(to_proto(Clock::system().now()));
    let post = Post {
        id: id.clone(),
        workspace_id: id.clone(),
        author_user_id: id.clone(),
        created_via_key_id: id.clone(),
        status: 1,
        content: "x".repeat(300),
        timezone: "UTC".to_owned(),
        targets: vec![PostTarget {
            id: id.clone(),
            account_id: id,
            platform: 12,
            status: 1,
            ..Default::default()
        }],
        etag: "v1".to_owned(),
        create_time: now,
        update_time: now,
        ..Default::default()
    };
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Ok(Server::builder().add_service(PostServiceServer::new(Echo(post))).serve(address).await?)
}

fn channels(port: u16) -> Result<Vec<Channel>, Failure> {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?;
    Ok((0..CONNECTIONS).map(|_| endpoint.connect_lazy()).collect())
}

fn echo_target(port: u16) -> Result<Target, Failure> {
    let clients: Vec<_> = channels(port)?.into_iter().map(PostServiceClient::new).collect();
    Ok(Target::new(ECHO, READERS, move |caller| {
        let mut client = clients[caller % CONNECTIONS].clone();
        async move {
            client.get_post(GetPostRequest::default()).await?;
            Ok(())
        }
    }))
}

fn insert_target(scene: &Scene) -> Target {
    let (pool, content, now) = (scene.plain.clone(), scene.content.clone(), scene.now);
    let minter = Environment::new(Clock::system()).minter;
    let some = Uuid::from_u128(7);
    Target::new(INSERT, WRITERS, move |_| {
        let (pool, content) = (pool.clone(), content.clone());
        let bucket = postbreeze_ids::Bucket::random(&mut rand::rng());
        let id = minter.mint::<PostKind>(bucket).uuid();
        async move {
            sqlx::query(
                "INSERT INTO plain (
                    bucket, id, workspace_id, author_user_id, account_id, content, scheduled_time, create_time
                )
                VALUES ($1, $2, $3, $3, $3, $4, $5, $5)",
            )
            .bind(bucket.as_i16())
            .bind(id)
            .bind(some)
            .bind(content)
            .bind(now)
            .execute(&pool)
            .await?;
            Ok(())
        }
    })
}

fn next_of(ids: &[String]) -> impl Fn() -> String + Send + Sync + 'static {
    let (ids, next) = (Arc::new(ids.to_vec()), AtomicUsize::new(0));
    move || ids[next.fetch_add(1, Ordering::Relaxed) % ids.len()].clone()
}

fn get_at_owner(processes: &Processes, reacher: &Reacher) -> Result<Target, Failure> {
    let issuer = processes.issuer(Clock::system());
    let user_id: UserId = reacher.user.id().parse()?;
    let caller = Caller::Session { user_id, session_id: Uuid::from_u128(7) };
    let clients: Vec<_> =
        channels(processes.port("posts"))?.into_iter().map(PostServiceClient::new).collect();
    let next = next_of(&reacher.post_ids);
    Ok(Target::new(GET_AT_OWNER, READERS, move |number| {
        let mut client = clients[number % CONNECTIONS].clone();
        let mut request = Request::new(GetPostRequest { post_id: next(), ..Default::default() });
        let asked = &["accounts", "identity", "workspaces"];
        let token = issuer.token(&caller, Audience { serves: Some("posts"), asked });
        async move {
            request.metadata_mut().as_mut().insert(CONTEXT, token?);
            client.get_post(request).await?;
            Ok(())
        }
    }))
}

fn get(name: &'static str, reacher: &Reacher) -> Target {
    let (key, next) = (reacher.key.clone(), next_of(&reacher.post_ids));
    Target::new(name, READERS, move |_| {
        let (mut client, post_id) = (key.posts(), next());
        async move {
            client.get_post(GetPostRequest { post_id, ..Default::default() }).await?;
            Ok(())
        }
    })
}

fn create(name: &'static str, scene: &Scene, reacher: &Reacher) -> Target {
    let (key, next) = (reacher.key.clone(), next_of(&reacher.account_ids));
    let (content, at) = (scene.content.clone(), to_proto(scene.tomorrow()));
    Target::new(name, WRITERS, move |_| {
        let key = key.clone();
        let request = CreatePostRequest { scheduled_for: Some(at), ..draft(&content, &next()) };
        async move {
            key.create_post(request).await?;
            Ok(())
        }
    })
}

/// Registers uploads, each of which is given a URL.
fn presign(reacher: &Reacher, library: &Library) -> Target {
    let (key, workspace_id) = (reacher.key.clone(), library.workspace_id.clone());
    Target::new(PRESIGN, READERS, move |_| {
        let (key, workspace_id) = (key.clone(), workspace_id.clone());
        async move {
            key.presign(&workspace_id, "picture.png", "image/png", PNG.len()).await?;
            Ok(())
        }
    })
}

/// Reads what can be seen at a URL, which is made for each answer.
fn get_media(reacher: &Reacher, library: &Library) -> Target {
    let (key, media_id) = (reacher.key.clone(), library.media_id.clone());
    Target::new(GET_MEDIA, READERS, move |_| {
        let (mut client, media_id) = (key.media(), media_id.clone());
        async move {
            client.get_media(GetMediaRequest { media_id, ..Default::default() }).await?;
            Ok(())
        }
    })
}

fn list(name: &'static str, reacher: &Reacher) -> Target {
    let key = reacher.key.clone();
    Target::new(name, LISTERS, move |_| {
        let mut client = key.posts();
        async move {
            let request = ListPostsRequest { page_size: PAGE, ..Default::default() };
            let page = client.list_posts(request).await?.into_inner();
            if page.posts.len() == usize::try_from(PAGE)? {
                Ok(())
            } else {
                Err(format!("a page of {} posts", page.posts.len()).into())
            }
        }
    })
}
