//! Brings the supervisor up: finds its program, starts it on its own feet, and waits until it answers.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::client::{AskError, Client};
use crate::detach::detach;
use crate::exit::Failure;
use crate::runtime_dir::keeper_lives;

/// The supervisor's program.
const PROGRAM: &str = "betti-supervisor";
/// Where it writes to, below the file's folder.
const LOG_FOLDER: &str = "logs";
const LOG_FILE: &str = "betti-supervisor.log";
/// Mode of it, as of all logs.
const LOG_MODE: u32 = 0o600;
/// Mode of the folder, if it is made here.
const LOG_FOLDER_MODE: u32 = 0o700;
/// How long it may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the supervisor of another start in the same moment may take until it answers.
const RIVAL_PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at whether it answers or has ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
/// How much is shown of what it wrote before it ended, in bytes.
const MOST_SHOWN: u64 = 8 * 1024;

/// Why it could not be brought up.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// There is no such program.
    #[error("{PROGRAM} is neither beside betti-ctl nor in PATH: build it with make, or install it")]
    NoProgram,
    /// Its log cannot be opened.
    #[error("{}: {why}", path.display())]
    Log {
        /// Where.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// It cannot be executed.
    #[error("{} cannot be started: {why}", path.display())]
    NotStarted {
        /// Which program.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// It ended.
    #[error("the supervisor ended at once ({how}):\n{wrote}")]
    Ended {
        /// Its exit status.
        how: ExitStatus,
        /// What it wrote.
        wrote: String,
    },
    /// It runs and says nothing.
    #[error("the supervisor does not answer after {} s: look into {}", PATIENCE.as_secs(), log.display())]
    Silent {
        /// Where to look.
        log: PathBuf,
    },
    /// It answers, but not as it should.
    #[error(transparent)]
    Ask(#[from] AskError),
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Ask(error) => error.into(),
            other => Self::failed(other.to_string()),
        }
    }
}

/// What the supervisor is to do.
pub struct Wish<'a> {
    /// The file, an absolute path.
    pub config: &'a Path,
    /// Its folder.
    pub folder: &'a Path,
    /// Where the supervisor is reached.
    pub runtime_dir: &'a Path,
    /// The profile, if not the file's own.
    pub profile: Option<&'a str>,
    /// The only apps to start, by name; none means all, and the empty name alone means none.
    pub only: &'a [String],
}

impl Wish<'_> {
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.arg("--config").arg(self.config);
        if let Some(profile) = self.profile {
            command.arg("--profile").arg(profile);
        }
        for app in self.only {
            command.arg("--only").arg(app);
        }
        command.current_dir(self.folder);
        command
    }
}

/// Whose supervisor answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launched {
    /// The one that was started here, for this wish.
    Ours,
    /// One that somebody else started in the same moment.
    Theirs,
}

/// Becomes the supervisor: only returns if that fails.
pub fn in_foreground(wish: &Wish<'_>) -> LaunchError {
    match program() {
        None => LaunchError::NoProgram,
        Some(path) => LaunchError::NotStarted { why: wish.command(&path).exec(), path },
    }
}

/// Starts the supervisor in the background and waits until it answers.
///
/// # Errors
/// If it cannot be started, ends, or does not answer in time.
pub async fn in_background(wish: &Wish<'_>, client: &Client) -> Result<Launched, LaunchError> {
    let path = program().ok_or(LaunchError::NoProgram)?;
    let (log, log_path) = open_log(wish.folder)?;
    let written_before = log.metadata().map_or(0, |log| log.len());
    let mut command = wish.command(&path);
    let streams = log.try_clone().map_err(|why| LaunchError::Log { path: log_path.clone(), why })?;
    command.stdin(Stdio::null()).stdout(streams).stderr(log);
    let mut child = detach(&mut command).spawn().map_err(|why| LaunchError::NotStarted { path, why })?;
    let how = match answers(&mut child, client, &log_path).await? {
        Answered::Yes => return Ok(Launched::Ours),
        Answered::Ended(how) => how,
    };
    // Another one may have been faster; then ours had to leave.
    let deadline = Instant::now() + RIVAL_PATIENCE;
    loop {
        match client.watch(None).await {
            Ok(_) => return Ok(Launched::Theirs),
            Err(AskError::NoSupervisor)
                if keeper_lives(wish.runtime_dir) == Some(true) && Instant::now() < deadline =>
            {
                sleep(BETWEEN_LOOKS).await;
            }
            Err(AskError::NoSupervisor) => {
                return Err(LaunchError::Ended { how, wrote: tail(&log_path, written_before) });
            }
            Err(error) => return Err(error.into()),
        }
    }
}

enum Answered {
    Yes,
    Ended(ExitStatus),
}

/// Waits until the supervisor answers or the child has ended.
async fn answers(child: &mut Child, client: &Client, log: &Path) -> Result<Answered, LaunchError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = tokio::select! {
            answer = client.watch(None) => answer,
            how = ended(child) => return Ok(Answered::Ended(how)),
        };
        match answer {
            Ok(_) => return Ok(Answered::Yes),
            Err(AskError::NoSupervisor) if Instant::now() < deadline => {
                if let Ok(Some(how)) = child.try_wait() {
                    return Ok(Answered::Ended(how));
                }
                sleep(BETWEEN_LOOKS).await;
            }
            Err(AskError::NoSupervisor) => return Err(LaunchError::Silent { log: log.to_owned() }),
            Err(error) => return Err(error.into()),
        }
    }
}

async fn ended(child: &mut Child) -> ExitStatus {
    loop {
        if let Ok(Some(how)) = child.try_wait() {
            return how;
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

/// The supervisor's: beside this program, else in PATH.
pub fn program() -> Option<PathBuf> {
    program_named(PROGRAM)
}

/// One of Betti's programs: beside this program, else in PATH.
pub fn program_named(name: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().ok().and_then(|own| own.parent().map(|folder| folder.join(name)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    own.into_iter().chain(in_path(&path, name)).find(|candidate| is_program(candidate))
}

fn in_path(path: &OsStr, name: &str) -> Vec<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(name)).collect()
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn open_log(folder: &Path) -> Result<(File, PathBuf), LaunchError> {
    let path = folder.join(LOG_FOLDER).join(LOG_FILE);
    let opened = DirBuilder::new()
        .recursive(true)
        .mode(LOG_FOLDER_MODE)
        .create(folder.join(LOG_FOLDER))
        .and_then(|()| OpenOptions::new().create(true).append(true).mode(LOG_MODE).open(&path));
    opened.map(|log| (log, path.clone())).map_err(|why| LaunchError::Log { path, why })
}

/// What was written to the log after `start`, the end of it if it is long.
fn tail(log: &Path, start: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut log = File::open(log)?;
        let length = log.metadata()?.len();
        let start = if start > length { 0 } else { start }; // it was long, and another one was begun
        let start = start.max(length.saturating_sub(MOST_SHOWN));
        log.seek(SeekFrom::Start(start))?;
        let mut written = Vec::new();
        log.take(MOST_SHOWN).read_to_end(&mut written)?;
        Ok(written)
    };
    let written = read().unwrap_or_default();
    match String::from_utf8_lossy(&written).trim_end() {
        "" => format!("it wrote nothing to {}", log.display()),
        text => text.to_owned(),
    }
}
