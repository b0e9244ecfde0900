//! The border to the networks against real servers of theirs, on this machine alone: what we send is read back from the
//! server, and what others write there is fetched. `scripts/networks` puts the servers in place. Nothing but loopbacks and network
//! namespaces of a test's own is used.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod bluesky;
mod mastodon;
mod namespaces;
mod servers;
mod spread;
mod support;
