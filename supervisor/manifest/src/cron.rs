//! Times at which an app is restarted.

use std::cmp::Ordering;

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::{CivilDateTime, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use toml::de::DeValue;

use crate::diagnostic::Mistake;
use crate::model::Cron;
use crate::section::{Keys, Section};
use crate::suggest;
use crate::value::{self, Read, Value};

const HELP: &str = "write minute, hour, day, month and weekday: \"0 3 * * *\" is every day at 03:00, \
                    \"*/15 * * * *\" every quarter of an hour";
const KEYS: Keys = &[("at", &["pattern"]), ("zone", &["timezone", "tz"])];
/// Longer than any pattern that somebody can read.
const LONGEST_PATTERN: usize = 200;
/// The fields of a pattern, each with what else may hold its place.
const FIELDS: [&str; 6] = ["second", "minute", "hour", "day", "month", "weekday"];
/// Where the search for a first time begins. Any day does: every pattern that ever comes, comes within a few decades.
const FIRST: DateTime = jiff::civil::date(2024, 1, 1).at(0, 0, 0, 0);

/// Reads a pattern, a table of pattern and zone, or one of PM2's words for "never".
pub(crate) fn read(value: &Value<'_>) -> Result<Option<Cron>, Vec<Mistake>> {
    match value.get_ref() {
        DeValue::Boolean(false) => Ok(None),
        DeValue::Integer(zero) if zero.as_str() == "0" => Ok(None),
        DeValue::String(text) if matches!(text.trim(), "" | "0") => Ok(None),
        DeValue::String(_) => Ok(Some(Cron { pattern: pattern(value)?, zone: None })),
        _ => match Section::of(value, KEYS) {
            None => Err(value::wrong(value, "a pattern").help(HELP).into()),
            Some(mut section) => {
                let at = section.take("at", pattern);
                let zone = section.take("zone", zone);
                if section.present(&["at"]).is_empty() {
                    let mistake = Mistake::new(value.span(), "this must say when: `at` is missing");
                    section.note(mistake.help("for example { at = \"0 3 * * *\", zone = \"Europe/Vienna\" }"));
                }
                section.finish(at.map(|pattern| Some(Cron { pattern, zone })))
            }
        },
    }
}

fn pattern(value: &Value<'_>) -> Read<String> {
    let DeValue::String(text) = value.get_ref() else { return Err(value::wrong(value, "a pattern").help(HELP)) };
    fault(text).map_or_else(|| Ok(text.trim().to_owned()), |fault| Err(Mistake::new(value.span(), fault).help(HELP)))
}

/// What is wrong with a pattern, if anything.
fn fault(text: &str) -> Option<String> {
    if text.len() > LONGEST_PATTERN
        || !text.bytes().all(|byte| byte == b' ' || byte == b'\t' || byte.is_ascii_graphic())
    {
        return Some("this is not a cron pattern".to_owned());
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    match (parse(text), fields.as_slice()) {
        (Ok(cron), _) if never_comes(&cron) => Some(format!("`{text}` never comes")),
        (Ok(_), _) => None,
        (Err(_), [nickname]) if nickname.starts_with('@') => {
            Some(format!("`{nickname}` is not known; there are @hourly, @daily, @weekly, @monthly and @yearly"))
        }
        (Err(_), fields @ ([_, _, _, _, _] | [_, _, _, _, _, _])) => {
            let names = &FIELDS[FIELDS.len() - fields.len()..];
            let wrong = (0..fields.len()).find(|place| parse(&alone(fields, *place)).is_err());
            Some(match wrong {
                Some(place) => format!("`{}` is no {} in a cron pattern", fields[place], names[place]),
                None => "this is not a cron pattern".to_owned(),
            })
        }
        (Err(_), fields) => {
            Some(format!("this must have five fields, or six with seconds first, not {}", fields.len()))
        }
    }
}

/// One field of a pattern with nothing said in the others.
fn alone(fields: &[&str], place: usize) -> String {
    let fields = fields.iter().enumerate().map(|(other, field)| if other == place { *field } else { "*" });
    fields.collect::<Vec<_>>().join(" ")
}

fn parse(text: &str) -> Result<croner::Cron, CronError> {
    CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build().parse(text)
}

/// Such as the 30th of February.
fn never_comes(cron: &croner::Cron) -> bool {
    matches!(cron.find_next_occurrence(&Civil(FIRST), true), Err(CronError::TimeSearchLimitExceeded))
}

fn zone(value: &Value<'_>) -> Read<String> {
    let written = value::filled(value)?;
    let zones = jiff::tz::db();
    if zones.get(&written).is_ok() {
        return Ok(written);
    }
    let known: Vec<String> = zones.available().map(|zone| zone.to_string()).collect();
    let help = match known.is_empty() {
        true => "no time zones are known on this machine: install the package tzdata".to_owned(),
        false => suggest::did_you_mean(&written, known.iter().map(String::as_str))
            .unwrap_or_else(|| "write a name such as \"Europe/Vienna\" or \"UTC\"".to_owned()),
    };
    Err(Mistake::new(value.span(), format!("there is no time zone `{written}`")).help(help))
}

/// A date and time of no zone, for the search.
#[derive(Clone, Copy)]
struct Civil(DateTime);

impl CronDateTime for Civil {
    fn to_civil(&self) -> CivilDateTime {
        let part = |part: i8| u32::from(part.unsigned_abs());
        let date =
            croner::CivilDate::from_parts_unchecked(self.0.year().into(), part(self.0.month()), part(self.0.day()));
        let time =
            croner::CivilTime::from_parts_unchecked(part(self.0.hour()), part(self.0.minute()), part(self.0.second()));
        CivilDateTime::new(date, time)
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(u32::from(self.0.weekday().to_sunday_zero_offset().unsigned_abs()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let part = |part: u32| i8::try_from(part).map_err(|_| CronError::InvalidDate);
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let (month, day) = (part(civil.month())?, part(civil.day())?);
        let (hour, minute, second) = (part(civil.hour())?, part(civil.minute())?, part(civil.second())?);
        let resolved = DateTime::new(year, month, day, hour, minute, second, 0);
        resolved.map(|resolved| Resolution::Single(Self(resolved))).map_err(|_| CronError::InvalidDate)
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(jiff::SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_good_or_their_fault_is_named() {
        for good in
            ["0 3 * * *", "*/15 * * * *", "30 0 3 * * *", "0 0 29 2 *", "@daily", "0 0 * * MON-FRI", "0 0 L * *"]
        {
            assert_eq!(fault(good), None, "{good}");
        }
        let rows = [
            ("0 25 * * *", "`25` is no hour in a cron pattern"),
            ("0 3 * * FOO", "`FOO` is no weekday in a cron pattern"),
            ("61 0 3 * * *", "`61` is no second in a cron pattern"),
            ("0 3 * *", "this must have five fields, or six with seconds first, not 4"),
            ("0 0 3 * * * 2027", "this must have five fields, or six with seconds first, not 7"),
            ("@reboot", "`@reboot` is not known; there are @hourly, @daily, @weekly, @monthly and @yearly"),
            ("0 0 30 2 *", "`0 0 30 2 *` never comes"),
            ("ä", "this is not a cron pattern"),
        ];
        for (bad, message) in rows {
            assert_eq!(fault(bad).as_deref(), Some(message), "{bad}");
        }
    }
}
