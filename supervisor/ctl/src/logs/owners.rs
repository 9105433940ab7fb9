//! Whose a line is. Several apps may write to one file, and one app's two outputs may; then the marks tell.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use protocol::control::LogSource;
use protocol::log_index::{Mark, NOBODY};

/// Which of an app's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Standard output.
    Out,
    /// Standard error.
    Error,
}

/// One who writes to a log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    id: u32,
    name: String,
    kind: Kind,
    /// Whether these lines are asked for.
    is_meant: bool,
}

/// Who wrote a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The app's number.
    pub id: u32,
    /// The app's name.
    pub name: String,
    /// Which of its outputs.
    pub kind: Kind,
}

/// A log, and everyone who writes to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Where it is; the same for everyone, by whatever way they name it.
    pub path: PathBuf,
    owners: Vec<Owner>,
    /// The numbers of all apps, also of those that write elsewhere.
    ids: BTreeSet<u32>,
}

/// The logs to which the apps that are meant write, each once, in the apps' order.
pub fn logs(all: &[LogSource], meant: &[&LogSource], kinds: &[Kind]) -> Vec<Log> {
    let outputs = |source: &LogSource| {
        [(Kind::Out, resolved(Path::new(&source.out_file))), (Kind::Error, resolved(Path::new(&source.error_file)))]
    };
    let ids: BTreeSet<u32> = all.iter().map(|source| source.id).collect();
    let mut logs: Vec<Log> = Vec::new();
    for (_, path) in meant.iter().flat_map(|source| outputs(source)).filter(|(kind, _)| kinds.contains(kind)) {
        if !logs.iter().any(|log| log.path == path) {
            logs.push(Log { path, owners: Vec::new(), ids: ids.clone() });
        }
    }
    for source in all {
        for (kind, path) in outputs(source) {
            let is_meant = kinds.contains(&kind) && meant.iter().any(|other| other.id == source.id);
            if let Some(log) = logs.iter_mut().find(|log| log.path == path) {
                log.owners.push(Owner { id: source.id, name: source.name.clone(), kind, is_meant });
            }
        }
    }
    logs
}

/// Where a file really is, as far as the way to it is there: the same for everyone, also when the rest has come.
pub fn resolved(path: &Path) -> PathBuf {
    let (there, rest) = path
        .ancestors()
        .find_map(|there| Some((there.canonicalize().ok()?, path.strip_prefix(there).ok()?)))
        .unwrap_or_else(|| (PathBuf::new(), path));
    if rest.as_os_str().is_empty() { there } else { there.join(rest) }
}

impl Log {
    /// Who wrote the line that this mark is of; `None` if that is nobody whose lines are asked for.
    ///
    /// A file that only one app's one output goes to is its own, whatever the marks say: numbers change, when everything is
    /// started anew for instance. What nobody knows the writer of is shown as the first's who may be.
    pub fn writer(&self, mark: Option<&Mark>) -> Option<Writer> {
        let meant = || self.owners.iter().filter(|owner| owner.is_meant);
        let kind = self.kind(mark);
        let is_of_kind = |owner: &&Owner| kind.is_none_or(|kind| owner.kind == kind);
        let first = || meant().find(is_of_kind);
        let app = mark.map(|mark| mark.app).filter(|app| *app != NOBODY).map(u32::from);
        let (owner, id) = match app {
            Some(app) if self.owners.iter().any(|owner| owner.id == app) => {
                (meant().filter(is_of_kind).find(|owner| owner.id == app)?, app)
            }
            // One that is gone, unless the number is another's by now.
            Some(app) if !self.ids.contains(&app) => (first()?, app),
            _ => {
                let owner = first()?;
                (owner, owner.id)
            }
        };
        Some(Writer { id, name: owner.name.clone(), kind: kind.unwrap_or(owner.kind) })
    }

