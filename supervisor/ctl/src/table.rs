//! PM2's table: the same columns in the same order, fewer of them where the terminal is narrow.

use std::os::unix::fs::MetadataExt;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, Table,
    TableStyle, Width,
};
use nix::unistd::{Uid, User};
use protocol::control::{App, Status, Word};

use crate::printer::{self, Printer, Tone};
use crate::units;

const FULL: [Column; 13] = [
    Column::Id,
    Column::Name,
    Column::Namespace,
    Column::Version,
    Column::Mode,
    Column::Pid,
    Column::Uptime,
    Column::Restarts,
    Column::Status,
    Column::Cpu,
    Column::Memory,
    Column::User,
    Column::Watching,
];
const CONDENSED: [Column; 7] =
    [Column::Id, Column::Name, Column::Mode, Column::Restarts, Column::Status, Column::Cpu, Column::Memory];
const MINI: [Column; 5] = [Column::Id, Column::Name, Column::Status, Column::Cpu, Column::Memory];

/// A name is not broken into shorter pieces than this, in columns.
const NARROWEST_NAME: usize = 8;
/// Left and right of a cell's text, in columns.
const PADDING: usize = 2;

const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::new('┌', '─', '┬', '┐'))
    .header_lines(ContentLineStyle::new('│', '│', '│'))
    .header_separator(LineStyle::new('├', '─', '┼', '┤'))
    .content_lines(ContentLineStyle::new('│', '│', '│'))
    .bottom_border(LineStyle::new('└', '─', '┴', '┘'));

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Id,
    Name,
    Namespace,
    Version,
    Mode,
    Pid,
    Uptime,
    Restarts,
    Status,
    Cpu,
    Memory,
    User,
    Watching,
}

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Namespace => "namespace",
            Self::Version => "version",
            Self::Mode => "mode",
            Self::Pid => "pid",
            Self::Uptime => "uptime",
            Self::Restarts => "↺",
            Self::Status => "status",
            Self::Cpu => "cpu",
            Self::Memory => "mem",
            Self::User => "user",
            Self::Watching => "watching",
        }
    }

    fn cell(self, app: &App, look: &Look<'_>) -> Cell {
        match self {
            Self::Id => Cell::new(app.id).fg(Color::Cyan).add_attribute(Attribute::Bold),
            Self::Name => Cell::new(&app.name),
            Self::Namespace => Cell::new(&app.namespace),
            // Programs do not say their versions, and one that is made up is worse than none.
            Self::Version => Cell::new("N/A"),
            Self::Mode => Cell::new(if look.is_cluster(app) { "cluster" } else { "fork" }),
            Self::Pid => Cell::new(app.pid.unwrap_or(0)),
            Self::Uptime => Cell::new(app.uptime_ms.map_or_else(|| "0".to_owned(), units::uptime)),
            Self::Restarts => Cell::new(app.restarts),
            Self::Status => Cell::new(app.status.as_str()).fg(colour(tone(app.status))).add_attribute(Attribute::Bold),
            Self::Cpu => Cell::new(format!("{:.0}%", app.cpu_percent)),
            Self::Memory => Cell::new(units::memory(app.memory_bytes)),
            Self::User => Cell::new(app.user.as_deref().unwrap_or(look.owner)).add_attribute(Attribute::Bold),
            Self::Watching => Cell::new(if app.watching { "enabled" } else { "disabled" }),
        }
    }
}

/// What the rows are to show of more than one app.
struct Look<'a> {
    apps: &'a [&'a App],
    /// Whoever has no user of its own runs as this one.
    owner: &'a str,
}

impl Look<'_> {
    fn is_cluster(&self, app: &App) -> bool {
        app.instance.is_some() || self.apps.iter().filter(|other| other.name == app.name).count() > 1
    }
}

/// What a status word is in colours.
pub const fn tone(word: Word) -> Tone {
    match word {
        Word::Online => Tone::Good,
        Word::Launching => Tone::Busy,
        Word::Stopping | Word::Waiting | Word::WaitingRestart => Tone::Uneasy,
        Word::Stopped | Word::Errored | Word::Cooling => Tone::Bad,
    }
}

const fn colour(tone: Tone) -> Color {
    match tone {
        Tone::Good => Color::Green,
        Tone::Busy => Color::Blue,
        Tone::Uneasy => Color::Yellow,
        Tone::Bad => Color::Red,
        Tone::Own => Color::Cyan,
    }
}

