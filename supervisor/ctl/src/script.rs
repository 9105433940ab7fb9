//! A script on the command line as one `[[apps]]` table. Pure but for the look at whether a file is there.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::arguments::Script;
use crate::config::FILE;
use crate::exit::Failure;

/// Endings by which a bare name is a script, if there is such a file.
const ENDINGS: [&str; 13] = ["js", "cjs", "mjs", "ts", "tsx", "mts", "py", "sh", "bash", "rb", "pl", "php", "lua"];

/// Whether the word means a script and not an app: it has a slash, or a script's ending and is there, or it is a command
/// with a space in it.
pub fn is_script(target: &str, here: &Path) -> bool {
    let ending = Path::new(target).extension().and_then(|ending| ending.to_str());
    let has_ending = ending.is_some_and(|ending| ENDINGS.contains(&ending));
    target.contains('/') || target.contains(' ') || (has_ending && here.join(target).is_file())
}

/// What a script is called unless it is given a name; of a command, that is its first word.
pub fn default_name(target: &str, here: &Path) -> String {
    let is_command = target.contains(' ') && !here.join(target).is_file();
    let program = target.split_whitespace().next().filter(|_| is_command).unwrap_or(target);
    Path::new(program).file_stem().map_or_else(|| target.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// Why a script cannot be an app.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It is not there, or is not a file.
    #[error("{0}")]
    NoScript(String),
    /// What was written cannot be meant.
    #[error("{0}")]
    Mistaken(String),
}

impl From<ScriptError> for Failure {
    fn from(error: ScriptError) -> Self {
        match error {
            ScriptError::NoScript(why) => Self::failed(why),
            ScriptError::Mistaken(why) => Self::misuse(why),
        }
    }
}

impl Script {
    /// Whether nothing was said about how a script is to be run.
    pub fn is_empty(&self) -> bool {
        let Self { watch, wait_ready, no_autorestart, .. } = self;
        !watch && !wait_ready && !no_autorestart && self.words().all(|word| word.is_none()) && self.lists_are_empty()
    }

    fn lists_are_empty(&self) -> bool {
        let is_variable = |word: &String| word.contains('=');
        !self.env.iter().any(is_variable) && self.stop_exit_codes.is_empty() && self.args.is_empty()
    }

    fn words(&self) -> impl Iterator<Item = Option<String>> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        [
            self.name.clone(),
            self.namespace.clone(),
            path(&self.cwd),
            self.instances.clone(),
            self.interpreter.clone(),
            self.interpreter_args.clone(),
            self.cron.clone(),
            self.max_memory_restart.clone(),
            self.listen_timeout.clone(),
            self.kill_timeout.clone(),
            self.restart_delay.clone(),
            self.max_restarts.map(|restarts| restarts.to_string()),
            path(&self.output),
            path(&self.error),
        ]
        .into_iter()
    }

    /// The table, as it would stand in a file; relative paths are from `here`.
    ///
    /// # Errors
    /// If the script is not there, a variable is not written `KEY=VALUE`, or an option says what cannot be.
    pub fn table(&self, target: &str, here: &Path) -> Result<String, ScriptError> {
        let mut app = Table::new();
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                app.insert(key.to_owned(), value);
            }
        };
        let text = |text: &Option<String>| text.clone().map(Value::from);
        // A number without a unit is milliseconds, or a count.
        let number = |text: &Option<String>| {
            text.clone().map(|text| text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from))
        };
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| Value::from(absolute(here, path)));
        set("name", Some(self.name.clone().unwrap_or_else(|| default_name(target, here)).into()));
        let program = program(target, here)?;
        set("script", Some(program.as_str().into()));
        set("args", (!self.args.is_empty()).then(|| self.args.clone().into()));
        set("namespace", text(&self.namespace));
        set("cwd", path(&self.cwd).or_else(|| Some(here.display().to_string().into())));
        let interpreter = self.interpreter.as_ref().map(|interpreter| interpreter_of(interpreter, here));
        set("interpreter", interpreter.or_else(|| interpreter_despite_space(&program)).map(Value::from));
        set("interpreter_args", text(&self.interpreter_args));
        set("instances", number(&self.instances));
        set("watch", self.watch.then(|| true.into()));
        set("cron_restart", text(&self.cron));
        set("max_memory_restart", number(&self.max_memory_restart));
        set("wait_ready", self.wait_ready.then(|| true.into()));
        set("listen_timeout", number(&self.listen_timeout));
        set("kill_timeout", number(&self.kill_timeout));
        set("autorestart", self.no_autorestart.then(|| false.into()));
        set("stop_exit_codes", (!self.stop_exit_codes.is_empty()).then(|| self.stop_exit_codes.clone().into()));
        set("restart_delay", number(&self.restart_delay));
        set("max_restarts", self.max_restarts.map(Value::from));
        set("out_file", path(&self.output));
        set("error_file", path(&self.error));
        set("env", environment(&self.env)?.map(Value::Table));
        let apps = Table::from_iter([("apps".to_owned(), Value::Array(vec![Value::Table(app)]))]);
        let text = toml::to_string(&apps).map_err(|error| ScriptError::Mistaken(error.to_string()))?;
        checked(text, here)
    }
}

