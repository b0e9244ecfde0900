//! What tests need, and nothing that a service does: databases ([`postgres`]), the whole system in this process
//! ([`system`]), any system from outside ([`front`]), clients with a credential ([`client`]), what is wanted of an answer
//! ([`answer`]), a clock one can turn ([`clock`]), a directory ([`directory`]), an S3 server ([`s3`]), a gate that stops
//! requests ([`gate`]), time that overtakes nothing ([`passing`]), HTTP ([`web`]), TLS ([`tls`]), a video
//! ([`mod@video`]), and waiting for what happens by itself ([`waiting`]).

pub mod answer;
pub mod client;
pub mod clock;
pub mod directory;
mod doors;
pub mod front;
pub mod gate;
pub mod passing;
pub mod postgres;
pub mod s3;
pub mod system;
pub mod tls;
pub mod video;
pub mod waiting;
pub mod web;

pub use answer::{invalid_fields, metadata, refused, violated_fields};
pub use client::{Client, draft};
pub use clock::TurnableClock;
pub use directory::Directory;
pub use front::{Front, PASSWORD, Team, User};
pub use gate::{Gate, Side};
pub use s3::S3;
pub use system::System;
pub use tls::PrivateCa;
pub use video::{video, video_of};
pub use waiting::{eventually, until_eq, until_that, within, within_seeing};
pub use web::Web;
