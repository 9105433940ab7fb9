//! Reads single values, each into what it must be or a mistake that says what it should have been.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::diagnostic::Mistake;
use crate::model::StopSignal;
use crate::{suggest, units, words};

pub(crate) type Value<'t> = Spanned<DeValue<'t>>;
pub(crate) type Read<T> = Result<T, Mistake>;

/// A value with its place in the file.
pub(crate) type Placed<T> = Spanned<T>;

/// Environment variables by name.
pub(crate) type Environment = BTreeMap<String, String>;

/// The most values in one list.
pub(crate) const LONGEST_LIST: usize = 1000;

/// Text that can be handed to a program: it holds no NUL.
pub(crate) fn text(value: &Value<'_>) -> Read<String> {
    let DeValue::String(text) = value.get_ref() else { return Err(wrong(value, "text")) };
    whole(value, text)
}

/// Text, or a number or boolean as it is written.
pub(crate) fn scalar(value: &Value<'_>) -> Read<String> {
    match value.get_ref() {
        DeValue::String(text) => whole(value, text),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(boolean) => Ok(boolean.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => Err(wrong(value, "text")),
    }
}

fn whole(value: &Value<'_>, text: &str) -> Read<String> {
    match text.contains('\0') {
        true => Err(Mistake::new(value.span(), "a NUL character cannot be handed to a program")),
        false => Ok(text.to_owned()),
    }
}

/// Text that is not empty.
pub(crate) fn filled(value: &Value<'_>) -> Read<String> {
    match text(value)? {
        empty if empty.trim().is_empty() => Err(Mistake::new(value.span(), "this must not be empty")),
        filled => Ok(filled),
    }
}

pub(crate) fn boolean(value: &Value<'_>) -> Read<bool> {
    value.get_ref().as_bool().ok_or_else(|| wrong(value, "`true` or `false`"))
}

/// A whole number from `least` to `most`.
pub(crate) fn integer(value: &Value<'_>, least: i64, most: i64) -> Read<i64> {
    let DeValue::Integer(written) = value.get_ref() else { return Err(wrong(value, "a whole number")) };
    number(written)
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| Mistake::new(value.span(), format!("this must be a number from {least} to {most}")))
}

fn number(written: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(written.as_str(), written.radix()).ok()
}

/// How many, from `least` to `most`, which fits into 32 bits.
pub(crate) fn count(value: &Value<'_>, least: i64, most: i64) -> Read<u32> {
    integer(value, least, most).and_then(|count| u32::try_from(count).map_err(|_| wrong(value, "a number")))
}

pub(crate) fn port(value: &Value<'_>) -> Read<u16> {
    integer(value, 1, u16::MAX.into()).and_then(|port| u16::try_from(port).map_err(|_| wrong(value, "a port")))
}

pub(crate) fn duration(value: &Value<'_>) -> Read<Duration> {
    let read = match value.get_ref() {
        DeValue::Integer(written) => {
            number(written).and_then(|number| u64::try_from(number).ok()).map(Duration::from_millis)
        }
        DeValue::String(text) => units::duration(text),
        _ => return Err(wrong(value, "a duration").help(units::DURATION_HELP)),
    };
    let read = read.ok_or_else(|| Mistake::new(value.span(), "this is not a duration").help(units::DURATION_HELP))?;
    match read <= units::LONGEST_DURATION {
        true => Ok(read),
        false => Err(Mistake::new(value.span(), "this is longer than a day").help(units::DURATION_HELP)),
    }
}

/// How old something may get: durations with a unit, days among them.
pub(crate) fn age(value: &Value<'_>) -> Read<Duration> {
    let DeValue::String(text) = value.get_ref() else { return Err(wrong(value, "an age").help(units::AGE_HELP)) };
    let read = units::age(text);
    let read = read.ok_or_else(|| Mistake::new(value.span(), "this is not an age").help(units::AGE_HELP))?;
    match read <= units::GREATEST_AGE {
        true => Ok(read),
        false => Err(Mistake::new(value.span(), "this is longer than ten years").help(units::AGE_HELP)),
    }
}

/// A duration that is not shorter than `least`.
pub(crate) fn duration_from(value: &Value<'_>, least: Duration) -> Read<Duration> {
    match duration(value)? {
        short if short < least => {
            Err(Mistake::new(value.span(), format!("this must be at least {} ms", least.as_millis())))
        }
        long => Ok(long),
    }
}

