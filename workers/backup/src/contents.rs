//! What is in a copy: which files, and the list of them that a copy ends with.

use std::{
    collections::BTreeMap,
    io,
    path::{Component, Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{restore::BEFORE, state};

/// The list's name in the archive. It comes last: an archive that was cut off has none.
pub const LIST: &str = "betti.json";
/// Of which form the list is; a later version of Betti may need another.
pub const FORMAT: u32 = 1;
/// Below this name in the archive is what workers keep.
pub const DATA: &str = "data";
/// Below this one what the operator wrote: `ecosystem.toml` and the certificates.
pub const HOME: &str = "home";
/// The file that says what runs.
pub const ECOSYSTEM: &str = "ecosystem.toml";
const CERTIFICATES: &str = "certs";
/// How a database's file ends.
const DATABASE: &str = "db";
/// How files end that come and go beside a database, or are not whole yet. A copy of a database needs none of them.
const PASSING: [&str; 4] = ["db-wal", "db-shm", "db-journal", "part"];
/// What file systems have at their top for themselves, where the data are a disk of their own.
const LOST_AND_FOUND: &str = "lost+found";
/// How deep folders may be in each other.
const DEEPEST: usize = 8;

/// For each database, how many rows each table has.
pub type Databases = BTreeMap<String, BTreeMap<String, u64>>;

/// What a copy says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contents {
    pub format: u32,
    /// The version of Betti that made it.
    pub version: String,
    pub hub: String,
    /// From before the first file was copied: everything that was acknowledged by then is in it.
    pub made_at: Timestamp,
    /// The public half of the key, so that a new machine goes on with it.
    pub recipient: String,
    pub files: Vec<Listed>,
    pub databases: Databases,
}

/// A file of a copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// In the archive: `data/api.db`.
    pub name: String,
    /// In bytes.
    pub size: u64,
    pub sha256: String,
}

/// A file that is to be copied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// In the archive.
    pub name: String,
    pub path: PathBuf,
}

/// What a home consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The workers' databases, those first that hand things on to others: a reading that `ble.db` no longer has to deliver is
    /// then in the copy of `api.db`, and one that it still has is not taken twice.
    pub databases: Vec<Source>,
    pub files: Vec<Source>,
}

impl Sources {
    /// Finds them: everything in the data but what is about copies, and what the operator wrote.
    ///
    /// # Errors
    /// The file system's.
    pub fn find(data: &Path, config: &Path) -> io::Result<Self> {
        let mut found = Self::default();
        walk(data, DATA, DEEPEST, &mut |source| {
            let is_database = source.path.extension().is_some_and(|ending| ending == DATABASE);
            if is_database { found.databases.push(source) } else { found.files.push(source) }
        })?;
        found.databases.sort_by_key(|source| (source.name.ends_with("/api.db"), source.name.clone()));
        let settings = Source { name: format!("{HOME}/{ECOSYSTEM}"), path: config.to_owned() };
        if config.is_file() {
            found.files.push(settings);
        }
        let certificates = config.parent().unwrap_or(Path::new(".")).join(CERTIFICATES);
        let name = format!("{HOME}/{CERTIFICATES}");
        walk(&certificates, &name, DEEPEST, &mut |source| found.files.push(source))?;
        found.files.sort();
        Ok(found)
    }
}

fn walk(folder: &Path, name: &str, depth: usize, found: &mut impl FnMut(Source)) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Ok(own) = entry.file_name().into_string() else {
            tracing::warn!(file = ?entry.path(), "is not copied: its name is no text");
            continue;
        };
        let source = Source { name: format!("{name}/{own}"), path: entry.path() };
        // A link is followed if it is to a file, as certificates often are; a folder behind a link is somebody else's.
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 && !(name == DATA && is_about_copies(&own)) {
            walk(&source.path, &source.name, depth - 1, found)?;
        } else if !kind.is_dir() && source.path.is_file() && !is_passing(&own) {
            found(source);
        }
    }
    Ok(())
}

/// Whether something at the top of the data is about copies, or the file system's own: it is not copied, and stays in a restore.
pub fn is_about_copies(name: &str) -> bool {
    name == state::FOLDER
        || name == LOST_AND_FOUND
        || name.starts_with(BEFORE)
        || name == kit::worker_files::RESTORE_UNFINISHED
}

fn is_passing(name: &str) -> bool {
    let is_it = |ending: &&str| name.strip_suffix(*ending).is_some_and(|rest| rest.ends_with('.'));
    PASSING.iter().any(is_it) || name == kit::worker_files::RESTORE_UNFINISHED
}

/// A name in the archive as a path below a folder; `None` if it would lead anywhere else.
pub fn below(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    (is_plain && path.components().next().is_some()).then(|| folder.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_its_data_and_what_the_operator_wrote() {
        let home = tempfile::tempdir().unwrap();
        for file in [
            "data/api.db",
            "data/api.db-wal",
            "data/api.db-shm",
            "data/ble.db",
            "data/nutrition.db",
            "data/access.db",
            "data/accelerometer/a.csv",
            "data/accelerometer/b.part",
            "data/backup/state.json",
            "data/before-restore-1/api.db",
            "data/secret",
            "certs/cert.pem",
            "certs/README.md",
            "ecosystem.toml",
            "logs/x.log",
        ] {
            let path = home.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let found = Sources::find(&home.path().join("data"), &home.path().join(ECOSYSTEM)).unwrap();
        let names = |sources: &[Source]| sources.iter().map(|source| source.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&found.databases), ["data/access.db", "data/ble.db", "data/nutrition.db", "data/api.db"]);
        let files = [
            "data/accelerometer/a.csv",
            "data/secret",
            "home/certs/README.md",
            "home/certs/cert.pem",
            "home/ecosystem.toml",
        ];
        assert_eq!(names(&found.files), files);
        let nothing = Sources::find(&home.path().join("none"), &home.path().join("none/ecosystem.toml")).unwrap();
        assert_eq!(nothing, Sources::default());
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let folder = Path::new("/f");
        assert_eq!(below(folder, "data/api.db"), Some("/f/data/api.db".into()));
        for bad in ["", ".", "..", "/etc/passwd", "data/../../x", "./x"] {
            assert_eq!(below(folder, bad), None, "{bad}");
        }
    }
}
