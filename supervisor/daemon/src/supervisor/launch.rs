//! From an app in the file to an order to spawn it: the program that runs it, and its environment, afresh each time.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use manifest::{App, Manifest};
use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat};
use protocol::keeper::{Channel, Spawn, Step};
use protocol::worker;

use super::identity::{self, Person};
use super::monitors::program::ExecCheck;
use super::roster::Unit;
use crate::{program, regular};

/// Files with these endings that are named without a folder are scripts beside the file, not programs.
const INTERPRETERS: [(&str, &str); 5] =
    [("js", "node"), ("cjs", "node"), ("mjs", "node"), ("py", "python3"), ("sh", "bash")];
/// The longest file of variables that is read, in bytes.
const LONGEST_ENV_FILE: u64 = 1024 * 1024;
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is the same for all apps.
pub struct Ground {
    /// What the keeper was started with and workers get.
    pub inherited: Vec<(String, String)>,
    /// The file's folder.
    pub folder: PathBuf,
    /// Where workers keep what must survive them.
    pub data_dir: PathBuf,
    /// Where `betti-supervisor` is: ours, and the keeper's if that is an older one.
    pub beside: Vec<PathBuf>,
}

/// Why an app cannot even be ordered to spawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchError {
    pub errno: i32,
    /// In words.
    pub detail: String,
}

fn failed(errno: Errno, detail: String) -> LaunchError {
    LaunchError { errno: errno as i32, detail }
}

impl Ground {
    pub fn new(manifest: &Manifest, inherited: Vec<(String, String)>) -> Self {
        let data_dir = std::env::var_os(worker::DATA_DIR).filter(|value| !value.is_empty()).map(PathBuf::from);
        let halves = [std::process::id().cast_signed(), nix::unistd::getppid().as_raw()];
        let beside = halves.into_iter().filter_map(program::folder_of).collect();
        let folder = manifest.folder.clone();
        Self { inherited, data_dir: data_dir.unwrap_or_else(|| folder.join("data")), folder, beside }
    }

    /// Why a run of an app could not be started, in words.
    pub fn why_not_spawned(&self, unit: &Unit, step: Option<Step>, errno: i32) -> String {
        if let Some(what) = step.and_then(|step| what_failed(step, &unit.app)) {
            return format!("{what}: {}", Errno::from_raw(errno).desc().to_lowercase()) + hint(step, errno);
        }
        match self.spawn(unit, 0) {
            Ok(spawn) => why_not_run(Path::new(&spawn.program), &unit.app.cwd, errno),
            Err(error) => error.detail,
        }
    }

    /// The order to spawn a run of an app.
    pub fn spawn(&self, unit: &Unit, run: u64) -> Result<Spawn, LaunchError> {
        let app = &unit.app;
        let person = person(app)?;
        let env = self.environment(unit)?;
        let path = env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
        let program = self.program(app, path)?;
        Ok(Spawn {
            run,
            app: unit.key(),
            channel: program.channel(),
            program: program.file.to_string_lossy().into_owned(),
            argv: program.argv.into_iter().chain(app.args.iter().cloned()).collect(),
            env: env.into_iter().collect(),
            cwd: app.cwd.to_string_lossy().into_owned(),
            sockets: app.listen.iter().map(ToString::to_string).collect(),
            nonblocking: app.listen_nonblocking,
            identity: person.map(|person| person.identity),
            rlimits: identity::rlimits(&app.rlimits),
            nice: app.nice,
            oom_score_adj: Some(app.oom_score_adj),
            watchdog_usec: app.watchdog.map(|every| u64::try_from(every.as_micros()).unwrap_or(u64::MAX)),
        })
    }

    /// What the keeper was started with, then what we know, then the file's: later ones win. What says who a run is
    /// goes last.
    pub fn environment(&self, unit: &Unit) -> Result<BTreeMap<String, String>, LaunchError> {
        let app = &unit.app;
        let person = person(app)?;
        let mut env: BTreeMap<String, String> = self.inherited.iter().cloned().collect();
        env.extend(person.map(|person| person.variables.clone()).unwrap_or_default());
        let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
        set(worker::DATA_DIR, self.data_dir.to_string_lossy().into_owned());
        set("name", app.name.clone());
        set("namespace", app.namespace.clone());
        set("pm_id", unit.id.0.to_string());
        set("NODE_APP_INSTANCE", unit.instance.to_string());
        set(&app.instance_var, unit.instance.to_string());
        if let Some(address) = app.listen.iter().find_map(manifest::Address::tcp) {
            set(worker::LISTEN_PORT, address.port().to_string());
        }
        if let Some(file) = &app.env_file {
            env.extend(env_file(file)?);
        }
        env.extend(app.env.clone());
        env.insert(worker::APP.to_owned(), app.name.clone());
        env.insert(worker::INSTANCE.to_owned(), unit.instance.to_string());
        Ok(env)
    }