/// Bytes, at least `least`.
pub(crate) fn size(value: &Value<'_>, least: u64) -> Read<u64> {
    let read = match value.get_ref() {
        DeValue::Integer(written) => number(written).and_then(|number| u64::try_from(number).ok()),
        DeValue::String(text) => units::size(text),
        _ => return Err(wrong(value, "a size").help(units::SIZE_HELP)),
    };
    match read {
        None => Err(Mistake::new(value.span(), "this is not a size").help(units::SIZE_HELP)),
        Some(size) if size < least => {
            let help = (least > 1024).then(|| units::SIZE_HELP.to_owned());
            Err(Mistake::new(value.span(), format!("this must be at least {least} bytes")).maybe_help(help))
        }
        Some(size) => Ok(size),
    }
}

/// A list, or one value instead of a list of one.
pub(crate) fn list<T>(value: &Value<'_>, item: impl Fn(&Value<'_>) -> Read<T>) -> Result<Vec<Placed<T>>, Vec<Mistake>> {
    let placed = |value: &Value<'_>| item(value).map(|read| Placed::new(value.span(), read));
    let DeValue::Array(values) = value.get_ref() else {
        return placed(value).map(|one| vec![one]).map_err(|one| vec![one]);
    };
    if values.len() > LONGEST_LIST {
        return Err(vec![Mistake::new(value.span(), format!("this list has more than {LONGEST_LIST} values"))]);
    }
    let (mut read, mut mistakes) = (Vec::new(), Vec::new());
    for value in values.iter() {
        match placed(value) {
            Ok(one) => read.push(one),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
}

/// A list, or one text that is split the way a shell would.
pub(crate) fn arguments(value: &Value<'_>) -> Result<Vec<String>, Vec<Mistake>> {
    if let DeValue::String(line) = value.get_ref() {
        let open =
            |_| vec![Mistake::new(value.span(), "a quote is never closed").help("or write a list: [\"one\", \"two\"]")];
        whole(value, line).map_err(|mistake| vec![mistake])?;
        return words::split(line).map_err(open);
    }
    if !value.get_ref().is_array() {
        return Err(vec![wrong(value, "a list or one text").help("for example [\"--verbose\", \"two words\"]")]);
    }
    Ok(list(value, scalar)?.into_iter().map(Placed::into_inner).collect())
}

/// A table of environment variables.
pub(crate) fn environment(value: &Value<'_>) -> Result<Environment, Vec<Mistake>> {
    let DeValue::Table(table) = value.get_ref() else {
        return Err(vec![wrong(value, "a table").help("for example { PORT = 3001, LANG = \"C.UTF-8\" }")]);
    };
    let (mut read, mut mistakes) = (BTreeMap::new(), Vec::new());
    for (name, value) in table {
        match variable(name, value) {
            Ok((name, value)) => _ = read.insert(name, value),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
}

/// The name of an environment variable.
pub(crate) fn variable_name(value: &Value<'_>) -> Read<String> {
    match filled(value)? {
        name if name.contains('=') => {
            Err(Mistake::new(value.span(), format!("`{name}` cannot be the name of an environment variable")))
        }
        name => Ok(name),
    }
}

fn variable(name: &Spanned<std::borrow::Cow<'_, str>>, value: &Value<'_>) -> Read<(String, String)> {
    let text = name.get_ref();
    if text.is_empty() || text.contains(['=', '\0']) {
        return Err(Mistake::new(name.span(), format!("`{text}` cannot be the name of an environment variable")));
    }
    let value = scalar(value)
        .map_err(|mistake| mistake.about(text).help("environment variables are text: put it into quotes"))?;
    Ok((text.to_string(), value))
}

pub(crate) fn signal(value: &Value<'_>) -> Read<StopSignal> {
    let written = filled(value)?;
    let bare = written.to_uppercase();
    let bare = bare.strip_prefix("SIG").unwrap_or(&bare);
    let known = StopSignal::ALL.into_iter().find(|signal| &signal.name()["SIG".len()..] == bare);
    known.ok_or_else(|| {
        let names = StopSignal::ALL.map(StopSignal::name);
        let help = suggest::did_you_mean(&format!("SIG{bare}"), names)
            .unwrap_or_else(|| format!("one of {}", suggest::listed(names)));
        Mistake::new(value.span(), format!("`{written}` is not a signal that stops a program")).help(help)
    })
}

/// A table's entries in the order of the file.
pub(crate) fn entries<'v, 't>(table: &'v DeTable<'t>) -> Vec<(&'v Spanned<std::borrow::Cow<'t, str>>, &'v Value<'t>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// "must be a duration, not a boolean"
pub(crate) fn wrong(value: &Value<'_>, expected: &str) -> Mistake {
    let found = match value.get_ref() {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with decimals",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Mistake::new(value.span(), format!("this must be {expected}, not {found}"))
}