/// The supervisor would find the same mistakes, and place them in a file that the user never wrote.
fn checked(text: String, here: &Path) -> Result<String, ScriptError> {
    let Err(broken) = manifest::parse(&here.join(FILE), &text, None) else { return Ok(text) };
    let in_words = |mistake: &manifest::Diagnostic| match &mistake.help {
        Some(help) => format!("{}: {help}", mistake.message),
        None => mistake.message.clone(),
    };
    Err(ScriptError::Mistaken(broken.mistakes().iter().map(in_words).collect::<Vec<_>>().join("\n")))
}

fn program(target: &str, here: &Path) -> Result<String, ScriptError> {
    let path = here.join(target);
    match path.metadata() {
        Ok(found) if found.is_file() => Ok(absolute(here, Path::new(target))),
        _ if target.contains(' ') => Ok(target.to_owned()),
        Ok(_) => Err(ScriptError::NoScript(format!("{target} is not a file"))),
        Err(why) => Err(ScriptError::NoScript(format!("{target}: {why}"))),
    }
}

/// A path or a bare name that is looked for later.
fn interpreter_of(interpreter: &str, here: &Path) -> String {
    if interpreter.contains('/') { absolute(here, Path::new(interpreter)) } else { interpreter.to_owned() }
}

/// In a file, a script with a space and no interpreter is a command for bash. What was named here and is there is a script.
fn interpreter_despite_space(program: &str) -> Option<String> {
    const INTERPRETERS: [(&str, &str); 5] =
        [("js", "node"), ("cjs", "node"), ("mjs", "node"), ("py", "python3"), ("sh", "bash")];
    let path = Path::new(program);
    let found = path.metadata().ok().filter(|_| path.is_absolute() && program.contains(char::is_whitespace))?;
    let ending = path.extension().and_then(|ending| ending.to_str());
    let by_ending = INTERPRETERS.iter().find(|(known, _)| Some(*known) == ending).map(|(_, interpreter)| *interpreter);
    let is_executable = found.permissions().mode() & 0o111 != 0;
    Some(by_ending.filter(|_| !is_executable).unwrap_or("none").to_owned())
}

fn absolute(here: &Path, path: &Path) -> String {
    // Links stay as they are: what they point to may change, and that is what they are for.
    let path = std::path::absolute(here.join(path)).unwrap_or_else(|_| here.join(path));
    path.display().to_string()
}

