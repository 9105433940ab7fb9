//! One `[[apps]]` table as it was written: keys understood, values read, nothing decided yet.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::Mistake;
use crate::keys::{self, Anyway, Meaning};
use crate::model::{Address, Ready, StopSignal};
use crate::name;
use crate::value::{self, Placed, Read, Value};

/// Environment variables by name.
pub(crate) type Environment = BTreeMap<String, String>;

/// What one table says; `None` is what it does not say, or says wrongly.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// The table's `[[apps]]`.
    pub header: Range<usize>,
    pub name: Option<Placed<String>>,
    pub namespace: Option<String>,
    pub script: Option<Placed<String>>,
    pub args: Option<Placed<Vec<String>>>,
    pub interpreter: Option<String>,
    pub interpreter_args: Option<Vec<String>>,
    pub cwd: Option<String>,
    pub env: Environment,
    /// `env_<profile>`, by profile.
    pub overlays: BTreeMap<String, Environment>,
    pub env_file: Option<String>,
    pub listen: Vec<Placed<Address>>,
    pub port: Option<Placed<u16>>,
    pub depends_on: Vec<Placed<String>>,
    pub profiles: Vec<Placed<String>>,
    pub ready: Option<Placed<Ready>>,
    pub wait_ready: Option<Placed<bool>>,
    pub listen_timeout: Option<Duration>,
    pub kill_timeout: Option<Duration>,
    pub kill_signal: Option<StopSignal>,
    pub autorestart: Option<bool>,
    pub stop_exit_codes: Vec<i32>,
    pub min_uptime: Option<Duration>,
    pub max_restarts: Option<u32>,
    pub restart_delay: Option<Duration>,
    pub exp_backoff_restart_delay: Option<Duration>,
    pub out_file: Option<String>,
    pub error_file: Option<String>,
    pub log_max_size: Option<u64>,
}

/// A log file smaller than this would be rotated every few lines.
const LEAST_LOG_SIZE: u64 = 1024;
/// As much patience as this is needed by any program that is to become ready.
const LEAST_LISTEN_TIMEOUT: Duration = Duration::from_millis(100);

impl Written {
    /// Reads one table, adding what is wrong with it.
    pub(crate) fn read(header: Range<usize>, table: &DeTable<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let Fields { overlays, fields } = Fields::sort(table, mistakes);
        if !fields.contains_key("script") {
            let mistake = Mistake::new(header.clone(), "this app has no `script`");
            mistakes.push(mistake.help("say what to run: script = \"./my-program\""));
        }
        let mut from = Reader { fields, mistakes };
        let codes = |value: &Value<'_>| value::list(value, exit_code);
        let names = |value: &Value<'_>| value::list(value, value::filled);
        Self {
            header,
            name: from.placed("name", name::read),
            namespace: from.read("namespace", name::read),
            script: from.placed("script", value::filled),
            args: from.placed("args", value::arguments),
            interpreter: from.read("interpreter", value::filled),
            interpreter_args: from.read("interpreter_args", value::arguments),
            cwd: from.read("cwd", value::filled),
            env: from.read("env", value::environment).unwrap_or_default(),
            overlays,
            env_file: from.read("env_file", value::filled),
            listen: from.read("listen", |value| value::list(value, value::address)).unwrap_or_default(),
            port: from.placed("port", value::port),
            depends_on: from.read("depends_on", names).unwrap_or_default(),
            profiles: from.read("profiles", |value| value::list(value, name::profile)).unwrap_or_default(),
            ready: from.placed("ready", value::ready),
            wait_ready: from.placed("wait_ready", value::boolean),
            listen_timeout: from.read("listen_timeout", listen_timeout),
            kill_timeout: from.read("kill_timeout", value::duration),
            kill_signal: from.read("kill_signal", value::signal),
            autorestart: from.read("autorestart", value::boolean),
            stop_exit_codes: from.read("stop_exit_codes", codes).map(inner).unwrap_or_default(),
            min_uptime: from.read("min_uptime", value::duration),
            max_restarts: from.read("max_restarts", max_restarts),
            restart_delay: from.read("restart_delay", value::duration),
            exp_backoff_restart_delay: from.read("exp_backoff_restart_delay", value::duration),
            out_file: from.read("out_file", value::filled),
            error_file: from.read("error_file", value::filled),
            log_max_size: from.read("log_max_size", |value| value::size(value, LEAST_LOG_SIZE)),
        }
    }
}

fn inner<T>(placed: Vec<Placed<T>>) -> Vec<T> {
    placed.into_iter().map(Placed::into_inner).collect()
}

fn exit_code(value: &Value<'_>) -> Read<i32> {
    value::integer(value, 0, 255).and_then(|code| i32::try_from(code).map_err(|_| value::wrong(value, "an exit code")))
}

fn max_restarts(value: &Value<'_>) -> Read<u32> {
    let most = i64::from(u32::MAX);
    value::integer(value, 0, most).and_then(|count| u32::try_from(count).map_err(|_| value::wrong(value, "a number")))
}

fn listen_timeout(value: &Value<'_>) -> Read<Duration> {
    let timeout = value::duration(value)?;
    match timeout < LEAST_LISTEN_TIMEOUT {
        true => Err(Mistake::new(value.span(), "no program becomes ready this fast").help("give it at least 100 ms")),
        false => Ok(timeout),
    }
}

/// A key as it was written, and its value.
struct Field<'v, 't> {
    key: &'v str,
    place: Range<usize>,
    value: &'v Value<'t>,
}

/// A table's entries, sorted by what they mean.
#[derive(Default)]
struct Fields<'v, 't> {
    fields: BTreeMap<&'static str, Field<'v, 't>>,
    overlays: BTreeMap<String, Environment>,
}

impl<'v, 't> Fields<'v, 't> {
    fn sort(table: &'v DeTable<'t>, mistakes: &mut Vec<Mistake>) -> Self {
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
        (Anyway::Integer(same), DeValue::Integer(written)) => *same == written.as_str(),
        (Anyway::Text(same), DeValue::String(written)) => same == written,
        (Anyway::Boolean(_) | Anyway::Integer(_) | Anyway::Text(_), _) => false,
    })
}

/// Takes what is known out of a table, one key at a time.
struct Reader<'v, 't, 'm> {
    fields: BTreeMap<&'static str, Field<'v, 't>>,
    mistakes: &'m mut Vec<Mistake>,
}

impl<'t> Reader<'_, 't, '_> {
    fn read<T, E: Into<Vec<Mistake>>>(&mut self, key: &str, read: impl Fn(&Value<'t>) -> Result<T, E>) -> Option<T> {
        self.placed(key, read).map(Placed::into_inner)
    }

    fn placed<T, E: Into<Vec<Mistake>>>(
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