    fn kind(&self, mark: Option<&Mark>) -> Option<Kind> {
        let first = self.owners.first().map(|owner| owner.kind);
        if self.owners.iter().all(|owner| Some(owner.kind) == first) {
            return first;
        }
        mark.map(|mark| if mark.error { Kind::Error } else { Kind::Out })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(id: u32, name: &str, out: &str, error: &str) -> LogSource {
        let path = |name: &str| format!("/nowhere/{name}");
        LogSource { id, name: name.into(), namespace: "default".into(), out_file: path(out), error_file: path(error) }
    }

    fn mark(app: u16, error: bool) -> Mark {
        Mark { app, error, ..Mark::default() }
    }

    fn shown(log: &Log, mark: Option<Mark>) -> Option<(u32, &'static str, Kind)> {
        let writer = log.writer(mark.as_ref())?;
        let name = ["web", "api"].into_iter().find(|name| *name == writer.name).expect("a name");
        Some((writer.id, name, writer.kind))
    }

    const BOTH: [Kind; 2] = [Kind::Out, Kind::Error];

    #[test]
    fn a_log_is_one_by_whatever_way_it_is_named_and_before_it_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let real = folder.path().canonicalize().expect("a folder").join("real");
        std::fs::create_dir(&real).expect("a folder");
        std::os::unix::fs::symlink(&real, folder.path().join("link")).expect("a link");
        let named = folder.path().join("link/logs/a.log");
        assert_eq!(resolved(&named), real.join("logs/a.log"));
        std::fs::create_dir(real.join("logs")).expect("a folder");
        assert_eq!(resolved(&named), real.join("logs/a.log"));
        std::fs::write(&named, "").expect("a file");
        assert_eq!(resolved(&named), real.join("logs/a.log"));
    }

    #[test]
    fn a_file_of_ones_own_is_ones_own_whatever_number_one_had() {
        let all = [source(0, "web", "w", "we"), source(1, "api", "a", "ae")];
        let found = logs(&all, &[&all[1]], &BOTH);
        assert_eq!(
            found.iter().map(|log| log.path.to_str()).collect::<Vec<_>>(),
            [Some("/nowhere/a"), Some("/nowhere/ae")]
        );
        for app in [0, 1, NOBODY] {
            assert_eq!(shown(&found[0], Some(mark(app, true))), Some((1, "api", Kind::Out)), "{app}");
        }
        assert_eq!(shown(&found[0], Some(mark(7, false))), Some((7, "api", Kind::Out)), "an instance that is gone");
        assert_eq!(shown(&found[0], None), Some((1, "api", Kind::Out)));
    }

    #[test]
    fn a_shared_file_is_shown_once_and_each_line_is_its_writers() {
        let all = [source(0, "web", "w", "w"), source(1, "web", "w", "w"), source(2, "api", "a", "a")];
        let found = logs(&all, &[&all[0], &all[1]], &BOTH);
        assert_eq!(found.len(), 1);
        assert_eq!(shown(&found[0], Some(mark(1, true))), Some((1, "web", Kind::Error)));
        assert_eq!(shown(&found[0], Some(mark(0, false))), Some((0, "web", Kind::Out)));
        assert_eq!(shown(&found[0], Some(mark(2, false))), Some((0, "web", Kind::Out)), "the number is api's by now");
        assert_eq!(shown(&found[0], Some(mark(9, false))), Some((9, "web", Kind::Out)));
        assert_eq!(shown(&found[0], Some(mark(NOBODY, true))), Some((0, "web", Kind::Error)));
    }

    #[test]
    fn of_a_shared_file_only_what_is_asked_for_is_shown() {
        let all = [source(0, "web", "w", "w"), source(1, "web", "w", "w")];
        let found = logs(&all, &[&all[1]], &[Kind::Error]);
        assert_eq!(shown(&found[0], Some(mark(1, true))), Some((1, "web", Kind::Error)));
        assert_eq!(shown(&found[0], Some(mark(1, false))), None);
        assert_eq!(shown(&found[0], Some(mark(0, true))), None);
        assert_eq!(shown(&found[0], None), Some((1, "web", Kind::Error)), "unknown is not left out");
    }
}