fn environment(written: &[String]) -> Result<Option<Table>, ScriptError> {
    let mut table = Table::new();
    for variable in written {
        let (name, value) = variable
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| ScriptError::Mistaken(format!("--env {variable}: for a script, write --env KEY=VALUE")))?;
        table.insert(name.to_owned(), value.into());
    }
    Ok((!table.is_empty()).then_some(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for file in ["worker.py", "api"] {
            std::fs::write(folder.path().join(file), "").expect("a file");
        }
        folder
    }

    #[test]
    fn a_script_is_told_from_a_name() {
        let folder = folder();
        for (target, expected) in [
            ("worker.py", true),
            ("nosuch.py", false),
            ("./nosuch.py", true),
            ("/usr/bin/env", true),
            ("python3 -m http.server", true),
            ("api", false),
            ("all", false),
            ("0", false),
        ] {
            assert_eq!(is_script(target, folder.path()), expected, "{target}");
        }
    }

    #[test]
    fn a_script_is_called_after_its_file() {
        for (target, name) in
            [("./a/worker.py", "worker"), ("/usr/bin/env", "env"), ("python3 -m http.server", "python3")]
        {
            assert_eq!(default_name(target, Path::new("/nowhere")), name);
        }
    }

    #[test]
    fn a_script_with_a_space_in_its_path_is_no_command_for_bash() {
        let folder = folder();
        let here = folder.path().join("two words");
        std::fs::create_dir(&here).expect("a folder");
        for (file, mode, interpreter) in
            [("my job.py", 0o644, "python3"), ("job.sh", 0o755, "none"), ("job", 0o755, "none")]
        {
            std::fs::write(here.join(file), "#!/bin/sh\n").expect("a file");
            std::fs::set_permissions(here.join(file), std::fs::Permissions::from_mode(mode)).expect("a mode");
            let text = Script::default().table(&format!("./{file}"), &here).expect("a table");
            let manifest = manifest::parse(Path::new("/f/ecosystem.toml"), &text, None).expect("a good table");
            let app = &manifest.apps[0];
            assert_eq!(Path::new(&app.script), here.join(file));
            assert_eq!((app.interpreter.as_deref(), app.args.len()), (Some(interpreter), 0), "{file}");
        }
        assert_eq!(default_name("./my job.py", &here), "my job");
        let command = Script::default().table("sleep 10", &here).expect("a table");
        assert!(command.contains("script = \"sleep 10\"") && !command.contains("interpreter"), "{command}");
    }

    #[test]
    fn the_table_says_what_the_command_line_said() {
        let folder = folder();
        let script = Script {
            name: Some("x \"quoted\"".into()),
            namespace: Some("n".into()),
            cwd: Some("sub".into()),
            env: vec!["A=1".into(), "B=x=y".into()],
            instances: Some("2".into()),
            interpreter: Some("./venv/bin/python".into()),
            interpreter_args: Some("-u".into()),
            watch: true,
            cron: Some("0 3 * * *".into()),
            max_memory_restart: Some("300M".into()),
            wait_ready: true,
            listen_timeout: Some("10s".into()),
            kill_timeout: Some("2000".into()),
            no_autorestart: true,
            stop_exit_codes: vec![0, 3],
            restart_delay: Some("500".into()),
            max_restarts: Some(3),
            output: Some("/var/log/x".into()),
            error: Some("x.err".into()),
            args: vec!["--verbose".into(), "two words".into()],
        };
        let text = script.table("worker.py", folder.path()).expect("a table");
        let shown = text.replace(&folder.path().display().to_string(), "/here");
        insta::assert_snapshot!(shown);
        assert!(!script.is_empty() && Script::default().is_empty());
    }

    #[test]
    fn what_is_left_out_is_left_to_the_defaults() {
        let folder = folder();
        let text = Script::default().table("./worker.py", folder.path()).expect("a table");
        let manifest = manifest::parse(Path::new("/f/ecosystem.toml"), &text, None).expect("a good table");
        let app = &manifest.apps[0];
        assert_eq!(app.name, "worker");
        assert_eq!(Path::new(&app.script), folder.path().join("worker.py"));
        assert_eq!(app.cwd, folder.path());
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        let folder = folder();
        let table =
            |script: &Script, target: &str| script.table(target, folder.path()).expect_err("refused").to_string();
        assert!(table(&Script::default(), "./nosuch.py").contains("./nosuch.py: No such file"));
        assert!(table(&Script::default(), "./").contains("is not a file"));
        let profile = Script { env: vec!["production".into()], ..Script::default() };
        assert!(table(&profile, "worker.py").contains("write --env KEY=VALUE"));
        let named = |name: &str| table(&Script { name: Some(name.into()), ..Script::default() }, "worker.py");
        assert_eq!(named("all"), "`all` cannot be a name: that means every app");
    }
}
