//! Runs a check's program once: in a session of its own, never longer than its time, and nothing of it is left afterwards.
#![allow(unsafe_code)] // what the child does to itself between fork and exec

use std::collections::VecDeque;
use std::ffi::{CStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, getpid, getppid, setgid, setgroups, setsid, setuid};
use tokio::net::unix::pipe;
use tokio::process::Command;

use crate::supervisor::in_group::InGroup;
use crate::supervisor::reason::{signal_name, span};

const OWN_SCORE: &CStr = c"/proc/self/oom_score_adj";
/// The most of what it writes that is kept, from the end.
const MOST_OUTPUT: usize = 4096;
/// The longest last line that is told.
const LONGEST_LINE: usize = 200;
/// What is left in its pipe after its end is read for so many rounds: somebody who escaped may never stop writing.
const MOST_LAST_READS: u32 = 16;

/// A program to be run as a check. What is not named is inherited from nobody, apart from us being its parent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecCheck {
    /// An absolute path.
    pub program: PathBuf,
    /// After the program's own name.
    pub args: Vec<String>,
    pub cwd: PathBuf,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Who it is to be; ourselves unless set.
    pub user: Option<protocol::keeper::Identity>,
    /// As its app's: what protects us is not for it.
    pub oom_score_adj: i32,
}

impl ExecCheck {
    fn name(&self) -> String {
        self.program.file_name().unwrap_or(self.program.as_os_str()).to_string_lossy().into_owned()
    }
}

/// Whether the program ends with code 0 in time. On failure the last line that it wrote is told.
pub async fn exec(check: &ExecCheck, timeout: Duration) -> Result<(), String> {
    let name = check.name();
    let run = async {
        let (mut running, output) = start(check).map_err(|error| cannot_run(check, &error))?;
        let mut tail = Tail::default();
        running.end(output, &mut tail).await.map(|status| (status, tail)).map_err(|error| cannot_run(check, &error))
    };
    match tokio::time::timeout(timeout, run).await {
        Err(_) => Err(format!("no answer from {name} within {}", span(timeout))),
        Ok(Err(words)) => Err(words),
        Ok(Ok((status, _))) if status.success() => Ok(()),
        Ok(Ok((status, tail))) => Err(match tail.last_line() {
            Some(line) => format!("{name} {}: {line}", ended(status)),
            None => format!("{name} {}", ended(status)),
        }),
    }
}

fn start(check: &ExecCheck) -> io::Result<(InGroup, pipe::Receiver)> {
    let (write, output) = pipe::pipe()?;
    let write: OwnedFd = write.into_blocking_fd()?;
    let mut command = Command::new(&check.program);
    command.args(&check.args).current_dir(&check.cwd).env_clear().envs(check.env.iter().cloned());
    command.stdin(Stdio::null()).stdout(write.try_clone()?).stderr(write).kill_on_drop(true);
    let user = check.user.clone();
    // Room for the groups is made here, because between fork and exec nothing may be allocated.
    let groups: Vec<Gid> = user.iter().flat_map(|user| &user.groups).map(|group| Gid::from_raw(*group)).collect();
    let score = check.oom_score_adj.to_string();
    let us = getpid();
    // SAFETY: only system calls on what was allocated before the fork.
    unsafe {
        command.pre_exec(move || {
            setsid()?;
            if let Ok(own) = open(OWN_SCORE, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty()) {
                let _ = nix::unistd::write(&own, score.as_bytes()); // refused below what may be had, like the app's
            }
            if let Some(user) = &user {
                setgroups(&groups)?;
                setgid(Gid::from_raw(user.gid))?;
                setuid(Uid::from_raw(user.uid))?;
            }
            // Last, for a change of the user clears it. It falls when we do.
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            if getppid() == us { Ok(()) } else { Err(Errno::ESRCH.into()) } // we fell before it was set
        });
    }
    Ok((InGroup(command.spawn()?), output))
}

impl InGroup {
    async fn end(&mut self, output: pipe::Receiver, tail: &mut Tail) -> io::Result<ExitStatus> {
        let ended = self.has_ended()?;
        let followed = async {
            tail.follow(&output).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = followed => {}
            ended = ended.readable() => ended?,
        }
        self.kill_group(); // whoever it left behind, so that its pipe ends as well
        tail.finish(&output);
        self.0.wait().await
    }
}

/// The end of what it wrote.
#[derive(Default)]
struct Tail(VecDeque<u8>);

