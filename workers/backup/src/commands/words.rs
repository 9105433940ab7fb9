//! What people read.

use jiff::tz::TimeZone;

use crate::{
    contents::Databases,
    restore::{Placed, Report},
    state::Copy,
};

/// The one time that the key is shown.
pub fn new_key(secret: &str) -> String {
    format!(
        "A key for the copies was made. It is shown now and never again, and is not kept on this machine:

    {secret}

Write it down or print it, and keep it away from this machine and from the stick: on paper with the family's documents, say.
Whoever has it can read the copies. Without it nobody can; then betti-ctl backup --new-key begins anew.
"
    )
}

/// There is a copy.
pub fn copied(copy: &Copy) -> String {
    let rows = rows(&copy.databases);
    let file = copy.folder.join(&copy.name);
    let same = if copy.same_disk {
        "\nIt is on the disk that the data are on, and is lost with it: name a stick or another disk with --to DIR, for every night with \
         BETTI_BACKUP_TO"
    } else {
        ""
    };
    format!(
        "{}\nCopied {} files with {rows} rows ({}), and tested by restoring it{same}",
        file.display(),
        copy.files,
        size(copy.size)
    )
}

/// What a copy has.
pub fn report(report: &Report, zone: &TimeZone) -> String {
    let made = zone.to_datetime(report.made_at).strftime("%A %-d %B %Y, %H:%M");
    let how = if report.opened {
        "opened with the key, every file compared and every database tested"
    } else {
        "it is, byte by byte, the copy that was tested by restoring when it was made (not opened now: no key was given)"
    };
    let mut lines = vec![
        format!("Copy:   {}", report.file.display()),
        format!("From:   {made}"),
        format!("Has:    {} files, {}", report.files, size(report.size)),
        format!("Whole:  yes: {how}"),
    ];
    for (name, tables) in &report.databases {
        let now = report.present.get(name).map(|tables| format!(", {} now", total(tables.values())));
        let name = name.trim_start_matches("data/");
        lines.push(format!(
            "  {name:<16} {} rows{}",
            total(tables.values()),
            now.unwrap_or_else(|| ", not there now".into())
        ));
    }
    for resident in &report.erased_since {
        lines.push(format!(
            "Resident {resident} was erased after this copy was made, and is erased from it when it is restored"
        ));
    }
    lines.join("\n")
}

/// It is in place.
pub fn placed(placed: &Placed) -> String {
    let mut lines = vec![format!("Restored. The data from before are kept in {}", placed.before.display())];
    lines.extend(
        placed.settings_restored.iter().map(|path| format!("  {} was missing, and is restored too", path.display())),
    );
    lines.extend(placed.settings_left.iter().map(|path| {
        format!(
            "  {} is another one than in the copy, and was left as it is; the copy's is beside the data from before",
            path.display()
        )
    }));
    lines.join("\n")
}

fn rows(databases: &Databases) -> u64 {
    databases.values().map(|tables| total(tables.values())).sum()
}

fn total<'a>(rows: impl Iterator<Item = &'a u64>) -> u64 {
    rows.sum()
}

fn size(bytes: u64) -> String {
    const KB: u64 = 1000;
    match bytes {
        0..1_000_000 => format!("{} KB", bytes.div_ceil(KB)),
        _ => format!("{} MB", bytes.div_ceil(KB * KB)),
    }
}
