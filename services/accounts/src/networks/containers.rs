//! Publishing through containers, as Instagram and Threads do: make one, wait until the network has taken the media in,
//! publish it. A container is published once at the most, and its id is kept before it is: what was sent can be found, and
//! sending it again sends nothing twice.

use std::time::Duration;

use chrono::TimeDelta;
use postbreeze_proto::internal::v1::PublishRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Failure, Found, Outcome, Progress, Sent, Session,
    http::Problem,
    meta::{Created, Graph, Page, time},
    steps::{Listed, Ready, absent, in_progress, same_text, since, until_ready},
};

/// How often a container is asked for.
const ASK_EVERY: Duration = Duration::from_secs(3);
const LOOK_AFTER: Duration = Duration::from_secs(30);
/// The quota is of a day; it frees up bit by bit.
const QUOTA_WAIT: Duration = Duration::from_hours(1);
/// The network lists what it published sooner than this.
const LISTED_WITHIN: TimeDelta = TimeDelta::minutes(5);
/// Posts of an account that are looked through.
const RECENT: usize = 100;

/// What the network calls its things.
pub(crate) struct Words {
    /// Where containers are made.
    pub(crate) create: &'static str,
    /// Where they are published.
    pub(crate) publish: &'static str,
    /// What is left of the day's quota.
    pub(crate) quota: &'static str,
    /// The fields of it: what was used, and of how much.
    pub(crate) quota_fields: (&'static str, &'static str),
    /// The account's posts.
    pub(crate) list: &'static str,
    /// The field of a container that tells how it stands.
    pub(crate) status: &'static str,
    /// The field that tells why it failed.
    pub(crate) reason: &'static str,
    /// The field of a post that has its text.
    pub(crate) text: &'static str,
}

/// A form, as the API takes it.
pub(crate) type Form = Vec<(&'static str, String)>;

/// How far a publication has come.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Steps {
    /// Containers of a carousel's items.
    #[serde(default)]
    children: Vec<String>,
    /// The container.
    #[serde(default)]
    container: String,
    /// Whether it may be published.
    #[serde(default)]
    sent: bool,
}

enum State {
    Ready,
    Published,
    Processing,
    Failed(String),
    Expired,
}

/// Publishes a container; `children` are the forms of a carousel's items, `whole` makes the form of the container from their
/// ids.
pub(crate) async fn publish(
    graph: &Graph,
    words: &Words,
    session: &Session,
    texts: &PublishRequest,
    children: &[Form],
    whole: impl FnOnce(&[String]) -> Form,
    progress: &mut Progress,
) -> Outcome {
    let mut steps: Steps = progress.get();
    if steps.sent
        && let Some(sent) = published(graph, words, session, texts, &steps, progress).await
    {
        return sent;
    }
    match ready(graph, words, session, children, whole, &mut steps, progress).await {
        Ok(()) => {}
        Err(failure) => return failure.into(),
    }
    steps.sent = true;
    if let Err(failure) = progress.keep(&steps).await {
        return failure.into();
    }
    if let Err(failure) = progress.goes_public().await {
        return failure.into();
    }
    let path = format!("{}/{}", session.account.external_id, words.publish);
    let made: Result<Created, Problem> =
        graph.post(session, &path, &[("creation_id", &steps.container)]).await;
    match made {
        Ok(post) => Outcome::Sent(sent(graph, session, post.id).await),
        Err(problem) => match problem.outcome() {
            // Some refusals come though it was published, by this call or by one before.
            Outcome::Failed(failure) if !failure.transient && failure.token.is_none() => {
                let stands = published(graph, words, session, texts, &steps, progress).await;
                stands.unwrap_or(Outcome::Failed(failure))
            }
            outcome => outcome,
        },
    }
}

