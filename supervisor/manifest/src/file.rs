//! The file as a whole.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostics, Mistake};
use crate::keys;
use crate::model::Manifest;
use crate::value::{self, Placed, Value};
use crate::written::{Written, log_max_total};
use crate::{address, check, log_paths, name, profile, resolve, suggest, within};

/// The longest text that is read, in bytes.
pub const LONGEST_FILE: usize = 1 << 20;
/// The most apps in one file.
pub const MOST_APPS: usize = 1000;

/// What the logs of all apps may take together, unless said otherwise, in bytes.
const LOG_MAX_TOTAL: u64 = 500 << 20;

const FIRST_APP: &str = "begin one with:  [[apps]]  script = \"./my-program\"";

/// Reads the text of an `ecosystem.toml`.
///
/// `path` is named in messages, and its folder is what relative paths in the file are relative to, so it should be
/// absolute. `profile` is in force instead of the file's own if given.
///
/// # Errors
/// If the file asks for something that cannot be done. Every mistake is reported, in the order of the file; a text that
/// is not TOML has one only.
pub fn parse(path: &Path, text: &str, profile: Option<&str>) -> Result<Manifest, Diagnostics> {
    parse_where(path, text, profile, &|_| false)
}

/// As [`parse`], and looks at the disk for what stands in the way there: a folder where a log is to be.
///
/// # Errors
/// As [`parse`], and if something stands in the way.
pub fn parse_in_place(path: &Path, text: &str, profile: Option<&str>) -> Result<Manifest, Diagnostics> {
    parse_where(path, text, profile, &Path::is_dir)
}

type IsFolder<'f> = &'f dyn Fn(&Path) -> bool;

fn parse_where(
    path: &Path,
    text: &str,
    profile: Option<&str>,
    is_folder: IsFolder<'_>,
) -> Result<Manifest, Diagnostics> {
    let mut mistakes = Vec::new();
    let manifest = table(text).map(|table| read(path, &table, profile, is_folder, &mut mistakes));
    match manifest {
        Err(syntax) => Err(Diagnostics::new(path, text, vec![syntax])),
        Ok(_) if !mistakes.is_empty() => Err(Diagnostics::new(path, text, mistakes)),
        Ok(manifest) => Ok(manifest),
    }
}

fn table(text: &str) -> Result<Spanned<DeTable<'_>>, Mistake> {
    if text.len() > LONGEST_FILE {
        return Err(Mistake::new(0..0, format!("the file is longer than {LONGEST_FILE} bytes")));
    }
    DeTable::parse(text).map_err(|syntax| Mistake::new(syntax.span().unwrap_or_default(), syntax.message()))
}

