//! An entry in plain words: who, what, and when on the resident's clock. Pure.

use jiff::Timestamp;
use kit::{
    Home,
    audit::{Entry, What, Who},
};

use super::phrases;
use crate::vitals::Kind;

/// The first status that means that it was not done.
const FIRST_FAILED: u16 = 400;

/// `Anna's phone looked at blood pressure 14 times between 9:00 and 9:40`.
pub fn of(entry: &Entry, name: Option<&str>, medicine: Option<&str>, home: &Home) -> String {
    let (who, when) = (who(entry, name), when(entry, home));
    let noun = noun(entry, medicine);
    let is_video = entry.area.as_deref() == Some("video");
    if let Some(wrong) = entry.routes.first().and_then(|route| phrases::wrong_pin(route, entry.status)) {
        return format!("{who} {wrong} {when}");
    }
    match entry.what {
        What::Read if entry.status >= FIRST_FAILED => format!("{who} asked for {noun} and got no answer {when}"),
        What::Read => match entry.routes.first().and_then(|route| phrases::take(route)) {
            Some(taken) => format!("{who} {taken} {when}"),
            None => format!("{who} looked at {noun} {when}"),
        },
        What::Change if entry.status >= FIRST_FAILED => {
            format!("{who} wanted to change {noun} {when}, but nothing was changed")
        }
        What::Change => {
            let changed = format!("changed {noun}");
            let phrase = entry.routes.first().and_then(|route| phrases::change(route)).unwrap_or(&changed);
            format!("{who} {} {when}", phrase.replace("{}", medicine.unwrap_or("a medicine")))
        }
        What::Refused => format!("{who} was not let in to {noun} {when}"),
        What::Opened if is_video => format!("{who} was ready for video calls from {}", clock(&entry.first_at, home)),
        What::Closed if is_video => format!("{who} was ready for video calls until {}", clock(&entry.last_at, home)),
        What::Opened => format!("{who} watched live from {}", clock(&entry.first_at, home)),
        What::Closed => format!("{who} watched live until {}", clock(&entry.last_at, home)),
        What::Lost => format!("{} entries could not be kept before {}", entry.times, clock(&entry.last_at, home)),
    }
}

fn who<'a>(entry: &Entry, name: Option<&'a str>) -> &'a str {
    match (name, entry.role.as_str()) {
        (Some(name), _) => name,
        (None, Who::HUB) => "The hub",
        (None, Who::OPERATOR) => "Somebody at the hub itself",
        (None, Who::UNKNOWN) => "Somebody with a wrong key",
        (None, _) => "A device that is not known any more",
    }
}

/// What it was about, as narrowly as is known: what all of its routes have in common.
fn noun(entry: &Entry, medicine: Option<&str>) -> String {
    let kind = || Kind::of_name(entry.thing.as_deref()?);
    let is_of_kind = !entry.routes.is_empty()
        && entry.routes.iter().all(|route| route.contains("{type}") || route.contains("{kind}"));
    if let Some(kind) = is_of_kind.then(kind).flatten() {
        return kind.name().replace('_', " ");
    }
    if let Some(medicine) = medicine {
        return medicine.to_owned();
    }
    let area = phrases::area(entry.area.as_deref());
    let mut looks = entry.routes.iter().map(|route| phrases::look(route).unwrap_or(area));
    let first = looks.next().unwrap_or(area);
    if looks.all(|look| look == first) { first } else { area }.to_owned()
}

fn when(entry: &Entry, home: &Home) -> String {
    let (first, last) = (clock(&entry.first_at, home), clock(&entry.last_at, home));
    match entry.times {
        1 => format!("at {first}"),
        times if first == last => format!("{times} times at {first}"),
        times => format!("{times} times between {first} and {last}"),
    }
}