/// Prints the table, and below it why apps are not online, what those that are say of themselves, and what is to be
/// known of the file.
pub fn show(status: &Status, printer: &Printer) {
    let (width, colour) = (printer.width(), printer.colour());
    printer.line(&text(status, &owner(status.keeper.pid), width, colour));
}

fn text(status: &Status, owner: &str, width: Option<u16>, colour: bool) -> String {
    let mut apps: Vec<&App> = status.apps.iter().collect();
    apps.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
    let look = Look { apps: &apps, owner };
    let mut lines = vec![fitting(&look, width, colour)];
    for app in &apps {
        if let Some(reason) = reason(app) {
            let word = app.status.as_str();
            // "waiting for api" says what it is doing as well.
            let rest = reason.strip_prefix(word).map_or_else(|| format!(" — {reason}"), str::to_owned);
            let id = if look.is_cluster(app) { format!("({})", app.id) } else { String::new() };
            lines.push(format!("{}{id}: {}{rest}", app.name, printer::paint(colour, tone(app.status), word)));
        }
    }
    lines.extend(status.notice.iter().map(|notice| printer::paint(colour, Tone::Uneasy, notice)));
    lines.join("\n")
}

/// Why the app is not online, or what it says while it is; `None` if nothing is known.
fn reason(app: &App) -> Option<&str> {
    if app.status == Word::Online { app.says.as_deref() } else { app.reason.as_deref() }
}

/// The first of PM2's three tables that the terminal has room for; all columns when piped.
fn fitting(look: &Look<'_>, width: Option<u16>, colour: bool) -> String {
    let too_wide = |columns: &[Column]| {
        let Some(width) = width else { return 0 };
        let text = drawn(look, columns, 0, false);
        text.lines().next().map_or(0, |border| border.chars().count()).saturating_sub(usize::from(width))
    };
    let choices: [&[Column]; 2] = [&FULL, &CONDENSED];
    let columns = choices.into_iter().find(|columns| too_wide(columns) == 0).unwrap_or(&MINI);
    drawn(look, columns, too_wide(columns), colour)
}

/// With line breaks in the names if the table is too wide, by so many columns.
fn drawn(look: &Look<'_>, columns: &[Column], too_wide: usize, colour: bool) -> String {
    let mut table = framed(colour);
    let title = |column: &Column| Cell::new(column.title()).fg(Color::Cyan).add_attribute(Attribute::Bold);
    table.set_header(columns.iter().map(title));
    for app in look.apps {
        table.add_row(columns.iter().map(|column| column.cell(app, look)));
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Left);
    }
    if too_wide > 0
        && let Some(names) = columns.iter().position(|column| *column == Column::Name)
        && let Some(names) = table.column_mut(names)
    {
        let widest = look.apps.iter().map(|app| app.name.chars().count()).max().unwrap_or(0);
        let width = widest.saturating_sub(too_wide).max(NARROWEST_NAME);
        let width = u16::try_from(width + PADDING).unwrap_or(u16::MAX);
        names.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(width)));
    }
    table.to_string()
}

/// A table of keys and values, with line breaks in values that are wider than there is room for.
pub fn pairs(rows: &[(String, String)], width: Option<u16>, colour: bool) -> String {
    let mut table = framed(colour);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width.unwrap_or(u16::MAX));
    for (key, value) in rows {
        table.add_row([Cell::new(key).fg(Color::Cyan), Cell::new(value)]);
    }
    table.to_string()
}

fn framed(colour: bool) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

