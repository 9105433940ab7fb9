//! `betti-ctl` as an operator meets it: the built program against a control server that is played by the test.

mod fake;
mod home;
mod house;

mod acts;
mod certs;
mod codes;
mod files;
mod json;
mod kill;
mod logs;
mod scripts;
mod start;
mod startup;
mod status;
mod terminal;
mod verbs;