/// What became of a container that was sent to be published: `None` when it may be sent again.
async fn published(
    graph: &Graph,
    words: &Words,
    session: &Session,
    post: &PublishRequest,
    steps: &Steps,
    progress: &Progress,
) -> Option<Outcome> {
    match state(graph, words, session, &steps.container).await {
        Ok(State::Published) => {}
        Ok(_) => return None,
        Err(problem) => return Some(problem.failure().into()),
    }
    let unknown = |message| Outcome::Unknown { code: "not_listed".to_owned(), message };
    Some(match listed(graph, words, session, post, steps, progress).await {
        Ok(Some(sent)) => Outcome::Sent(sent),
        Ok(None) => unknown("the network published it and does not list it yet".to_owned()),
        Err(problem) => unknown(problem.failure().message),
    })
}

/// What a container became that is published. One that is not listed for minutes is not told from others: then it is known by
/// its own id, and has no address.
async fn listed(
    graph: &Graph,
    words: &Words,
    session: &Session,
    post: &PublishRequest,
    steps: &Steps,
    progress: &Progress,
) -> Result<Option<Sent>, Problem> {
    let listed = recent(graph, words, session, post).await?;
    let tried = progress.last_attempt_time;
    let is_long_ago = tried.is_some_and(|tried| session.now - tried > LISTED_WITHIN);
    let unlisted = || Sent { external_id: steps.container.clone(), ..Sent::default() };
    Ok(listed.or_else(|| is_long_ago.then(unlisted)))
}

/// Makes what is not made yet, and waits until it can be published.
async fn ready(
    graph: &Graph,
    words: &Words,
    session: &Session,
    children: &[Form],
    whole: impl FnOnce(&[String]) -> Form,
    steps: &mut Steps,
    progress: &mut Progress,
) -> Result<(), Failure> {
    if steps.container.is_empty() {
        if steps.children.is_empty() {
            has_quota(graph, words, session).await?;
        }
        for form in children.iter().skip(steps.children.len()) {
            steps.children.push(create(graph, words, session, form).await?);
            progress.keep(&*steps).await?;
        }
        for child in &steps.children {
            let waited = until_ready(|| ask(graph, words, session, child)).await;
            forget_if_final(waited, progress).await?;
        }
        steps.container = create(graph, words, session, &whole(&steps.children)).await?;
        progress.keep(&*steps).await?;
    }
    let waited = until_ready(|| ask(graph, words, session, &steps.container)).await;
    forget_if_final(waited, progress).await
}

/// After a container has failed the next try makes new ones.
async fn forget_if_final(
    waited: Result<(), Failure>,
    progress: &mut Progress,
) -> Result<(), Failure> {
    if let Err(failure) = &waited
        && matches!(failure.code.as_str(), MEDIA_REFUSED | EXPIRED)
    {
        progress.keep(&Steps::default()).await?;
    }
    waited
}

const MEDIA_REFUSED: &str = "media_refused";
const EXPIRED: &str = "container_expired";

async fn ask(
    graph: &Graph,
    words: &Words,
    session: &Session,
    container: &str,
) -> Result<Ready, Failure> {
    match state(graph, words, session, container).await.map_err(|problem| problem.failure())? {
        // One that was published in the meantime is told so when it is published again.
        State::Ready | State::Published => Ok(Ready::Now),
        State::Processing => Ok(Ready::In(ASK_EVERY)),
        State::Failed(reason) => Err(Failure::permanent(MEDIA_REFUSED, &reason)),
        State::Expired => {
            Err(Failure::transient(EXPIRED, "the network dropped what was prepared a day ago"))
        }
    }
}

async fn create(
    graph: &Graph,
    words: &Words,
    session: &Session,
    form: &Form,
) -> Result<String, Failure> {
    let form: Vec<(&str, &str)> =
        form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let path = format!("{}/{}", session.account.external_id, words.create);
    let created: Result<Created, Problem> = graph.post(session, &path, &form).await;
    created.map(|created| created.id).map_err(|problem| problem.failure())
}

async fn state(
    graph: &Graph,
    words: &Words,
    session: &Session,
    container: &str,
) -> Result<State, Problem> {
    let fields = format!("{},{}", words.status, words.reason);
    let said: Value = graph.read(session, container, &[("fields", &fields)]).await?;
    Ok(match said[words.status].as_str() {
        Some("FINISHED") => State::Ready,
        Some("PUBLISHED") => State::Published,
        Some("EXPIRED") => State::Expired,
        Some("ERROR") => {
            let reason = said[words.reason].as_str().unwrap_or("the network cannot use the media");
            State::Failed(reason.to_owned())
        }
        _ => State::Processing,
    })
}

