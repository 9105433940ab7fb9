//! Log files that would destroy something, or that cannot be files.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::Mistake;
use crate::resolve;
use crate::value::Placed;
use crate::written::Written;

/// The supervisor's own log and what a long one is renamed to, in the folder of the file.
const OWN_LOGS: [&str; 2] = ["logs/betti-supervisor.log", "logs/betti-supervisor.log.1"];
/// Devices are never put aside.
const DEVICES: &str = "/dev";
/// What the log that is being compressed is called, after its name.
const UNFINISHED: &str = ".gz.tmp";
const INDEX: &str = ".index";
const COMPRESSED: &str = ".gz";

/// A log of an app, named in the file or not.
struct Log<'a> {
    app: &'a Written,
    file: Option<&'a Placed<String>>,
    path: PathBuf,
}

impl Log<'_> {
    fn place(&self) -> Range<usize> {
        self.file.map_or_else(|| self.app.header.clone(), Placed::span)
    }
}

/// Notes every one, in all profiles: what one leaves behind is there in another one.
pub(crate) fn misplaced(apps: &[Written], file: &Path, is_folder: &dyn Fn(&Path) -> bool, mistakes: &mut Vec<Mistake>) {
    let folder = file.parent().unwrap_or(Path::new(""));
    let logs: Vec<Log<'_>> = apps.iter().flat_map(|app| logs(app, folder)).collect();
    let by_path: BTreeMap<&Path, &Log<'_>> = logs.iter().rev().map(|log| (log.path.as_path(), log)).collect();
    for log in &logs {
        let Some(written) = log.file else { continue };
        let text = written.get_ref();
        let mistake = if names_folder(text) || is_folder(&log.path) {
            Some(("a log is a file, and this is a folder", "name a file in it, as in \"logs/web.log\""))
        } else if log.path == plain(file) {
            Some(("the log would be written into this very file", "give it one of its own, as in \"logs/web.log\""))
        } else if OWN_LOGS.iter().any(|own| log.path == plain(&folder.join(own))) {
            Some(("this is the supervisor's own log", "give the app one of its own, as in \"logs/web.log\""))
        } else {
            None
        };
        match mistake {
            Some((message, help)) => mistakes.push(Mistake::new(written.span(), message).help(help)),
            None => mistakes.extend(taken_by_another(log, &by_path)),
        }
    }
}

/// Both of an app that has them.
fn logs<'a>(app: &'a Written, folder: &Path) -> Vec<Log<'a>> {
    let Some((out, error)) = resolve::log_files(app, folder) else { return Vec::new() };
    let log = |file, path: &Path| Log { app, file, path: plain(path) };
    match resolve::is_silent(app) {
        true => Vec::new(),
        false => vec![log(app.out_file.as_ref(), &out), log(app.error_file.as_ref(), &error)],
    }
}

/// Whether no file can be meant, whatever there is.
fn names_folder(text: &str) -> bool {
    let last = text.rsplit('/').next().unwrap_or_default();
    matches!(last, "" | "." | "..")
}

/// A log whose name another one gets, or its index, when that is put aside.
fn taken_by_another(log: &Log<'_>, by_path: &BTreeMap<&Path, &Log<'_>>) -> Option<Mistake> {
    let name = log.path.file_name()?.to_str()?;
    let other = bases(name).find_map(|base| by_path.get(log.path.with_file_name(base).as_path()))?;
    if other.path.starts_with(DEVICES) {
        return None;
    }
    let base = other.path.file_name()?.to_string_lossy();
    let message = format!("`{name}` belongs to `{base}`: its index and what is put aside of it have such names");
    let help = "choose a name that does not end in a number, in `.gz` or in `.index`";
    Some(Mistake::new(log.place(), message).related(other.place(), format!("`{base}`")).help(help))
}

/// Names of the logs of which this one may come.
fn bases(name: &str) -> impl Iterator<Item = &str> {
    let present = [INDEX, UNFINISHED].into_iter().find_map(|ending| name.strip_suffix(ending));
    let aside = [INDEX, COMPRESSED].into_iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let aside = aside.rsplit_once('.').filter(|(_, number)| !number.is_empty() && is_number(number));
    [present, aside.map(|(base, _)| base)].into_iter().flatten().filter(|base| !base.is_empty())
}

/// Without `.` and `..`, as far as the text tells.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_what_is_put_aside_are_known() {
        for (name, expected) in [
            ("g.log.1", &["g.log"][..]),
            ("g.log.12.gz", &["g.log"]),
            ("g.log.3.index", &["g.log.3", "g.log"]),
            ("g.log.index", &["g.log"]),
            ("g.log.gz.tmp", &["g.log"]),
            ("g.log", &[]),
            ("g.log.01", &[]),
            ("g.log.0", &[]),
            ("g.log.gz", &[]),
            ("g.log.", &[]),
            (".1", &[]),
            ("1", &[]),
            (".index", &[]),
        ] {
            assert_eq!(bases(name).collect::<Vec<_>>(), expected, "{name}");
        }
    }

    #[test]
    fn paths_are_compared_without_detours() {
        for (path, expected) in
            [("/a/./b/../c", "/a/c"), ("../a", "../a"), ("a/../../b", "../b"), ("/../a", "/../a"), ("a/..", "")]
        {
            assert_eq!(plain(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}
