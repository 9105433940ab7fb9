//! Whose logs there are when no supervisor can be asked: those that the file names, whatever the profile, and those of instances
//! that have written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use manifest::{App, Diagnostics, Instances, Manifest};
use protocol::control::LogSource;

use super::place::{self, Place};
use crate::profiles;

/// What the file says.
pub struct Offline {
    /// Whose logs there may be.
    pub sources: Vec<LogSource>,
    /// Whether any of them is there.
    pub is_any_there: bool,
}

/// Reads the text of the file.
///
/// # Errors
/// If it is not a good one.
pub fn sources(path: &Path, text: &str) -> Result<Offline, Box<Diagnostics>> {
    let known = profiles::of(text).known;
    let read = |profile: Option<&str>| manifest::parse(path, text, profile).map_err(Box::new);
    let own = read(None)?;
    let mut apps: BTreeMap<u32, App> = BTreeMap::new();
    let mut first_free = own.apps_in_file;
    let mut take = |manifest: Manifest| {
        for app in manifest.apps {
            apps.entry(app.id).or_insert(app);
        }
    };
    take(own);
    for profile in known {
        take(read(Some(&profile))?);
    }
    let mut sources = Vec::new();
    for app in apps.values() {
        sources.push(source(app, app.id, app.out_file.clone(), app.error_file.clone()));
        for instance in 1..instances(app) {
            let [out, error] = [&app.out_file, &app.error_file].map(|file| of_instance(file, instance, app.merge_logs));
            sources.push(source(app, first_free, out, error));
            first_free += 1;
        }
    }
    let is_any_there = sources.iter().any(|source| is_there(&source.out_file) || is_there(&source.error_file));
    Ok(Offline { sources, is_any_there })
}

/// Whether anything can be read of a log: of a device, nothing.
fn is_there(log: &String) -> bool {
    let log = Path::new(log);
    let is_file = |place: Place| fs::metadata(place.path(log)).is_ok_and(|found| found.is_file());
    place::all(log).is_ok_and(|places| places.into_iter().any(is_file))
}

fn source(app: &App, id: u32, out: PathBuf, error: PathBuf) -> LogSource {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let (name, namespace) = (app.name.clone(), app.namespace.clone());
    LogSource { id, name, namespace, out_file: text(out), error_file: text(error) }
}

/// As many as the file asks for, or have written: an operator may have scaled it.
fn instances(app: &App) -> u32 {
    let asked = match app.instances {
        Instances::Count(count) => count,
        Instances::EveryProcessor { less } => {
            let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            u32::try_from(all).unwrap_or(u32::MAX).saturating_sub(less).max(1)
        }
    };
    if app.merge_logs { asked } else { asked.max(have_written(&app.out_file)).max(have_written(&app.error_file)) }
}

/// One more than the greatest number of an instance that has a file of its own.
fn have_written(file: &Path) -> u32 {
    let (stem, ending) = (stem(file), ending(file));
    let entries = file.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
    let number = |name: String| -> Option<u32> {
        let number = name.strip_prefix(&format!("{stem}-"))?.strip_suffix(&ending)?;
        number.parse().ok().filter(|parsed: &u32| parsed.to_string() == number && *parsed < MOST_INSTANCES)
    };
    let numbers = entries.filter_map(|entry| number(entry.ok()?.file_name().to_str()?.to_owned()));
    numbers.max().map_or(0, |greatest| greatest + 1)
}

/// A greater number in a file's name is no instance's.
const MOST_INSTANCES: u32 = 1000;

/// The first instance keeps the plain name.
fn of_instance(file: &Path, instance: u32, merged: bool) -> PathBuf {
    let is_file = file.file_name().is_some() && !file.starts_with("/dev");
    if merged || !is_file {
        return file.to_owned();
    }
    file.with_file_name(format!("{}-{instance}{}", stem(file), ending(file)))
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn ending(file: &Path) -> String {
    file.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_apps_of_every_profile_and_all_instances_that_have_written_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ecosystem.toml");
        let text = "profile = 'home'\n\
                    [[apps]]\nname='api'\nscript='a'\ninstances=2\n\
                    [[apps]]\nname='away'\nscript='b'\nprofiles=['away']\n\
                    [[apps]]\nname='one'\nscript='c'\ninstances=2\nmerge_logs=true\nout_file='/x/one.log'\n";
        let shown = || {
            let offline = sources(&file, text).expect("a good file");
            let shown = |source: LogSource| {
                let out = source.out_file.replace(&format!("{}", folder.path().display()), "");
                (source.id, source.name, out)
            };
            (offline.is_any_there, offline.sources.into_iter().map(shown).collect::<Vec<_>>())
        };
        let row = |id: u32, name: &str, out: &str| (id, name.to_owned(), out.to_owned());
        let expected = [
            row(0, "api", "/logs/api-out.log"),
            row(3, "api", "/logs/api-out-1.log"),
            row(1, "away", "/logs/away-out.log"),
            row(2, "one", "/x/one.log"),
            row(4, "one", "/x/one.log"),
        ];
        assert_eq!(shown(), (false, expected.to_vec()));
        fs::create_dir(folder.path().join("logs")).expect("a folder");
        for name in ["api-error-3.log", "api-error-03.log", "api-error-99999.log", "api-error-x.log"] {
            fs::write(folder.path().join("logs").join(name), "").expect("a file");
        }
        let (is_any_there, all) = shown();
        assert!(is_any_there);
        assert_eq!(all[3], row(5, "api", "/logs/api-out-3.log"));
        assert_eq!(all.len(), 7);
    }
}