/// The name of the user that the keeper, and so every app, runs as.
pub fn owner(keeper: i32) -> String {
    let uid = std::fs::metadata(format!("/proc/{keeper}")).map(|process| process.uid());
    let name = |uid: u32| User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or(uid.to_string(), |user| user.name);
    uid.map_or_else(|_| "N/A".to_owned(), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(id: u32, name: &str, status: Word) -> App {
        App {
            id,
            name: name.into(),
            namespace: "default".into(),
            status,
            reason: (status != Word::Online).then(|| "exited with code 1".into()),
            pid: (status == Word::Online).then_some(4711),
            uptime_ms: (status == Word::Online).then_some(65_000),
            ready_ms: None,
            restarts: 3,
            cpu_percent: 1.4,
            memory_bytes: 54_106_521,
            exit: None,
            says: None,
            instance: None,
            user: None,
            watching: false,
        }
    }

    #[test]
    fn all_of_pm2s_columns_are_there_in_pm2s_order() {
        let apps = [&app(0, "betti-backend", Word::Online), &app(5, "betti-ble", Word::WaitingRestart)];
        let expected = "\
┌────┬───────────────┬───────────┬─────────┬──────┬──────┬────────┬───┬─────────────────┬─────┬────────┬──────┬──────────┐
│ id │ name          │ namespace │ version │ mode │ pid  │ uptime │ ↺ │ status          │ cpu │ mem    │ user │ watching │
├────┼───────────────┼───────────┼─────────┼──────┼──────┼────────┼───┼─────────────────┼─────┼────────┼──────┼──────────┤
│ 0  │ betti-backend │ default   │ N/A     │ fork │ 4711 │ 1m     │ 3 │ online          │ 1%  │ 51.6mb │ pi   │ disabled │
│ 5  │ betti-ble     │ default   │ N/A     │ fork │ 0    │ 0      │ 3 │ waiting restart │ 1%  │ 51.6mb │ pi   │ disabled │
└────┴───────────────┴───────────┴─────────┴──────┴──────┴────────┴───┴─────────────────┴─────┴────────┴──────┴──────────┘";
        assert_eq!(fitting(&Look { apps: &apps, owner: "pi" }, None, false), expected);
    }

    #[test]
    fn below_the_table_stands_why_an_app_is_not_online_or_what_it_says_while_it_is() {
        let failed = app(0, "a", Word::WaitingRestart);
        assert_eq!(reason(&failed), Some("exited with code 1"));
        let quiet = app(0, "a", Word::Online);
        assert_eq!(reason(&quiet), None);
        assert_eq!(reason(&App { says: Some("no adapter".into()), ..quiet }), Some("no adapter"));
    }

    #[test]
    fn every_width_has_its_table() {
        let instance = |id, instance| App {
            instance: Some(instance),
            user: Some("www-data".into()),
            watching: true,
            ..app(id, "web", Word::Online)
        };
        let failing = App { reason: Some("not ready within 10 s".into()), ..app(7, "web", Word::Cooling) };
        let waiting = App { reason: Some("waiting for web".into()), ..app(1, "door", Word::Waiting) };
        let status = Status {
            keeper: protocol::control::Keeper { pid: 1 },
            supervisor: protocol::control::Supervisor { pid: 2, version: "0.1.0".into() },
            profile: "https".into(),
            apps: vec![instance(6, 0), failing, waiting, app(0, "api", Word::Online)],
            notice: Some("ecosystem.toml:4:1: unknown key `wait_redy`; what ran before goes on".into()),
        };
        for (name, width) in [("table_full", None), ("table_condensed", Some(80)), ("table_mini", Some(40))] {
            insta::assert_snapshot!(name, text(&status, "pi", width, false));
        }
    }

    #[test]
    fn a_narrow_terminal_gets_fewer_columns() {
        let apps = [&app(0, "betti-backend", Word::Online)];
        let titles = |width| {
            let table = fitting(&Look { apps: &apps, owner: "pi" }, Some(width), false);
            let titles = table.lines().nth(1).expect("a header").replace('│', " ");
            titles.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(titles(200).len(), 13);
        assert_eq!(titles(80), ["id", "name", "mode", "↺", "status", "cpu", "mem"]);
        assert_eq!(titles(20), ["id", "name", "status", "cpu", "mem"]);
    }

    #[test]
    fn a_terminal_that_is_too_narrow_for_the_names_gets_line_breaks_in_them() {
        let apps = [&app(0, "betti-backend-with-quite-a-long-name", Word::WaitingRestart)];
        let text = fitting(&Look { apps: &apps, owner: "pi" }, Some(60), false);
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        assert!(text.contains("betti-backend-with") && text.contains("waiting restart"), "{text}");
    }

    #[test]
    fn colour_is_used_only_where_it_is_wanted() {
        let apps = [&app(0, "a", Word::Online)];
        assert!(fitting(&Look { apps: &apps, owner: "pi" }, None, true).contains("\u{1b}["));
        assert!(!fitting(&Look { apps: &apps, owner: "pi" }, None, false).contains('\u{1b}'));
    }
}
