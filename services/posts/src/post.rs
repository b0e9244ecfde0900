//! The rules of a post's life: its states, what each step makes of them, when it holds a unit of the monthly cap, and when
//! it keeps its media. Pure: no clock, no I/O.

mod due;
mod kept;
mod sending;
mod status;
mod step;

pub use due::{Due, due_after};
pub use kept::{kept_media, shown_media};
pub use sending::{ACCOUNT_DISCONNECTED, CommentStatus, IN_PROGRESS, Move, Next, Part, next};
pub use status::{PostStatus, TargetStatus, follow, holds_unit};
pub use step::{Refused, State, Step};
