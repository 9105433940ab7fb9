//! Which program the supervisor is, and which one it was before: an upgrade is on trial until it has worked.
//!
//! ```text
//!            Upgrade ──► on trial ── was at work for a second ──► ours
//!                           │
//!                           └── never took over, or ended too often ──► the one before
//! ```
//!
//! At first it is our own program, whatever became of its file. One that came by an upgrade is held open, so that every later
//! supervisor is what was tried, and not what somebody has put in its place meanwhile.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;
use nix::unistd::execve;
use protocol::keeper::SUPERVISOR_OF;
use protocol::worker;

use super::child::lift;
use super::service_manager::FOR_US_ONLY;

/// One that took over, but ends by itself more often than this before it has worked, is not good enough.
const MOST_FAILURES_ON_TRIAL: u32 = 3;
/// What programs of the machine begin with. Scripts have to be found by their name, or they would not find themselves.
const ELF: [u8; 4] = *b"\x7fELF";

/// A program's file.
struct Program {
    path: CString,
    /// It is executed by this, if it can be.
    held: Option<File>,
    /// Tells one from another, whatever they are called.
    number: u32,
}

/// What to start, and with what.
pub struct Programs {
    present: Program,
    /// Comes back if the present one is not good enough.
    before: Option<Program>,
    /// Whether a supervisor of the present one ever took over.
    took_over: bool,
    /// Supervisors of the present one that ended on trial.
    failures: u32,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

/// How a supervisor ended.
#[derive(Clone, Copy)]
pub struct Ended {
    /// Which program it was.
    pub program: u32,
    /// It was at work for long enough.
    pub worked: bool,
    /// Nobody else ended it, or we did because it hung.
    pub by_itself: bool,
}

/// What becomes of the program after a supervisor's end.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// The next supervisor is the same.
    Same,
    /// It is another one that was asked for, named here.
    Another(String),
    /// The one before is back; the one that was not good enough is named here.
    Back(String),
}

impl Programs {
    /// Ourselves again, as the supervisor half. It carries a mark of its own, so that the next keeper's sweep also ends a
    /// supervisor that hangs after its keeper died.
    pub fn ourselves(arguments: &[OsString], hub: &str) -> Self {
        let text = |text: OsString| CString::new(text.into_vec()).unwrap_or_default();
        let mark = (OsString::from(SUPERVISOR_OF), OsString::from(hub));
        // Whoever starts a hub may be a worker of another one: its mark is not ours.
        let ours = |name: &OsString| {
            let not_theirs = FOR_US_ONLY.iter().chain(&[worker::INVOCATION, SUPERVISOR_OF]);
            not_theirs.into_iter().all(|other| name != other)
        };
        let inherited = std::env::vars_os().filter(|(name, _)| ours(name));
        let environment = inherited.chain([mark]).map(|(name, value)| {
            let mut pair = name;
            pair.push("=");
            pair.push(value);
            text(pair)
        });
        let arguments = ["betti-supervisor", "--supervise"].map(OsString::from).into_iter().chain(arguments.to_vec());
        Self {
            present: Program { path: c"/proc/self/exe".into(), held: None, number: 0 },
            before: None,
            took_over: true,
            failures: 0,
            environment: environment.collect(),
            arguments: arguments.map(text).collect(),
        }
    }

    /// Tells the present one from others.
    pub fn present(&self) -> u32 {
        self.present.number
    }

    /// From the next supervisor on it is this one, on trial.
    pub fn upgrade(&mut self, path: CString) {
        let held = held(&path);
        let new = Program { path, held, number: self.present.number + 1 };
        let old = std::mem::replace(&mut self.present, new);
        // One that never took over is nothing to come back to.
        if self.took_over || self.before.is_none() {
            self.before = Some(old);
        }
        self.took_over = false;
        self.failures = 0;
    }

    /// A supervisor of this one took over.
    pub fn took_over(&mut self, program: u32) {
        self.took_over |= program == self.present.number;
    }

