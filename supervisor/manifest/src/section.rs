//! A table that is the value of a key: which keys it may hold, each read once.

use std::collections::BTreeMap;

use toml::de::DeValue;

use crate::diagnostic::Mistake;
use crate::suggest;
use crate::value::{self, Value};

/// Keys of a table, each with its other spellings.
pub(crate) type Keys = &'static [(&'static str, &'static [&'static str])];

/// The entries of a table by their first spelling, and what is wrong with them.
pub(crate) struct Section<'v, 't> {
    entries: BTreeMap<&'static str, (&'v str, &'v Value<'t>)>,
    mistakes: Vec<Mistake>,
}

impl<'v, 't> Section<'v, 't> {
    /// Sorts a table's entries by their meaning; `None` if the value is no table.
    pub(crate) fn of(value: &'v Value<'t>, keys: Keys) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else { return None };
        let mut section = Self { entries: BTreeMap::new(), mistakes: Vec::new() };
        for (key, value) in value::entries(table) {
            let written = key.get_ref().as_ref();
            match keys.iter().find(|(first, others)| *first == written || others.contains(&written)) {
                None => {
                    let firsts = keys.iter().map(|(first, _)| *first);
                    let all = || format!("the keys here are {}", suggest::listed(firsts.clone()));
                    let help = suggest::did_you_mean(written, firsts.clone()).unwrap_or_else(all);
                    section.mistakes.push(Mistake::new(key.span(), format!("unknown key `{written}`")).help(help));
                }
                Some((first, _)) => match section.entries.get(first) {
                    None => _ = section.entries.insert(first, (written, value)),
                    Some((earlier, _)) => {
                        let message = format!("`{written}` is another spelling of `{earlier}`, which is set already");
                        section.mistakes.push(Mistake::new(key.span(), message));
                    }
                },
            }
        }
        Some(section)
    }

    /// What the key says; `None` if it is not there or says it wrongly.
    pub(crate) fn take<T, E: Into<Vec<Mistake>>>(
        &mut self,
        key: &str,
        read: impl Fn(&Value<'t>) -> Result<T, E>,
    ) -> Option<T> {
        let (key, value) = self.entries.get(key)?;
        match read(value) {
            Ok(read) => Some(read),
            Err(wrong) => {
                self.mistakes.extend(wrong.into().into_iter().map(|mistake| mistake.about(key)));
                None
            }
        }
    }

    /// Those of these keys that are there, in the order of the file.
    pub(crate) fn present(&self, keys: &[&'static str]) -> Vec<&'static str> {
        let mut present: Vec<_> =
            keys.iter().filter_map(|key| self.entries.get(key).map(|(_, value)| (value.span().start, *key))).collect();
        present.sort_unstable();
        present.into_iter().map(|(_, key)| key).collect()
    }

    /// Notes what is wrong with the table as a whole.
    pub(crate) fn note(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    /// What was read, unless something was wrong.
    pub(crate) fn finish<T>(self, read: Option<T>) -> Result<T, Vec<Mistake>> {
        match read {
            Some(read) if self.mistakes.is_empty() => Ok(read),
            Some(_) | None => Err(self.mistakes),
        }
    }
}
