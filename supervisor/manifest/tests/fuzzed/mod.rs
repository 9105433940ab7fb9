//! What must hold whatever a file says. Used by the properties, by the replay of the kept corpus, and by the fuzzer
//! (`tests/fuzz`), each of which uses some of it.
#![allow(dead_code)]

use std::path::Path;

use manifest::plan::{Plan, What};
use manifest::pm2::{self, ImportError, Imported};
use manifest::{App, Diagnostics, LogFormat, Manifest};

const PATH: &str = "/e.toml";

/// An `ecosystem.toml`.
pub fn manifest(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        answered(text, None);
        answered(text, Some("ngrok"));
    }
}

/// The name of a profile in the first line, then an `ecosystem.toml` that is to be switched to it.
pub fn profile(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((profile, text)) = text.split_once('\n') else { return };
    let switched = match manifest::with_profile(Path::new(PATH), text, profile) {
        Ok(switched) => switched,
        Err(broken) => return shown(text, &broken, false),
    };
    assert_eq!(parse(&switched, None).expect("a switched file is good").profile, profile);
    let again = manifest::with_profile(Path::new(PATH), &switched, profile).expect("it is there already");
    assert_eq!(again, switched);
    let grown = switched.len().abs_diff(text.len());
    assert!(grown <= text.len() + profile.len() * 8 + 20, "{grown} bytes for one word");
}

/// An `ecosystem.json`.
pub fn pm2_json(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        imported(pm2::from_json(text));
    }
}

/// An `ecosystem.yml`.
pub fn pm2_yaml(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        imported(pm2::from_yaml(text));
    }
}

/// Reads the text, and holds the answer to what it promises.
pub fn answered(text: &str, profile: Option<&str>) {
    match parse(text, profile) {
        Ok(manifest) => sound(&manifest),
        Err(broken) => shown(text, &broken, profile.is_none()),
    }
}

fn parse(text: &str, profile: Option<&str>) -> Result<Manifest, Diagnostics> {
    manifest::parse(Path::new(PATH), text, profile)
}

/// What whoever shows diagnostics relies on. `is_whole` where the text is the one that was read.
fn shown(text: &str, broken: &Diagnostics, is_whole: bool) {
    assert!(!broken.mistakes().is_empty());
    for mistake in broken.mistakes() {
        let line = mistake.message.clone();
        assert!(!line.chars().any(char::is_control), "{mistake:?}");
        assert!(broken.to_string().contains(&format!("{PATH}:{}:{}", mistake.line, mistake.column)));
    }
    assert!(broken.mistakes().iter().map(|mistake| mistake.span.start).is_sorted());
    let (plain, coloured) = (broken.render(false), broken.render(true));
    assert!(coloured.len() >= plain.len());
    assert!(broken.mistakes().iter().all(|mistake| plain.contains(&mistake.message)));
    if !is_whole {
        return;
    }
    let lines: Vec<&str> = text.split('\n').collect();
    for mistake in broken.mistakes() {
        let related = mistake.related.iter().map(|related| &related.span);
        for span in related.chain([&mistake.span]) {
            assert!(text.get(span.clone()).is_some(), "{span:?} is not in the file: {mistake:?}");
        }
        assert!(mistake.column <= lines[mistake.line - 1].chars().count() + 1, "{mistake:?}");
    }
}

/// What whoever acts on a manifest relies on.
fn sound(manifest: &Manifest) {
    for (place, app) in manifest.apps.iter().enumerate() {
        assert!(!manifest.apps[..place].iter().any(|other| other.name == app.name || other.id >= app.id));
        assert!(app.depends_on.iter().all(|needed| *needed != app.name && manifest.app(needed).is_some()));
        assert!(app.profiles.is_empty() || app.profiles.contains(&manifest.profile));
        assert!(app.id < manifest.apps_in_file && manifest.roster.contains(&(app.id, app.name.clone())));
        usable(app);
    }
    let (from_nothing, stay) = (Plan::between(None, manifest), Plan::between(Some(manifest), manifest));
    assert!(from_nothing.steps.iter().all(|step| step.what == What::Add));
    assert!(stay.is_empty() && stay.steps.len() == manifest.apps.len());
}

/// Every value can be used for what it is for.
fn usable(app: &App) {
    assert!(app.cwd.is_absolute() && app.out_file.is_absolute() && app.error_file.is_absolute());
    if let LogFormat::Stamped(pattern) | LogFormat::Json { pattern: Some(pattern) } = &app.log_format {
        let time: jiff::ZonedDateTime = "2026-03-08T09:05:07.042Z[UTC]".parse().expect("a time");
        jiff::fmt::strtime::format(pattern, &time).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    }
    if let Some(cron) = &app.cron_restart {
        cron.pattern.parse::<croner::Cron>().unwrap_or_else(|error| panic!("{}: {error}", cron.pattern));
        assert!(cron.zone.iter().all(|zone| jiff::tz::TimeZone::get(zone).is_ok()));
    }
    if let Some(watch) = &app.watch {
        let mut patterns = ignore::gitignore::GitignoreBuilder::new(&app.cwd);
        for line in &watch.ignore {
            patterns.add_line(None, line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        patterns.build().expect("good patterns");
        assert!(watch.paths.iter().all(|path| path.is_absolute()));
    }
    let words = [&app.script, &app.name].into_iter().chain(&app.args).chain(&app.interpreter_args);
    assert!(words.chain(app.env.keys()).chain(app.env.values()).all(|word| !word.contains('\0')));
    assert!(app.rlimits.iter().all(|limit| limit.soft.unwrap_or(u64::MAX) <= limit.hard.unwrap_or(u64::MAX)));
    assert!((-20..=19).contains(&app.nice.unwrap_or(0)) && (-1000..=1000).contains(&app.oom_score_adj));
}

fn imported(imported: Result<Imported, ImportError>) {
    match imported {
        Ok(Imported { toml, left_out }) => {
            let manifest = parse(&toml, None).unwrap_or_else(|broken| panic!("{toml}\n{}", broken.render(false)));
            assert!(manifest.apps_in_file > 0);
            for left_out in left_out {
                assert!(!left_out.to_string().chars().any(char::is_control), "{left_out:?}");
                assert!(toml.contains(&format!("{}: {}", left_out.key, left_out.why)), "{left_out:?}");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
