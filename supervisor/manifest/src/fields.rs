//! The keys of one `[[apps]]` table, sorted by what they mean.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::Mistake;
use crate::keys::{self, Anyway, Meaning};
use crate::name;
use crate::value::{self, Environment, Placed, Value};

/// A key as it was written, and its value.
struct Field<'v, 't> {
    key: &'v str,
    place: Range<usize>,
    value: &'v Value<'t>,
}

/// A table's entries, sorted by what they mean.
#[derive(Default)]
pub(crate) struct Fields<'v, 't> {
    fields: BTreeMap<&'static str, Field<'v, 't>>,
    /// `env_<profile>`, by profile.
    pub overlays: BTreeMap<String, Environment>,
}

impl<'v, 't> Fields<'v, 't> {
    pub(crate) fn sort(table: &'v DeTable<'t>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut sorted = Self::default();
        for (key, value) in value::entries(table) {
            let field = Field { key: key.get_ref().as_ref(), place: key.span(), value };
            match keys::meaning(field.key) {
                Meaning::Known(first) => sorted.add(first, field, mistakes),
                Meaning::Overlay(profile) => sorted.overlay(profile, &field, mistakes),
                Meaning::Later(anyway) if happens_anyway(anyway, value) => {}
                Meaning::Later(_) => mistakes.push(field.mistake("is not supported yet").help("remove it for now")),
                Meaning::Needless(why) => {
                    mistakes.push(field.mistake("has no meaning here").help(format!("{why}; remove it")))
                }
                Meaning::Unknown(nearest) => {
                    let help = nearest.map(|nearest| format!("did you mean `{nearest}`?"));
                    mistakes.push(Mistake::new(field.place, format!("unknown key `{}`", field.key)).maybe_help(help));
                }
            }
        }
        sorted
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    /// To read them one after the other.
    pub(crate) fn reader<'m>(self, mistakes: &'m mut Vec<Mistake>) -> Reader<'v, 't, 'm> {
        Reader { fields: self.fields, mistakes }
    }

    fn add(&mut self, first: &'static str, field: Field<'v, 't>, mistakes: &mut Vec<Mistake>) {
        match self.fields.get(first) {
            None => _ = self.fields.insert(first, field),
            Some(earlier) => {
                let message = format!("`{}` is another spelling of `{}`, which is set already", field.key, earlier.key);
                mistakes.push(Mistake::new(field.place, message).related(earlier.place.clone(), "set here"));
            }
        }
    }

    fn overlay(&mut self, profile: &str, field: &Field<'v, 't>, mistakes: &mut Vec<Mistake>) {
        let read = name::check_profile(profile, &field.place).map_err(Vec::from);
        match read.and_then(|()| value::environment(field.value)) {
            Ok(environment) => _ = self.overlays.insert(profile.to_owned(), environment),
            Err(wrong) => mistakes.extend(wrong.into_iter().map(|mistake| mistake.about(field.key))),
        }
    }
}

impl Field<'_, '_> {
    fn mistake(&self, what: &str) -> Mistake {
        Mistake::new(self.place.clone(), format!("`{}` {what}", self.key))
    }
}

fn happens_anyway(anyway: &[Anyway], value: &Value<'_>) -> bool {
    anyway.iter().any(|anyway| match (anyway, value.get_ref()) {
        (Anyway::Boolean(same), DeValue::Boolean(written)) => same == written,
        (Anyway::Text(same), DeValue::String(written)) => same == written,
        (Anyway::Boolean(_) | Anyway::Text(_), _) => false,
    })
}

/// Takes what is known out of a table, one key at a time.
pub(crate) struct Reader<'v, 't, 'm> {
    fields: BTreeMap<&'static str, Field<'v, 't>>,
    mistakes: &'m mut Vec<Mistake>,
}

impl<'t> Reader<'_, 't, '_> {
    pub(crate) fn read<T, E: Into<Vec<Mistake>>>(
        &mut self,
        key: &str,
        read: impl Fn(&Value<'t>) -> Result<T, E>,
    ) -> Option<T> {
        self.placed(key, read).map(Placed::into_inner)
    }

    pub(crate) fn placed<T, E: Into<Vec<Mistake>>>(
        &mut self,
        key: &str,
        read: impl Fn(&Value<'t>) -> Result<T, E>,
    ) -> Option<Placed<T>> {
        let Field { key, value, .. } = self.fields.get(key)?;
        match read(value) {
            Ok(read) => Some(Placed::new(value.span(), read)),
            Err(wrong) => {
                self.mistakes.extend(wrong.into().into_iter().map(|mistake| mistake.about(key)));
                None
            }
        }
    }
}
