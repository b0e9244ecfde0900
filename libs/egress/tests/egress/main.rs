//! What goes out, against real listeners on loopback addresses, which a policy opens where a test needs them.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod get;
mod guard;
mod post;
mod redirects;
mod spelling;
mod support;
mod tls;
