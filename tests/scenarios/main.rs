//! What an operator is promised, promise by promise. A test's name is the promise.

mod ad_hoc;
mod apply;
mod complaints;
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
mod profile;
mod programs;
mod ready;
mod real_programs;
mod scale;
mod sockets;
mod status;
mod stop;
mod targets;
mod user;