fn read(
    path: &Path,
    table: &Spanned<DeTable<'_>>,
    asked: Option<&str>,
    is_folder: IsFolder<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Manifest {
    let top = Top::read(table, mistakes);
    let folder = path.parent().unwrap_or(Path::new(""));
    let apps = apps(&top, folder, mistakes);
    let profile = profile::in_force(top.profile.as_ref(), asked, &apps, mistakes);
    check::between(&apps, &profile, mistakes);
    log_paths::misplaced(&apps, path, is_folder, mistakes);
    let roster = (0..).zip(&apps).filter_map(|(id, app)| Some((id, app.name.as_ref()?.get_ref().clone()))).collect();
    let apps_in_file = u32::try_from(apps.len()).unwrap_or(u32::MAX);
    let (trusts_clock, log_max_total) = (top.trusts_clock, top.log_max_total.unwrap_or(LOG_MAX_TOTAL));
    let in_force = (0..).zip(&apps).filter(|(_, app)| profile::has(&profile, app));
    let apps = in_force.filter_map(|(id, app)| resolve::app(id, app, folder, &profile)).collect();
    let (path, folder) = (path.to_owned(), folder.to_owned());
    Manifest { path, folder, profile, apps, apps_in_file, roster, trusts_clock, log_max_total }
}

/// The keys at the top.
#[derive(Default)]
struct Top<'v, 't> {
    profile: Option<Placed<String>>,
    trusts_clock: bool,
    log_max_total: Option<u64>,
    apps: Vec<&'v Value<'t>>,
}

impl<'v, 't> Top<'v, 't> {
    fn read(table: &'v Spanned<DeTable<'t>>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut top = Self::default();
        let mut has_apps = false;
        for (key, value) in value::entries(table.get_ref()) {
            match key.get_ref().as_ref() {
                "profile" => match name::profile(value) {
                    Ok(profile) => top.profile = Some(Placed::new(value.span(), profile)),
                    Err(wrong) => mistakes.push(wrong.about("profile")),
                },
                "clock" => match clock(value) {
                    Ok(trusts) => top.trusts_clock = trusts,
                    Err(wrong) => mistakes.push(wrong.about("clock")),
                },
                "log_max_total" => match log_max_total(value) {
                    Ok(bytes) => top.log_max_total = Some(bytes),
                    Err(wrong) => mistakes.push(wrong.about("log_max_total")),
                },
                "apps" => {
                    has_apps = true;
                    top.take_apps(value, mistakes);
                }
                other => mistakes.push(unknown(other, key.span())),
            }
        }
        if !has_apps {
            mistakes.push(Mistake::new(0..0, "there are no apps in this file").help(FIRST_APP));
        }
        top
    }

    fn take_apps(&mut self, value: &'v Value<'t>, mistakes: &mut Vec<Mistake>) {
        match value.get_ref() {
            DeValue::Array(apps) if apps.is_empty() => {
                mistakes.push(Mistake::new(value.span(), "there are no apps in this file").help(FIRST_APP));
            }
            DeValue::Array(apps) if apps.len() > MOST_APPS => {
                mistakes.push(Mistake::new(value.span(), format!("there are more than {MOST_APPS} apps in this file")));
            }
            DeValue::Array(apps) => self.apps = apps.iter().collect(),
            DeValue::Table(_) => {
                let mistake = Mistake::new(value.span(), "this is one table, but `apps` is a list of them");
                mistakes.push(mistake.help("write [[apps]] with two brackets"));
            }
            _ => mistakes.push(value::wrong(value, "a list of tables").about("apps").help(FIRST_APP)),
        }
    }
}

/// Whether the clock is believed without the kernel's word for it.
fn clock(value: &Value<'_>) -> value::Read<bool> {
    const HELP: &str = "\"kernel\": once the kernel was told that it is right; \"trusted\": always, as in a container";
    match value::filled(value)?.as_str() {
        "kernel" => Ok(false),
        "trusted" => Ok(true),
        other => {
            let help = suggest::did_you_mean(other, ["kernel", "trusted"]).unwrap_or_else(|| HELP.to_owned());
            Err(Mistake::new(value.span(), format!("`{other}` is no word for when the clock is believed")).help(help))
        }
    }
}

fn unknown(key: &str, place: std::ops::Range<usize>) -> Mistake {
    match (key, keys::meaning(key)) {
        ("deploy", _) => Mistake::new(place, "`deploy` is not supported").help("remove it"),
        (_, keys::Meaning::Known(_) | keys::Meaning::Overlay(_)) => {
            Mistake::new(place, format!("`{key}` belongs to an app")).help("move it below an [[apps]] line")
        }
        _ => {
            let help = suggest::did_you_mean(key, keys::TOP);
            Mistake::new(place, format!("unknown key `{key}`")).maybe_help(help)
        }
    }
}

fn apps(top: &Top<'_, '_>, folder: &Path, mistakes: &mut Vec<Mistake>) -> Vec<Written> {
    let mut apps = Vec::new();
    for value in &top.apps {
        let DeValue::Table(table) = value.get_ref() else {
            mistakes.push(value::wrong(value, "a table").help(FIRST_APP));
            continue;
        };
        let mut app = Written::read(value.span(), table, mistakes);
        resolve::settle_name(&mut app, mistakes);
        mistakes.extend(app.listen.iter_mut().filter_map(|held| address::settle(held, folder).err()));
        within::contradictions(&app, mistakes);
        apps.push(app);
    }
    apps
}
