//! Shows what apps wrote: the last lines of their files, then what is added.

mod follow;
mod stream;
mod tail;

pub use follow::follow;
pub use stream::{Kind, Stream, streams};