    /// A program that checks an app: run as the app is. What cannot be found is found missing when it is run.
    pub fn check(&self, unit: &Unit, invocation: String, words: &[String]) -> ExecCheck {
        let mut env = self.environment(unit).unwrap_or_default();
        // Whoever a check leaves behind when we die is the run's, and ends with it.
        env.insert(worker::INVOCATION.to_owned(), invocation);
        let path = env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
        let name = words.first().map(String::as_str).unwrap_or_default();
        let program = self.script(name, path).unwrap_or_else(|_| PathBuf::from(name));
        ExecCheck {
            program,
            args: words.iter().skip(1).cloned().collect(),
            cwd: unit.app.cwd.clone(),
            user: person(&unit.app).ok().flatten().map(|person| person.identity),
            oom_score_adj: unit.app.oom_score_adj,
            env: env.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        }
    }

    /// The program that a run spawned now would execute.
    pub fn program_of(&self, unit: &Unit) -> Option<PathBuf> {
        self.spawn(unit, 0).ok().map(|spawn| PathBuf::from(spawn.program))
    }

    fn program(&self, app: &App, path: &str) -> Result<Program, LaunchError> {
        let script = self.script(&app.script, path)?;
        let interpreter = match app.interpreter.as_deref() {
            Some("none") => None,
            Some(named) => Some(named),
            // What runs it would only say that it failed.
            None => match interpreter_of(&script) {
                Some(_) if !script.is_file() => {
                    return Err(failed(Errno::ENOENT, format!("cannot find {}", script.display())));
                }
                by_its_ending => by_its_ending,
            },
        };
        let Some(interpreter) = interpreter else {
            return Ok(Program { argv: vec![script.to_string_lossy().into_owned()], file: script });
        };
        let file = self.interpreter(interpreter, path)?;
        let mut argv = vec![interpreter.to_owned()];
        argv.extend(app.interpreter_args.iter().cloned());
        argv.push(script.to_string_lossy().into_owned());
        Ok(Program { file, argv })
    }

    /// A bare name is looked for beside us, then beside the keeper, then in PATH; a script's name, and everything with a folder, beside the file.
    fn script(&self, script: &str, path: &str) -> Result<PathBuf, LaunchError> {
        // An absolute path replaces the folder; `./` is left out.
        let in_folder: PathBuf = self.folder.join(script).components().collect();
        let is_script = ending(Path::new(script)).is_some();
        if script.contains('/') || (is_script && in_folder.is_file()) {
            return Ok(in_folder);
        }
        let beside = self.beside.iter().map(|folder| folder.join(script)).find(|file| is_executable(file));
        beside.or_else(|| in_path(script, path)).ok_or_else(|| {
            let detail = format!("cannot find {script}: neither beside betti-supervisor nor in PATH ({path})");
            failed(Errno::ENOENT, detail)
        })
    }

    fn interpreter(&self, name: &str, path: &str) -> Result<PathBuf, LaunchError> {
        if name.contains('/') {
            return Ok(self.folder.join(name));
        }
        in_path(name, path)
            .ok_or_else(|| failed(Errno::ENOENT, format!("cannot find the interpreter {name} in PATH ({path})")))
    }
}

/// Who an app is to be, if not the keeper's own user.
fn person(app: &App) -> Result<Option<Person>, LaunchError> {
    identity::resolve(app.user.as_deref(), app.group.as_deref())
        .map_err(|error| failed(Errno::EINVAL, format!("cannot run: {error}")))
}

/// What may run a Node program on behalf of a script.
const SHELLS: [&str; 5] = ["bash", "sh", "dash", "zsh", "ash"];

struct Program {
    file: PathBuf,
    argv: Vec<String>,
}

impl Program {
    /// Node apps get Node's own channel, so that an unmodified `process.send('ready')` works.
    fn channel(&self) -> Channel {
        let name = self.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_node =
            name == "node" || name == "nodejs" || first_line(&self.file).is_some_and(|line| names_node(&line));
        if is_node {
            Channel::Node
        } else if SHELLS.contains(&name.as_str()) {
            Channel::NodeBelow
        } else {
            Channel::Pipe
        }
    }
}

fn names_node(first_line: &str) -> bool {
    first_line.starts_with("#!")
        && first_line.split([' ', '/', '\t']).any(|word| matches!(word.trim(), "node" | "nodejs"))
}

/// What a script is run with, by what it is: `None` means directly.
fn interpreter_of(script: &Path) -> Option<&'static str> {
    let direct = is_executable(script)
        && first_bytes(script).is_some_and(|bytes| bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"#!"));
    if direct { None } else { ending(script) }
}

