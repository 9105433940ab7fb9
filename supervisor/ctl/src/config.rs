//! Which `ecosystem.toml` is meant, and what it says.

use std::io;
use std::path::{Path, PathBuf};

use manifest::{Diagnostics, Manifest};

use crate::exit::Failure;
use crate::printer::Printer;

/// What the file is called.
pub const FILE: &str = "ecosystem.toml";

/// Why there is no file to go by.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// What `--config` names cannot be used.
    #[error("--config {}: {}", path.display(), in_words(path, why))]
    Given {
        /// As it was given.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// The current folder cannot be seen.
    #[error("the folder that we are in cannot be seen: {0}")]
    Here(io::Error),
}

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        Self::misuse(error.to_string())
    }
}

/// The file that was given, else the one here or in the nearest folder above; `None` if there is none.
///
/// The path is absolute and free of links: it is compared with the supervisor's.
///
/// # Errors
/// If the file that was given is not there.
pub fn find(given: Option<&Path>) -> Result<Option<PathBuf>, FindError> {
    if let Some(path) = given {
        return find_named(path).map(Some).map_err(|why| FindError::Given { path: path.to_owned(), why });
    }
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).map_err(FindError::Here)?;
    Ok(above(&here).and_then(|found| found.canonicalize().ok()))
}

fn find_named(path: &Path) -> io::Result<PathBuf> {
    let found = path.canonicalize()?;
    if found.is_dir() { found.join(FILE).canonicalize() } else { Ok(found) }
}

/// Of a folder it is the file in it that cannot be used.
fn in_words(path: &Path, why: &io::Error) -> String {
    if path.is_dir() { format!("no {FILE} in this folder can be used: {why}") } else { why.to_string() }
}

fn above(here: &Path) -> Option<PathBuf> {
    here.ancestors().map(|folder| folder.join(FILE)).find(|file| file.is_file())
}

/// The file that was named on the command line, else the one that everything goes by.
///
/// # Errors
/// If the one that was named is not there, or there is none.
pub fn named_or(named: Option<&Path>, found: Option<&Path>) -> Result<PathBuf, Failure> {
    let found = || found.map(Path::to_owned).ok_or_else(missing);
    match named {
        Some(path) => {
            Ok(find_named(path)
                .map_err(|why| Failure::misuse(format!("{}: {}", path.display(), in_words(path, &why))))?)
        }
        None => found(),
    }
}

/// There is no file, and what to do about it.
pub fn missing() -> Failure {
    Failure::misuse(format!(
        "there is no {FILE} here or in a folder above: write one with betti-ctl init, or name one with --config"
    ))
}

/// The text of the file.
///
/// # Errors
/// If it cannot be read.
pub fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|why| Failure::misuse(format!("{}: {why}", path.display())))
}

/// Reads the file; its mistakes are shown on standard error.
///
/// # Errors
/// If the file cannot be read or is not a good one.
pub fn read(path: &Path, profile: Option<&str>, printer: &Printer) -> Result<Manifest, Failure> {
    manifest::parse_in_place(path, &text(path)?, profile).map_err(|broken| mistaken(&broken, printer))
}

/// Shows the mistakes on standard error.
pub fn mistaken(broken: &Diagnostics, printer: &Printer) -> Failure {
    printer.error_text(&broken.render(printer.error_colour()));
    printer.error_text("\n\n");
    let count = match broken.mistakes().len() {
        1 => "1 mistake".to_owned(),
        many => format!("{many} mistakes"),
    };
    let message = format!("{count} in {}: nothing was changed", broken.path().display());
    Failure { mistakes: broken.mistakes().iter().map(Into::into).collect(), ..Failure::misuse(message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_above_is_found() {
        let root = tempfile::tempdir().expect("a folder");
        let deep = root.path().join("a/b");
        std::fs::create_dir_all(&deep).expect("folders");
        assert_eq!(above(&deep), None);
        std::fs::write(root.path().join(FILE), "").expect("a file");
        assert_eq!(above(&deep), Some(root.path().join(FILE)));
        std::fs::write(root.path().join("a").join(FILE), "").expect("a file");
        assert_eq!(above(&deep), Some(root.path().join("a").join(FILE)));
    }

    #[test]
    fn a_given_file_must_exist_and_may_be_a_folder() {
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().canonicalize().expect("a folder").join(FILE);
        assert!(matches!(find(Some(&file)), Err(FindError::Given { .. })));
        std::fs::write(&file, "").expect("a file");
        assert_eq!(find(Some(&file)).expect("found"), Some(file.clone()));
        assert_eq!(find(Some(root.path())).expect("found"), Some(file));
    }
}
