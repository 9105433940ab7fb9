//! What an operator is promised, promise by promise. A test's name is the promise.

mod control;
mod crash;
mod ctl;
mod environment;
mod head;
mod hub;
mod keeper;
mod logs;
mod node;
mod order;
mod platform;
mod programs;
mod ready;
mod sockets;
mod status;
mod stop;
mod targets;
mod user;