async fn has_quota(graph: &Graph, words: &Words, session: &Session) -> Result<(), Failure> {
    let path = format!("{}/{}", session.account.external_id, words.quota);
    let (usage, config) = words.quota_fields;
    let fields = format!("{usage},{config}");
    let quota: Result<Page<Value>, Problem> =
        graph.read(session, &path, &[("fields", &fields)]).await;
    let quota = quota.map_err(|problem| problem.failure())?;
    let is_used_up = |quota: &Value| {
        let total = quota[config]["quota_total"].as_i64();
        total.is_some_and(|total| quota[usage].as_i64().unwrap_or(0) >= total)
    };
    if quota.data.iter().any(is_used_up) {
        let message = "the account has published as much today as the network allows";
        return Err(Failure::transient("publishing_limit", message).after(Some(QUOTA_WAIT)));
    }
    Ok(())
}

/// Looks for what was published.
pub(crate) async fn find(
    graph: &Graph,
    words: &Words,
    session: &Session,
    post: &PublishRequest,
    progress: &Progress,
) -> Result<Found, Failure> {
    let steps: Steps = progress.get();
    if !steps.sent {
        return Ok(absent(session, progress));
    }
    match state(graph, words, session, &steps.container).await {
        Ok(State::Published) => {}
        // It still can be published: by what was sent, or by what is sent next, and once in all.
        Ok(State::Ready) => return Ok(absent(session, progress)),
        Ok(State::Failed(_) | State::Expired) => return Ok(Found::NotThere),
        Ok(State::Processing) => {
            let failure = in_progress(LOOK_AFTER);
            return Ok(Found::not_yet(&failure.message, failure.retry_after));
        }
        Err(problem) => return problem.undecided(),
    }
    match listed(graph, words, session, post, &steps, progress).await {
        Ok(Some(sent)) => Ok(Found::There(sent)),
        Ok(None) => Ok(Found::not_yet("the network does not list it yet", Some(LOOK_AFTER))),
        Err(problem) => problem.undecided(),
    }
}

/// The account's post with this text since it was first tried; the oldest, should there be several. What has no text is told
/// by how much it shows, and only where nothing else is like it.
async fn recent(
    graph: &Graph,
    words: &Words,
    session: &Session,
    post: &PublishRequest,
) -> Result<Option<Sent>, Problem> {
    let path = format!("{}/{}", session.account.external_id, words.list);
    let children = if post.text.is_empty() { ",children" } else { "" };
    let fields = format!("id,{},permalink,timestamp{children}", words.text);
    let query = [("fields", fields.as_str()), ("limit", "50")];
    let listed: Listed<Value> = graph.list(session, &path, &query, RECENT).await?;
    let since = since(post.first_attempt_time.as_ref());
    let text = |post: &Value, name: &str| post[name].as_str().unwrap_or_default().to_owned();
    let shows = |listed: &Value| listed["children"]["data"].as_array().map_or(1, Vec::len);
    let is_it = |listed: &&Value| {
        same_text(&text(listed, words.text), &post.text)
            && time(&text(listed, "timestamp")).is_some_and(|time| time >= since)
            && (!post.text.is_empty() || shows(listed) == post.media.len())
    };
    let mut alike = listed.items.iter().rev().filter(is_it);
    let oldest = alike.next().filter(|_| !post.text.is_empty() || alike.next().is_none());
    Ok(oldest
        .map(|post| Sent { external_id: text(post, "id"), external_url: text(post, "permalink") }))
}

/// What was published, with its address; without one where the network does not tell it.
pub(crate) async fn sent(graph: &Graph, session: &Session, id: String) -> Sent {
    let said: Result<Value, Problem> = graph.read(session, &id, &[("fields", "permalink")]).await;
    let url = said.ok().and_then(|said| said["permalink"].as_str().map(str::to_owned));
    Sent { external_id: id, external_url: url.unwrap_or_default() }
}