fn ending(script: &Path) -> Option<&'static str> {
    let ending = script.extension()?.to_str()?;
    INTERPRETERS.iter().find(|(known, _)| *known == ending).map(|(_, interpreter)| *interpreter)
}

fn in_path(name: &str, path: &str) -> Option<PathBuf> {
    path.split(':')
        .filter(|folder| folder.starts_with('/'))
        .map(|folder| Path::new(folder).join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn first_bytes(file: &Path) -> Option<Vec<u8>> {
    const ENOUGH: u64 = 256;
    let mut bytes = Vec::new();
    regular::open(file).ok()?.take(ENOUGH).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn first_line(file: &Path) -> Option<String> {
    let bytes = first_bytes(file)?;
    Some(String::from_utf8_lossy(bytes.split(|&byte| byte == b'\n').next()?).into_owned())
}

fn env_file(path: &Path) -> Result<Vec<(String, String)>, LaunchError> {
    let mut text = String::new();
    let read = regular::open(path).and_then(|file| file.take(LONGEST_ENV_FILE).read_to_string(&mut text));
    if let Err(error) = read {
        let errno = Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EINVAL as i32));
        return Err(failed(errno, format!("cannot read its env_file {}: {error}", path.display())));
    }
    variables(&text).map_err(|line| {
        let detail = format!("cannot read its env_file {}:{line}: a line must be NAME=value", path.display());
        failed(Errno::EINVAL, detail)
    })
}

/// `NAME=value` lines; `#` begins a comment line, `export` is passed over, quotes around a value are taken off. The number
/// of a line that is nothing of the kind otherwise.
fn variables(text: &str) -> Result<Vec<(String, String)>, usize> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let meant = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    meant
        .map(|(number, line)| {
            let line = line.strip_prefix("export ").unwrap_or(line);
            let (name, value) = line.split_once('=').ok_or(number)?;
            let name = name.trim();
            if name.is_empty() || name.contains([' ', '\t', '\0']) || value.contains('\0') {
                return Err(number);
            }
            Ok((name.to_owned(), unquoted(value.trim()).to_owned()))
        })
        .collect()
}

fn unquoted(value: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value)
}

/// Whether a ready descriptor is Node's channel, which is a socket, and not a plain pipe.
pub fn is_socket(descriptor: &OwnedFd) -> bool {
    fstat(descriptor)
        .is_ok_and(|found| SFlag::from_bits_truncate(found.st_mode).intersection(SFlag::S_IFMT) == SFlag::S_IFSOCK)
}

/// What did not come to pass, where that is not the program's fault.
fn what_failed(step: Step, app: &App) -> Option<String> {
    let user = || app.user.as_deref().map(|user| format!(" (as user {user})")).unwrap_or_default();
    Some(match step {
        Step::Prepare => "cannot be started".to_owned(),
        Step::Listen => "cannot bind its socket anew for its user, or make the socket's file theirs".to_owned(),
        Step::ControlGroup => "cannot enter its control group".to_owned(),
        Step::OomScore => format!("cannot set oom_score_adj to {}", app.oom_score_adj),
        Step::Limits => "cannot set its rlimits".to_owned(),
        Step::Nice => format!("cannot set nice to {}", app.nice.unwrap_or_default()),
        Step::User => match (&app.user, &app.group) {
            (Some(user), _) => format!("cannot become user {user}"),
            (None, group) => format!("cannot take on group {}", group.as_deref().unwrap_or_default()),
        },
        Step::Folder if app.cwd.is_dir() => format!("cannot enter its folder {}{}", app.cwd.display(), user()),
        Step::Folder | Step::Program => return None,
    })
}

/// What privileges would have helped.
fn hint(step: Option<Step>, errno: i32) -> &'static str {
    let refused = matches!(Errno::from_raw(errno), Errno::EPERM | Errno::EACCES);
    match step {
        Some(Step::User) if refused && !nix::unistd::geteuid().is_root() => " (the hub does not run as root)",
        Some(Step::Limits) if refused => " (a hard limit is raised by root only)",
        Some(Step::Nice) if refused => " (a better priority is given by root only)",
        Some(Step::Listen) if errno == Errno::EADDRINUSE as i32 => " (a process of another user still has it)",
        _ => "",
    }
}

