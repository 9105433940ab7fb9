//! The supervisor as a program: what it does to real processes, asked through its control socket.

mod control;
mod harness;
mod head;
mod keeper;
mod launch;
mod ready;
mod stop;