/// `9:05` on the resident's clock; what is no time is shown as it is.
fn clock(at: &str, home: &Home) -> String {
    let moment = at.parse::<Timestamp>();
    moment.map_or_else(|_| at.to_owned(), |at| home.local(at).strftime("%-H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(what: What, route: &str, status: u16) -> Entry {
        let area = match () {
            () if route.contains("medications") || route.contains("doses") => Some("medication"),
            () if route.contains("vitals") || route.contains("trends") || route.contains("alerts") => Some("vitals"),
            () if route.contains("access") => Some("sharing"),
            () => None,
        };
        Entry {
            seq: 7,
            first_at: "2031-01-31T14:00:00.000Z".into(),
            last_at: "2031-01-31T14:00:00.000Z".into(),
            times: 1,
            what,
            device: Some("d".into()),
            role: "carer".into(),
            address: None,
            area: area.map(str::to_owned),
            resident: 1,
            routes: vec![route.into()],
            thing: None,
            status,
            continues: None,
        }
    }

    fn told(entry: &Entry) -> String {
        of(entry, Some("Anna's phone"), None, &Home::of_name("America/New_York").unwrap())
    }

    #[test]
    fn what_was_done_is_said_in_plain_words() {
        use What::{Change, Closed, Opened, Read, Refused};
        let table = [
            (Read, "GET /api/vitals/latest", 200, "looked at readings at 9:00"),
            (Read, "GET /api/v1/alerts/{id}", 200, "looked at alerts at 9:00"),
            (Read, "GET /api/v1/access/audit", 200, "looked at who looked at what at 9:00"),
            (Read, "GET /api/medications/{id}", 404, "asked for medicines and got no answer at 9:00"),
            (Change, "POST /api/vitals", 201, "recorded a reading at 9:00"),
            (Change, "POST /api/medications/{id}/take", 200, "recorded a dose of a medicine at 9:00"),
            (Change, "POST /api/vitals", 400, "wanted to change readings at 9:00, but nothing was changed"),
            (Change, "POST /api/v1/vitals/new", 200, "changed readings at 9:00"),
            (Change, "DELETE /api/v1/access/devices/{device}", 200, "took away a device's access at 9:00"),
            (Refused, "GET /api/medications", 403, "was not let in to medicines at 9:00"),
            (Change, "POST /api/v1/access/unlock", 200, "was unlocked with the PIN at 9:00"),
            (Refused, "POST /api/v1/access/unlock", 403, "was not unlocked: the PIN was wrong at 9:00"),
            (Change, "POST /api/v1/access/unlock", 429, "was not unlocked: there were too many wrong PINs at 9:00"),
            (Change, "PUT /api/v1/access/pin", 200, "set the PIN at 9:00"),
            (
                Refused,
                "PUT /api/v1/access/pin",
                403,
                "did not set the PIN: it was too late, or the present one was wrong at 9:00",
            ),
            (Opened, "WS *", 101, "watched live from 9:00"),
            (Closed, "WS *", 0, "watched live until 9:00"),
        ];
        for (what, route, status, expected) in table {
            assert_eq!(told(&entry(what, route, status)), format!("Anna's phone {expected}"));
        }
    }

    #[test]
    fn several_reads_are_told_with_how_often_and_from_when_to_when() {
        let mut reads = entry(What::Read, "GET /api/vitals/history/{type}", 200);
        (reads.times, reads.last_at) = (14, "2031-01-31T14:40:59.000Z".into());
        reads.thing = Some("blood_pressure".into());
        assert_eq!(told(&reads), "Anna's phone looked at blood pressure 14 times between 9:00 and 9:40");
        reads.thing = Some("whatever somebody writes".into());
        assert_eq!(told(&reads), "Anna's phone looked at readings 14 times between 9:00 and 9:40");
        reads.thing = Some("blood_pressure".into());
        reads.routes.push("GET /api/v1/alerts".into());
        reads.last_at = reads.first_at.clone();
        assert_eq!(told(&reads), "Anna's phone looked at readings 14 times at 9:00");
    }

    #[test]
    fn medicines_and_those_without_a_name_are_said_too() {
        let home = Home::of_name("America/New_York").unwrap();
        let dose = entry(What::Change, "PUT /api/v1/doses/{*occurrence}", 200);
        let said = of(&dose, Some("Nurse's tablet"), Some("Metformin"), &home);
        assert_eq!(said, "Nurse's tablet noted what became of a dose of Metformin at 9:00");
        for (role, expected) in [
            (Who::HUB, "The hub"),
            (Who::OPERATOR, "Somebody at the hub itself"),
            (Who::UNKNOWN, "Somebody with a wrong key"),
            ("carer", "A device that is not known any more"),
        ] {
            let dose = Entry { role: role.into(), ..dose.clone() };
            assert_eq!(
                of(&dose, None, None, &home),
                format!("{expected} noted what became of a dose of a medicine at 9:00")
            );
        }
        let lost = Entry { times: 3, ..entry(What::Lost, "", 0) };
        assert_eq!(of(&lost, None, None, &home), "3 entries could not be kept before 9:00");
    }
}
