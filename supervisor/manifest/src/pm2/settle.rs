//! Leaves out what a file may not say, until the rest is accepted.

use std::collections::BTreeMap;
use std::path::Path;

use super::draft::{Draft, Owner, Written};
use super::node::ImportError;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::file;

/// Each round mends every mistake that it finds, and what one hides comes to light in the next; nothing needs as many.
const MOST_ROUNDS: usize = 20;

pub(super) fn settle(draft: &mut Draft) -> Result<(), ImportError> {
    for _ in 0..MOST_ROUNDS {
        if draft.apps.iter().all(|app| app.is_dropped) {
            return Err(none_left(draft));
        }
        let written = draft.write(&[]);
        let text = written.text();
        if text.len() > file::LONGEST_FILE {
            return Err(ImportError::TooLong);
        }
        let Err(broken) = file::parse(Path::new("ecosystem.toml"), &text, None) else { return Ok(()) };
        leave_out(draft, &broken, &written);
    }
    Err(ImportError::NoApps("there are more mistakes in this file than can be told apart".to_owned()))
}

fn leave_out(draft: &mut Draft, broken: &Diagnostics, written: &Written) {
    // By the number of the entry, so that taking out one does not move the others.
    let mut faulty: BTreeMap<(usize, usize), String> = BTreeMap::new();
    for mistake in broken.mistakes() {
        match written.owner(mistake.line) {
            Some(Owner::Entry(app, entry)) => _ = faulty.entry((*app, *entry)).or_insert_with(|| why(mistake)),
            Some(Owner::Table(app, table)) => {
                let entries = draft.apps[*app].entries.iter().enumerate();
                let of_table = entries.filter(|(_, entry)| entry.table.as_ref() == Some(table));
                faulty.extend(of_table.map(|(entry, _)| ((*app, entry), why(mistake))));
            }
            Some(Owner::App(app)) => draft.apps[*app].is_dropped = true,
            None => {}
        }
    }
    for ((app, entry), why) in faulty.into_iter().rev() {
        let app = &mut draft.apps[app];
        let entry = app.entries.remove(entry);
        app.leave_out(&entry.written, why);
    }
}

fn why(mistake: &Diagnostic) -> String {
    match &mistake.help {
        Some(help) => format!("{}; {help}", mistake.message),
        None => mistake.message.clone(),
    }
}

fn none_left(draft: &Draft) -> ImportError {
    let reasons = draft.apps.iter().flat_map(|app| &app.left_out).map(ToString::to_string);
    let reasons: Vec<String> = reasons.take(10).collect();
    ImportError::NoApps(match reasons.is_empty() {
        true => "no app in this file has a script".to_owned(),
        false => format!("no app in this file can be taken over:\n{}", reasons.join("\n")),
    })
}
