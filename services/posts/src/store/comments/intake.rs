//! Comments on their way into the inbox.

use chrono::{DateTime, Utc};
use postbreeze_ids::{CommentId, Minter, PostId};

use crate::{
    comment::fetching::NewComment,
    event::{Event, EventKind, Subject},
    store::{Store, comment_sources::Source, events, heads::hold_living},
};

impl Store {
    /// Keeps what is new of what a network told of a target, and tells webhooks of it: all of it once, however often it is
    /// told. What the account answered from here is no comment. Answers how many were new.
    #[tracing::instrument(skip_all, name = "db.comments.take_in", err(level = "debug"))]
    pub async fn take_in(
        &self,
        source: &Source,
        mut comments: Vec<NewComment>,
        minter: &Minter,
        now: DateTime<Utc>,
    ) -> Result<usize, sqlx::Error> {
        if comments.is_empty() {
            return Ok(0);
        }
        // The ids of what was written later are later, too.
        comments.sort_by_key(|comment| comment.network_time);
        let bucket = source.workspace_id.bucket();
        let ids: Vec<CommentId> = comments.iter().map(|_| minter.mint(bucket)).collect();
        let texts = |of: fn(&NewComment) -> &str| -> Vec<String> {
            comments.iter().map(|comment| of(comment).to_owned()).collect()
        };
        let mut transaction = self.begin().await?;
        if !hold_living(&mut transaction, source.workspace_id).await? {
            return Ok(0);
        }
        let new = sqlx::query_scalar!(
            r#"
            WITH new AS (
                INSERT INTO comments (
                    bucket, id, workspace_id, account_id, platform, post_id, target_id, external_post_id, external_id,
                    author_handle, author_display_name, author_avatar_url, body, network_time, create_time
                )
                SELECT
                    $1, told.id, $2, $3, $4, $5, $6, $7, told.external_id, told.author_handle, told.author_display_name,
                    told.author_avatar_url, told.body, told.network_time, $15
                FROM unnest(
                    $8::UUID[], $9::TEXT[], $10::TEXT[], $11::TEXT[], $12::TEXT[], $13::TEXT[], $14::TIMESTAMPTZ[]
                ) AS told (
                    id, external_id, author_handle, author_display_name, author_avatar_url, body, network_time
                )
                WHERE NOT EXISTS (
                    SELECT FROM comments AS own
                    WHERE own.bucket = $1 AND own.account_id = $3 AND own.reply_external_id = told.external_id
                )
                ON CONFLICT (bucket, account_id, external_id) DO NOTHING
                RETURNING bucket, id, workspace_id, network_time
            ),
            head AS (
                INSERT INTO comment_heads AS head (bucket, workspace_id, last_time, last_id)
                SELECT bucket, workspace_id, network_time, id
                FROM new
                ORDER BY network_time DESC, id DESC
                LIMIT 1
                ON CONFLICT (bucket, workspace_id) DO UPDATE
                SET last_time = excluded.last_time, last_id = excluded.last_id
                WHERE (head.last_time, head.last_id) < (excluded.last_time, excluded.last_id)
            )
            SELECT id AS "id!: CommentId"
            FROM new
            ORDER BY id
            "#,
            bucket.as_i16(),
            source.workspace_id.uuid(),
            source.account_id.uuid(),
            source.platform,
            source.post_id.uuid(),
            source.target_id.uuid(),
            source.external_post_id,
            &ids.iter().map(|id| id.uuid()).collect::<Vec<_>>(),
            &texts(|comment| &comment.external_id),
            &texts(|comment| &comment.author_handle),
            &texts(|comment| &comment.author_display_name),
            &texts(|comment| &comment.author_avatar_url),
            &texts(|comment| &comment.body),
            &comments.iter().map(|comment| comment.network_time).collect::<Vec<_>>(),
            now,
        )
        .fetch_all(&mut *transaction)
        .await?;
        let told: Vec<Event> = new.iter().map(|id| event(source, *id, minter)).collect();
        events::record(&mut transaction, &told, now).await?;
        transaction.commit().await?;
        Ok(new.len())
    }
}

fn event(source: &Source, id: CommentId, minter: &Minter) -> Event {
    let post_id: Option<PostId> = Some(source.post_id);
    Event {
        id: minter.mint(source.workspace_id.bucket()),
        workspace_id: source.workspace_id,
        kind: EventKind::CommentReceived,
        subject: Subject::Comment { id, account_id: source.account_id, post_id },
    }
}
