//! HTTP to addresses that clients name: never to a forbidden one, on no redirect and after no change of a DNS answer.
//!
//! [`check`] judges how a URL is written, without I/O, for when a request is validated. An [`Egress`] resolves its
//! host, refuses it when *any* address of the answer is forbidden by its [`Policy`], and connects to the very addresses
//! it has judged: nothing resolves a second time. Each request has a connection of its own, so that none is ever used
//! on the strength of another's judgement, and no proxy is read from the environment. A redirect is judged like the
//! first URL. Nothing is decompressed.
//!
//! Beneath is hyper's HTTP/1 client: a whole HTTP client would bring what must be turned off here (its pool, proxies,
//! redirects, its own resolver, which IP addresses in a URL pass by) and bounds no headers. Certificates are verified
//! against [`TrustedRoots`], which every other client of TLS in a process uses as well.
//!
//! Any port may be named but 0: what makes a service private is its address, not its port. [`Egress::with_web_ports`] is
//! for callers that want no other than those of the web.
//!
//! What a guard in the process cannot know: the public addresses of one's own machines, and a NAT64 prefix of one's own
//! network. The network's own egress rules remain the second line.

mod client;
mod connect;
mod download;
mod error;
mod policy;
mod resolve;
mod roots;
mod syntax;

pub use client::{Answer, Egress, Limits, MAX_REDIRECTS, Post};
pub use download::Download;
pub use error::{Error, Invalid};
pub use policy::Policy;
pub use resolve::{Resolve, SystemResolver};
pub use roots::{CA_FILE, TrustedRoots};
pub use syntax::{MAX_URL_CHARACTERS, check};
pub use tokio_rustls::rustls::RootCertStore;
pub use url::Url;
