//! The rules of comments: when they are fetched, what is kept of them, what becomes of a reply. Pure.

pub mod fetching;
pub mod reply;
