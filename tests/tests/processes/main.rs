//! The system as processes: six services as in production, and all in one as on a laptop. Faults are real ones.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod client;
mod server;

mod chaos;
mod context;
mod crashes;
mod example;
mod health;
mod media;
mod roots;
mod settings;
mod standalone;
mod traces;