    /// A supervisor ended. Whoever is killed by somebody else has not failed.
    pub fn ended(&mut self, how: Ended) -> Next {
        if how.program != self.present.number {
            return Next::Another(self.present.name());
        }
        if how.worked {
            self.before = None;
        }
        let Some(before) = self.before.take() else { return Next::Same };
        self.failures += u32::from(how.by_itself || !self.took_over);
        if (self.took_over || !how.by_itself) && self.failures <= MOST_FAILURES_ON_TRIAL {
            self.before = Some(before);
            return Next::Same;
        }
        let failed = std::mem::replace(&mut self.present, before);
        self.took_over = true;
        Next::Back(failed.name())
    }

    /// In the child: becomes the supervisor. Only returns if that fails.
    pub fn execute(&self) -> Errno {
        if let Some(held) = &self.present.held
            && let Ok(number) = lift(held.as_raw_fd())
            && let Ok(path) = CString::new(format!("/proc/self/fd/{number}"))
        {
            let _ = self.execute_at(&path); // without /proc there is still its name
        }
        self.execute_at(&self.present.path)
    }

    fn execute_at(&self, path: &CString) -> Errno {
        let Err(errno) = execve(path, &self.arguments, &self.environment);
        errno
    }
}

impl Program {
    fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }
}

fn held(path: &CString) -> Option<File> {
    let mut file = File::open(path.to_str().ok()?).ok()?;
    let mut beginning = [0; ELF.len()];
    file.read_exact(&mut beginning).ok()?;
    (beginning == ELF).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs() -> Programs {
        Programs::ourselves(&[], "hub")
    }

    fn upgraded() -> Programs {
        let mut programs = programs();
        programs.upgrade(c"/new".into());
        let old = Ended { program: 0, worked: true, by_itself: true };
        assert_eq!(programs.ended(old), Next::Another("/new".into()), "the old one's end says nothing of the new one");
        programs
    }

    const CRASHED: Ended = Ended { program: 1, worked: false, by_itself: true };
    const KILLED: Ended = Ended { program: 1, worked: false, by_itself: false };
    const WORKED: Ended = Ended { program: 1, worked: true, by_itself: true };
    const BACK: fn() -> Next = || Next::Back("/new".into());

    #[test]
    fn our_own_program_is_never_given_up() {
        let mut programs = programs();
        for _ in 0..100 {
            assert_eq!(programs.ended(Ended { program: 0, worked: false, by_itself: true }), Next::Same);
        }
    }

    #[test]
    fn a_new_program_that_never_takes_over_is_taken_back_at_once() {
        let mut programs = upgraded();
        assert_eq!(programs.ended(CRASHED), BACK());
        assert_eq!(programs.present(), 0);
    }

    #[test]
    fn one_that_is_killed_by_others_before_it_took_over_is_tried_again_but_not_for_ever() {
        let mut programs = upgraded();
        for _ in 0..MOST_FAILURES_ON_TRIAL {
            assert_eq!(programs.ended(KILLED), Next::Same);
        }
        assert_eq!(programs.ended(KILLED), BACK());
    }

    #[test]
    fn one_that_took_over_and_crashes_again_and_again_is_taken_back() {
        let mut programs = upgraded();
        programs.took_over(1);
        for _ in 0..MOST_FAILURES_ON_TRIAL {
            assert_eq!(programs.ended(CRASHED), Next::Same);
            assert_eq!(programs.ended(KILLED), Next::Same, "which is not its fault");
        }
        assert_eq!(programs.ended(CRASHED), BACK());
    }

    #[test]
    fn one_that_has_worked_is_ours_from_then_on() {
        let mut programs = upgraded();
        programs.took_over(1);
        assert_eq!(programs.ended(WORKED), Next::Same);
        for _ in 0..100 {
            assert_eq!(programs.ended(CRASHED), Next::Same);
        }
    }

    #[test]
    fn what_never_took_over_is_nothing_to_come_back_to() {
        let mut programs = upgraded();
        programs.upgrade(c"/newer".into());
        assert_eq!(programs.ended(Ended { program: 2, ..CRASHED }), Next::Back("/newer".into()));
        assert_eq!(programs.present(), 0);
    }

    #[test]
    fn only_programs_of_the_machine_are_held() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        let text = |path: &std::path::Path| CString::new(path.to_str().unwrap()).unwrap();
        assert!(held(&text(&script)).is_none() && held(&text(folder.path())).is_none());
        assert!(held(&text(&std::env::current_exe().unwrap())).is_some());
    }
}
