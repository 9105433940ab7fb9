//! Which changes of files restart an app.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ignore::gitignore::GitignoreBuilder;
use toml::de::DeValue;

use crate::diagnostic::Mistake;
use crate::model::Watch;
use crate::value::{self, Placed, Read, Value};

/// How long it has to be quiet after a change, unless said otherwise: an editor or a build writes many files at once.
pub(crate) const DELAY: Duration = Duration::from_millis(500);
/// What is passed over whatever an app says: dot files are editors' and version control's, `node_modules` is large and
/// changes only by installing.
const NEVER_WATCHED: [&str; 2] = [".*", "node_modules"];
/// The hub's own folders, in which something is written all the time.
const OWN_FOLDERS: [&str; 2] = ["logs", "data"];

/// `watch`, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Off,
    WorkingDirectory,
    Paths(Vec<String>),
}

pub(crate) fn read(value: &Value<'_>) -> Result<Written, Vec<Mistake>> {
    match value.get_ref() {
        DeValue::Boolean(false) => Ok(Written::Off),
        DeValue::Boolean(true) => Ok(Written::WorkingDirectory),
        DeValue::String(_) | DeValue::Array(_) => {
            let paths = value::list(value, value::filled)?;
            Ok(match paths.is_empty() {
                true => Written::Off,
                false => Written::Paths(paths.into_iter().map(Placed::into_inner).collect()),
            })
        }
        _ => Err(value::wrong(value, "`true`, `false`, a path or a list of paths").into()),
    }
}

/// A line of gitignore's syntax.
pub(crate) fn pattern(value: &Value<'_>) -> Read<String> {
    let pattern = value::filled(value)?;
    if pattern.contains(['\n', '\r']) {
        return Err(Mistake::new(value.span(), "this must be one line"));
    }
    let read = GitignoreBuilder::new("/").add_line(None, &pattern).map(|_| ());
    read.map(|()| pattern).map_err(|_| {
        Mistake::new(value.span(), "this is not a pattern")
            .help("write it as in a .gitignore file: \"*.log\", \"uploads/\", \"!keep.log\"")
    })
}

/// What an app watches.
pub(crate) fn resolve(paths: Vec<PathBuf>, patterns: &[String], delay: Option<Duration>, seen: &Seen<'_>) -> Watch {
    // The last pattern that fits decides, so what must never restart an app comes last.
    let always = NEVER_WATCHED.map(str::to_owned);
    let ignore = always.into_iter().chain(patterns.iter().cloned()).chain(seen.own(&paths)).collect();
    Watch { paths, ignore, delay: delay.unwrap_or(DELAY) }
}

/// From where patterns are seen.
pub(crate) struct Seen<'a> {
    /// The file's folder.
    pub folder: &'a Path,
    /// The app's working directory.
    pub cwd: &'a Path,
    /// The app's own log files.
    pub logs: [&'a Path; 2],
}

impl Seen<'_> {
    /// Patterns of what the hub itself writes, so that no app is restarted because it was heard.
    fn own(&self, watched: &[PathBuf]) -> Vec<String> {
        let folders = OWN_FOLDERS.map(|name| self.folder.join(name));
        let folders = folders.iter().filter_map(|folder| self.pattern(folder, "/", watched));
        // With the files that were put aside, which have the same beginning.
        let logs = self.logs.iter().filter_map(|log| self.pattern(log, "*", watched));
        folders.chain(logs).collect()
    }

    fn pattern(&self, path: &Path, ending: &str, watched: &[PathBuf]) -> Option<String> {
        if let Ok(below) = path.strip_prefix(self.cwd) {
            return Some(format!("/{}{ending}", escaped(&below.to_string_lossy())));
        }
        // What lies beside the working directory is seen by its name only.
        let is_watched = watched.iter().any(|watched| path.starts_with(watched));
        let name = path.file_name().filter(|_| is_watched)?;
        Some(format!("{}{ending}", escaped(&name.to_string_lossy())))
    }
}

/// A path whose characters mean only themselves.
fn escaped(path: &str) -> String {
    path.chars().fold(String::new(), |mut escaped, character| {
        if "*?[]{}!#\\ ".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ignore::gitignore::Gitignore;

    fn matcher(cwd: &str, paths: &[&str], patterns: &[&str]) -> Gitignore {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        let folder = Path::new("/hub");
        let logs = [Path::new("/hub/logs/api-out.log"), Path::new("/hub/app/[1] err.log")];
        let seen = Seen { folder, cwd: Path::new(cwd), logs };
        let watch = resolve(paths.iter().map(PathBuf::from).collect(), &patterns, None, &seen);
        let mut builder = GitignoreBuilder::new(cwd);
        for line in &watch.ignore {
            builder.add_line(None, line).expect("a good pattern");
        }
        builder.build().expect("good patterns")
    }

    #[test]
    fn what_the_hub_writes_and_what_nobody_means_is_passed_over() {
        let hub = matcher("/hub", &["/hub"], &["*.tmp", "!node_modules", "!logs/"]);
        let ignored = |path: &str| hub.matched_path_or_any_parents(path, false).is_ignore();
        for path in [
            "/hub/.git/index",
            "/hub/src/.swp",
            "/hub/logs/api-out.log",
            "/hub/data/api.db",
            "/hub/a.tmp",
            "/hub/app/[1] err.log",
            "/hub/app/[1] err.log.1",
        ] {
            assert!(ignored(path), "{path}");
        }
        for path in ["/hub/src/logs/write.js", "/hub/app/main.js", "/hub/src/data/model.js", "/hub/node_modules/a.js"] {
            assert!(!ignored(path), "{path}");
        }
    }

    #[test]
    fn an_app_in_a_folder_of_its_own_may_have_folders_of_these_names() {
        let app = matcher("/hub/app", &["/hub/app"], &[]);
        assert!(!app.matched_path_or_any_parents("/hub/app/data/model.js", false).is_ignore());
        assert!(app.matched_path_or_any_parents("/hub/app/[1] err.log", false).is_ignore());
        let beside = matcher("/hub/app", &["/hub"], &[]);
        assert!(beside.matched_path_or_any_parents("logs/x.log", false).is_ignore());
    }
}
