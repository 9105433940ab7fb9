//! What the supervisor decides, without doing any of it