/// Why a program could not be run, in words, from the errno of the step that failed.
fn why_not_run(program: &Path, cwd: &Path, errno: i32) -> String {
    let errno = Errno::from_raw(errno);
    let what = match errno {
        Errno::ENOENT | Errno::ENOTDIR if !cwd.is_dir() => {
            return format!("cannot enter its folder {}: no such folder", cwd.display());
        }
        Errno::ENOENT if program.exists() => "the interpreter that its first line names is missing",
        Errno::ENOENT => "no such file",
        Errno::EACCES => "not executable for us (chmod +x?)",
        Errno::ENOEXEC => "not a program, and no interpreter is known for it (set interpreter)",
        other => &other.desc().to_lowercase(),
    };
    format!("cannot run {}: {what}", program.display())
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use lifecycle::AppId;

    use super::*;

    fn ground(folder: &Path) -> Ground {
        Ground {
            inherited: vec![("PATH".into(), "/usr/bin:/bin".into()), ("LANG".into(), "C".into())],
            folder: folder.into(),
            data_dir: folder.join("data"),
            beside: vec![folder.join("bin")],
        }
    }

    fn app(folder: &Path, table: &str) -> Unit {
        let manifest = manifest::parse(&folder.join("ecosystem.toml"), &format!("[[apps]]\n{table}\n"), None);
        let app = manifest.unwrap().apps.remove(0);
        Unit { id: AppId(app.id), instance: 0, of: 1, app: Rc::new(app), ad_hoc: false }
    }

    fn write(path: &Path, text: &str, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn launched(folder: &Path, table: &str) -> Spawn {
        ground(folder).spawn(&app(folder, table), 1).unwrap()
    }

    #[test]
    fn a_program_runs_directly_and_a_script_by_its_ending() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(&folder.join("run.sh"), "#!/bin/sh\n", 0o755);
        write(&folder.join("plain.sh"), "echo\n", 0o644);
        write(&folder.join("app.mjs"), "", 0o644);
        let direct = launched(folder, "name = 'a'\nscript = './run.sh'\nargs = ['x']");
        assert_eq!(direct.program, folder.join("run.sh").to_string_lossy());
        assert_eq!(direct.argv[1..], ["x"]);
        let by_ending = launched(folder, "name = 'a'\nscript = 'plain.sh'");
        assert!(by_ending.program.ends_with("/bash") && by_ending.argv[0] == "bash");
        assert_eq!(by_ending.argv[1], folder.join("plain.sh").to_string_lossy());
        let node = launched(folder, "name = 'a'\nscript = 'app.mjs'");
        assert_eq!((node.argv[0].as_str(), node.channel), ("node", Channel::Node));
        let none = launched(folder, "name = 'a'\nscript = './plain.sh'\ninterpreter = 'none'");
        assert_eq!(none.argv.len(), 1);
    }

    #[test]
    fn a_bare_name_is_found_beside_us_first_and_then_in_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let table = "name = 'a'\nscript = 'true'";
        assert!(launched(folder, table).program.ends_with("bin/true"));
        write(&folder.join("bin/true"), "#!/bin/sh\n", 0o755);
        assert_eq!(launched(folder, table).program, folder.join("bin/true").to_string_lossy());
        let error = ground(folder).spawn(&app(folder, "name = 'a'\nscript = 'no-such-program'"), 1).unwrap_err();
        assert_eq!(error.errno, Errno::ENOENT as i32);
        assert!(error.detail.contains("no-such-program"), "{}", error.detail);
    }

    #[test]
    fn the_environment_is_ours_then_the_files_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(&folder.join("vars"), "# a comment\nexport A=file\nB=\"b b\"\n", 0o644);
        let table = "name = 'a'\nscript = 'true'\nenv_file = 'vars'\n[apps.env]\nA = 'env'\nLANG = 'de'";
        let env: BTreeMap<String, String> = launched(folder, table).env.into_iter().collect();
        let expected = [
            ("A", "env"),
            ("B", "b b"),
            ("LANG", "de"),
            ("BETTI_APP", "a"),
            ("BETTI_INSTANCE", "0"),
            ("name", "a"),
            ("namespace", "default"),
            ("pm_id", "0"),
            ("NODE_APP_INSTANCE", "0"),
            ("PATH", "/usr/bin:/bin"),
        ];
        for (name, value) in expected {
            assert_eq!(env.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(env.len(), expected.len() + 1, "and the data directory: {env:?}");
    }

    #[test]
    fn an_env_file_that_cannot_be_used_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let app = app(folder, "name = 'a'\nscript = 'true'\nenv_file = 'vars'");
        let missing = ground(folder).spawn(&app, 1).unwrap_err();
        assert!(missing.detail.contains("vars") && missing.errno == Errno::ENOENT as i32);
        write(&folder.join("vars"), "A=1\nnonsense\n", 0o644);
        assert!(ground(folder).spawn(&app, 1).unwrap_err().detail.contains("vars:2"));
    }

    #[test]
    fn only_a_first_line_that_runs_node_gets_nodes_channel() {
        assert!(names_node("#!/usr/bin/env node"));
        assert!(names_node("#!/usr/bin/node --enable-source-maps"));
        assert!(!names_node("#!/usr/bin/env node-gyp-ish"));
        assert!(!names_node("node"));
    }
}
