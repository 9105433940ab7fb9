//! Runs a program to its end, with patience but not for ever.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;

use crate::process;
use crate::wait::PATIENCE;

/// How a program ended and what it said.
#[derive(Clone, Debug)]
pub struct Output {
    /// What was run.
    pub command: String,
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Output {
    /// Itself, if this was the exit code.
    ///
    /// # Panics
    /// If it was another.
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {self}");
        self
    }

    /// As [`with_code`](Self::with_code) of 0.
    pub fn succeeded(self) -> Self {
        self.with_code(0)
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(f, "`{command}`: {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

/// A program that runs.
pub struct Running {
    command: String,
    child: Child,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    seen: String,
}

impl Running {
    /// Starts it, reading what it says.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let described = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("`{described}` cannot be started: {error}"));
        let (tell, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let mut stderr = child.stderr.take().expect("a pipe");
        let stderr = std::thread::spawn(move || {
            let mut all = Vec::new();
            // What could be read is what there is to show.
            let _ = stderr.read_to_end(&mut all);
            String::from_utf8_lossy(&all).into_owned()
        });
        Self { command: described, child, lines, stderr: Some(stderr), seen: String::new() }
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// Whether it has not ended yet.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }

    /// Its next line of standard output.
    ///
    /// # Panics
    /// If none comes.
    pub fn line(&mut self) -> String {
        self.next().unwrap_or_else(|| panic!("`{}` ended its output; before that:\n{}", self.command, self.seen))
    }

    /// Waits for its end, which takes all who hold its output's pipes: a program left behind with them is a failure.
    ///
    /// # Panics
    /// If it does not end.
    pub fn output(mut self) -> Output {
        while self.next().is_some() {}
        let stderr = self.stderr.take().expect("read once").join().expect("its standard error");
        let status = self.child.wait().expect("its end");
        let Self { command, seen: stdout, .. } = &mut self;
        Output { command: std::mem::take(command), code: status.code(), stdout: std::mem::take(stdout), stderr }
    }

    fn next(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen.push_str(&line);
                self.seen.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("`{}` said nothing for {PATIENCE:?} and did not end; before that:\n{}", self.command, self.seen)
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            process::kill_9(self.pid());
            // Reaped, whatever it says.
            let _ = self.child.wait();
        }
    }
}
