//! The service as a client sees it: through the front door of a whole system, on databases of its own for each test.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

mod access;
mod account_events;
mod approve_post;
mod cancel_post;
mod cap;
mod concurrency;
mod create_post;
mod create_webhook;
mod delete_post;
mod delete_webhook;
mod delete_workspace;
mod deliveries;
mod fences;
mod first_comments;
mod get_comment;
mod get_post;
mod get_webhook;
mod idempotency;
mod inbox;
mod kept_media;
mod list_comments;
mod list_deliveries;
mod list_posts;
mod list_publish_attempts;
mod list_webhooks;
mod lost_answers;
mod mark_comment_read;
mod media_items;
mod media_options;
mod media_unreachable;
mod network_limits;
mod outbox;
mod paging;
mod post_media;
mod post_options;
mod publishers;
mod publishing;
mod redeliver_delivery;
mod refresh_comments;
mod reject_post;
mod reply_to_comment;
mod reschedule_post;
mod retry_first_comment;
mod retry_post;
mod rotate_webhook_secret;
mod schedule_post;
mod update_post;
mod update_webhook;
mod validate_post;
