//! The rules of a post's life: its states, what each step makes of them, and when it holds a unit of the monthly cap.
//! Pure: no clock, no I/O.

mod due;
mod sending;
mod status;
mod step;

pub use due::{Due, due_after};
pub use sending::{ACCOUNT_DISCONNECTED, CommentStatus, Move, Next, Part, next};
pub use status::{PostStatus, TargetStatus, follow, holds_unit};
pub use step::{Refused, State, Step};
