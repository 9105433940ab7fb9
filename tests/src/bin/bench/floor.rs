//! The least that any supervisor can need: spawn the worker, wait for its word on a pipe.

use std::io::Read;
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use protocol::worker;
use scenarios::binaries;

/// From before the spawn to the ready line.
pub fn spawn_to_ready() -> Duration {
    let program = binaries::built("puppet");
    let started = Instant::now();
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    // The copy has no close-on-exec flag, so the worker gets it under the same number.
    let inherited = nix::unistd::dup(&writer).expect("a descriptor");
    drop(writer);
    let mut command = Command::new(program);
    command.arg("ready").env_clear().env(worker::READY_FD, inherited.as_raw_fd().to_string());
    let mut child = command.stdin(Stdio::null()).spawn().expect("a worker");
    drop(inherited);
    let length = reader.read(&mut [0; 64]).expect("its word");
    let took = started.elapsed();
    assert!(length > 0, "the worker said nothing");
    child.kill().expect("its end");
    child.wait().expect("its end");
    took
}
