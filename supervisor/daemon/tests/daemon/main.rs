//! The supervisor as a program: what it does to real processes, asked through its control socket.
#![allow(clippy::disallowed_methods)] // a test's patience is counted by any clock
#![allow(clippy::unwrap_used)] // all of this is tests, which the lint only knows of a test's own function

mod cgroup;
mod control;
mod hand_over;
mod harness;
mod head;
mod identity;
mod keeper;
mod launch;
mod main_process;
mod out_of_memory;
mod ready;
mod service_manager;
mod stop;