impl Tail {
    async fn follow(&mut self, output: &pipe::Receiver) {
        let mut bytes = [0; MOST_OUTPUT];
        while output.readable().await.is_ok() {
            match output.try_read(&mut bytes) {
                Ok(0) => return,
                Ok(length) => self.keep(&bytes[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
            tokio::task::yield_now().await; // one that never stops writing must not keep us
        }
    }

    /// What waits there now.
    fn finish(&mut self, output: &pipe::Receiver) {
        let mut bytes = [0; MOST_OUTPUT];
        for _ in 0..MOST_LAST_READS {
            match nix::unistd::read(output, &mut bytes) {
                Ok(0) | Err(_) => return,
                Ok(length) => self.keep(&bytes[..length]),
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        let spare = self.0.len().saturating_sub(MOST_OUTPUT);
        self.0.drain(..spare);
    }

    fn last_line(&self) -> Option<String> {
        let bytes: Vec<u8> = self.0.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
        let shown: String = line.chars().filter(|character| !character.is_control()).take(LONGEST_LINE).collect();
        Some(if shown.chars().count() == LONGEST_LINE { format!("{shown}…") } else { shown })
    }
}

fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was killed by {}", signal_name(signal)),
        (None, None) => "ended strangely".to_owned(),
    }
}

fn cannot_run(check: &ExecCheck, error: &io::Error) -> String {
    let why = match error.raw_os_error() {
        Some(errno) => Errno::from_raw(errno).desc().to_lowercase(),
        None => error.to_string(),
    };
    format!("cannot run {}: {why}", check.program.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Stat;

    const LONG: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> ExecCheck {
        ExecCheck {
            program: "/bin/bash".into(),
            args: vec!["-c".into(), script.into()],
            cwd: "/".into(),
            env: vec![("PATH".into(), "/usr/bin:/bin".into()), ("CHECK".into(), "it".into())],
            user: None,
            oom_score_adj: 300,
        }
    }

    async fn outcome(script: &str) -> Result<(), String> {
        exec(&shell(script), LONG).await
    }

    #[tokio::test]
    async fn code_0_passes_and_the_last_line_tells_why_another_does_not() {
        assert_eq!(outcome("echo fine").await, Ok(()));
        assert_eq!(outcome("exit 3").await, Err("bash exited with code 3".into()));
        let words = "bash exited with code 1: connection refused";
        assert_eq!(outcome("echo trying; echo connection refused >&2; echo; exit 1").await, Err(words.into()));
        assert_eq!(outcome("kill -9 $$").await, Err("bash was killed by SIGKILL".into()));
        assert_eq!(
            outcome("printf 'no end of line'; exit 1").await.unwrap_err(),
            "bash exited with code 1: no end of line"
        );
    }

    #[tokio::test]
    async fn it_gets_its_environment_and_folder_and_nothing_else() {
        let script = "[ \"$CHECK\" = it ] && [ \"$PWD\" = / ] && [ -z \"$CARGO_PKG_NAME\" ] && ! read -r _";
        assert_eq!(outcome(script).await, Ok(()));
    }

    #[tokio::test]
    async fn what_cannot_be_run_is_said() {
        let check = ExecCheck { program: "/no/such/program".into(), cwd: "/".into(), ..ExecCheck::default() };
        let words = exec(&check, LONG).await.unwrap_err();
        assert_eq!(words, "cannot run /no/such/program: no such file or directory");
    }

    #[tokio::test]
    async fn only_the_end_of_much_output_is_kept_and_a_long_line_is_cut() {
        let words = outcome("yes | head -c 3000000; echo last; exit 1").await.unwrap_err();
        assert_eq!(words, "bash exited with code 1: last");
        let words = outcome("head -c 3000 /dev/zero | tr '\\0' x; exit 1").await.unwrap_err();
        assert!(words.ends_with("x…") && words.chars().count() < LONGEST_LINE + 40, "{words}");
    }

    /// Both numbers that the script wrote are gone, or waiting to be reaped.
    async fn until_gone(file: &std::path::Path) {
        let text = std::fs::read_to_string(file).unwrap();
        for pid in text.split_whitespace().map(|pid| pid.parse().unwrap()) {
            let deadline = tokio::time::Instant::now() + LONG;
            while Stat::of(pid).is_some_and(|stat| !stat.zombie) {
                assert!(tokio::time::Instant::now() < deadline, "{pid} is still there");
                tokio::time::sleep(Duration::from_millis(2)).await; // nobody tells of a killed grandchild
            }
        }
    }

    #[tokio::test]
    async fn one_that_takes_too_long_is_killed_with_everybody_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pids");
        let script = format!("sleep 1000 & echo $! $$ > {}; wait", file.display());
        let check = shell(&script);
        let written = async {
            while !std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let within = Duration::from_secs(2);
        let (words, ()) = tokio::join!(exec(&check, within), written);
        assert_eq!(words, Err("no answer from bash within 2 s".into()));
        until_gone(&file).await;
    }

    #[tokio::test]
    async fn whoever_it_leaves_behind_neither_delays_the_answer_nor_survives_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}; exit 0", file.display());
        assert_eq!(outcome(&script).await, Ok(()));
        until_gone(&file).await;
    }

    #[tokio::test]
    async fn it_runs_as_the_user_that_is_named() {
        assert_eq!(outcome("[ $(cat /proc/self/oom_score_adj) = 300 ]").await, Ok(()), "nor what protects us");
        if !nix::unistd::geteuid().is_root() {
            return; // only root may be somebody else
        }
        let user = protocol::keeper::Identity { uid: 65534, gid: 65533, groups: vec![65532] };
        let check = ExecCheck {
            user: Some(user),
            ..shell("[ \"$(id -u) $(id -g)\" = '65534 65533' ] && [[ \" $(id -G) \" == *' 65532 '* ]]")
        };
        assert_eq!(exec(&check, LONG).await, Ok(()));
    }
}
