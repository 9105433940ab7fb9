//! What is done by hand, and how it is told: for people, or one JSON document for programs.

mod words;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use kit::audit::Operator;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Command, Which, key, make,
    restore::{self, Report, RestoreError},
    settings::{Settings, SettingsError},
    state::Book,
};

/// Does it, and says so.
pub fn run(command: Command, json: bool, settings: Result<Settings, SettingsError>) -> ExitCode {
    let mut out = Out { json, document: json!({}) };
    let done = settings.map_err(anyhow::Error::from).and_then(|settings| act(command, &settings, &mut out));
    match &done {
        Ok(()) => out.document["ok"] = true.into(),
        Err(failure) => {
            out.document["ok"] = false.into();
            out.document["error"] = failure.to_string().into();
            out.document["exit"] = 1.into();
            let _ = writeln!(io::stderr(), "{failure}");
        }
    }
    if json {
        let _ = writeln!(io::stdout(), "{}", out.document);
    }
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where it is told.
struct Out {
    json: bool,
    document: Value,
}

impl Out {
    /// Lines for people. A reader that went away is no reason to fail.
    fn say(&self, lines: &str) {
        if !self.json {
            let _ = writeln!(io::stdout(), "{lines}");
        }
    }

    /// Fields for programs.
    fn tell(&mut self, about: &impl Serialize) {
        if let (Ok(Value::Object(fields)), Some(document)) =
            (serde_json::to_value(about), self.document.as_object_mut())
        {
            document.extend(fields);
        }
    }
}

fn act(command: Command, settings: &Settings, out: &mut Out) -> anyhow::Result<()> {
    let open = || Book::when_free(&settings.data);
    match command {
        Command::Now { to, new_key } => {
            let book = Book::when_free(&settings.data)?;
            if new_key || key::recipient(book.folder())?.is_none() {
                let (recipient, secret) = key::make(book.folder())?;
                out.say(&words::new_key(&secret));
                out.document["key"] = secret.into();
                out.document["recipient"] = recipient.to_string().into();
            }
            let to = to.as_deref().map(std::path::absolute).transpose().map_err(SettingsError::from)?;
            let order = match &to {
                Some(to) => settings.copy_to(to, *to == settings.to),
                None => settings.nightly(),
            };
            let copy = make::copy(&order, &book)?;
            out.say(&words::copied(&copy));
            out.tell(&copy);
            out.document["file"] = copy.folder.join(&copy.name).to_string_lossy().into();
        }
        Command::Check { which } => {
            let report = check(&which, settings)?;
            out.say(&words::report(&report, &settings.zone));
            out.tell(&report);
            out.document["whole"] = true.into();
        }
        Command::Restore { which, unpack } => {
            let book = open()?;
            finish(settings, &book, out)?;
            // Before anybody types seventy letters.
            let missing = |error| RestoreError::File { path: which.file.clone(), error };
            std::fs::File::open(&which.file).map_err(missing)?;
            let identity = key::given(which.key_file.as_deref())?;
            let report = restore::unpack(&which.file, &identity, &settings.data, &book)?;
            out.say(&words::report(&report, &settings.zone));
            out.tell(&report);
            if !unpack {
                place(settings, &book, out)?;
            }
        }
        Command::Place => place(settings, &open()?, out)?,
        Command::GiveUp => {
            let failed = |error| RestoreError::File { path: settings.data.clone(), error };
            restore::give_up(&open()?).map_err(failed)?;
        }
    }
    Ok(())
}

/// With the key if it was given or can be asked for, and the hub does not know the copy anyway.
fn check(which: &Which, settings: &Settings) -> anyhow::Result<Report> {
    if which.key_file.is_none() {
        match restore::look_up(&which.file, &settings.data) {
            Err(RestoreError::Unknown(_)) if key::can_be_asked() => {}
            known => return Ok(known?),
        }
    }
    let identity = key::given(which.key_file.as_deref())?;
    let book = Book::when_free(&settings.data)?;
    Ok(restore::inspect(&which.file, &identity, &settings.data, &book)?)
}

/// A restore that was cut off comes first. Whether there was one.
fn finish(settings: &Settings, book: &Book, out: &Out) -> anyhow::Result<bool> {
    let placed = restore::finish(&settings.data, &settings.config, book)?;
    if let Some(placed) = &placed {
        out.say(&format!(
            "A restore that had been cut off was finished; the data from before are in {}",
            placed.before.display()
        ));
    }
    Ok(placed.is_some())
}

fn place(settings: &Settings, book: &Book, out: &mut Out) -> anyhow::Result<()> {
    if finish(settings, book, out)? {
        return Ok(());
    }
    let placed = restore::place(&settings.data, &settings.config, book)?;
    // In the audit that is in place now: the one before it stays with the data from before.
    match Operator::open(&settings.data) {
        Ok(operator) => operator.changed_all("betti-ctl restore"),
        Err(error) => writeln!(io::stderr(), "The restore is done, but the audit does not tell of it: {error}")?,
    }
    out.say(&words::placed(&placed));
    out.tell(&placed);
    Ok(())
}
