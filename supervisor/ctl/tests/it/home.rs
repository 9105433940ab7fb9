//! A home of its own for every test: a folder with an `ecosystem.toml`, a runtime directory, and the programs.

use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Two apps, the second after the first.
pub const FILE: &str = r#"
[[apps]]
name = "api"
script = "api"
listen = "127.0.0.1:3001"

[[apps]]
name = "betti-frontend"
script = "web"
listen = "127.0.0.1:5173"
depends_on = "api"
"#;

pub struct Home {
    root: tempfile::TempDir,
}

/// What a call of betti-ctl came to.
#[derive(Debug)]
pub struct Call {
    pub code: Option<i32>,
    pub out: String,
    pub error: String,
}

impl Home {
    /// With a good file and a runtime directory in which nobody listens.
    pub fn new() -> Self {
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let home = Self { root };
        std::fs::create_dir(home.folder()).expect("a folder");
        std::fs::create_dir(home.programs()).expect("a folder");
        std::fs::DirBuilder::new().mode(0o700).create(home.runtime_dir()).expect("a folder");
        home.write_file(FILE);
        home
    }

    /// Where `ecosystem.toml` is.
    pub fn folder(&self) -> PathBuf {
        self.root.path().join("home")
    }

    pub fn config(&self) -> PathBuf {
        self.folder().join("ecosystem.toml")
    }

    pub fn runtime_dir(&self) -> PathBuf {
        self.root.path().join("run")
    }

    pub fn socket(&self) -> PathBuf {
        self.runtime_dir().join("control.sock")
    }

    fn programs(&self) -> PathBuf {
        self.root.path().join("bin")
    }

    pub fn write_file(&self, text: &str) {
        std::fs::write(self.config(), text).expect("a file");
    }

    /// Puts a shell script in the supervisor's place.
    pub fn install_supervisor(&self, script: &str) {
        let path = self.programs().join("betti-supervisor");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("ours");
    }

    /// betti-ctl, in the folder, beside the supervisor of this home if there is one.
    pub fn ctl(&self, arguments: &[&str]) -> Command {
        let program = self.programs().join("betti-ctl");
        if !program.exists() {
            std::fs::hard_link(env!("CARGO_BIN_EXE_betti-ctl"), &program).expect("the same file system");
        }
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder());
        command.env("BETTI_RUNTIME_DIR", self.runtime_dir()).env_remove("NO_COLOR").env("PATH", "/usr/bin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub fn call(&self, arguments: &[&str]) -> Call {
        finish(self.ctl(arguments).spawn().expect("betti-ctl runs"))
    }
}

/// Waits for the end, at most as long as anything may take.
pub fn finish(mut child: Child) -> Call {
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().expect("our child").is_none() {
        assert!(Instant::now() < deadline, "betti-ctl does not end");
        // Not to wait for it, but to leave the processor to it.
        std::thread::yield_now();
    }
    let Output { status, stdout, stderr } = child.wait_with_output().expect("our child");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Call { code: status.code(), out: text(stdout), error: text(stderr) }
}

/// Looks until there is something to see.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::yield_now();
    }
}

/// The whole text of a file, once it is there and not empty.
pub fn text_of(path: &Path) -> String {
    wait_for(&format!("{}", path.display()), || {
        let mut text = String::new();
        std::fs::File::open(path).ok()?.read_to_string(&mut text).ok()?;
        text.ends_with('\n').then_some(text)
    })
}

/// The text without what differs from test to test.
pub fn plain(text: &str, home: &Home) -> String {
    let root = home.root.path().canonicalize().expect("a folder");
    text.replace(&root.display().to_string(), "/ROOT")
}
