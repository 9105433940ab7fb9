//! What the kernel is told about an app: as whom it runs, how much it may use, and when it is given up.

use toml::de::DeValue;

use crate::diagnostic::Mistake;
use crate::model::{Instances, Rlimit};
use crate::value::{self, Read, Value};
use crate::{suggest, units};

/// The resources of `setrlimit(2)`, as Linux has them.
const RESOURCES: [&str; 16] = [
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];
const LIMIT_HELP: &str = "write a number, a size such as \"1G\", \"unlimited\", or two of them: [soft, hard]";
const RLIMITS_HELP: &str = "for example { nofile = 4096, core = \"unlimited\", as = \"1G\" }";

/// How much more readily the kernel gives up an app than what nobody changed, when memory runs out (`oom_score_adj`).
/// A point is a thousandth of the machine's memory: 500 ranks an app as if it used half of it more than it does.
/// Low is far enough above normal that size hardly matters any more.
pub(crate) const OOM_SCORE_LOW: i32 = 500;
/// Above the keeper and the supervisor, which stay at 0 or below: whoever looks after the apps has to outlive them.
pub(crate) const OOM_SCORE_NORMAL: i32 = 200;
/// Nothing added: an app without which the others are of no use. An ordinary user may not go below.
pub(crate) const OOM_SCORE_HIGH: i32 = 0;

/// More processes of one app than any hub has a use for.
const MOST_INSTANCES: i64 = 256;
const INSTANCES_HELP: &str = "write a number, \"max\" for one a processor, or -1 for one less than that";
/// A user or group id above this is not one: the kernel keeps the last number for "no change".
const LARGEST_ID: i64 = u32::MAX as i64 - 1;
/// As `useradd(8)` has it.
const LONGEST_USER_NAME: usize = 32;

/// How many processes; zero and less count from the number of processors, as in PM2.
pub(crate) fn instances(value: &Value<'_>) -> Read<Instances> {
    let count = match value.get_ref() {
        DeValue::String(text) if text.trim() == "max" => Some(0),
        DeValue::String(text) => text.trim().parse().ok(),
        DeValue::Integer(_) => Some(value::integer(value, -MOST_INSTANCES, MOST_INSTANCES)?),
        _ => return Err(value::wrong(value, "a number or \"max\"").help(INSTANCES_HELP)),
    };
    let count = count.filter(|count: &i64| (-MOST_INSTANCES..=MOST_INSTANCES).contains(count));
    match count.and_then(|count| u32::try_from(count.unsigned_abs()).ok().map(|many| (count, many))) {
        Some((1.., many)) => Ok(Instances::Count(many)),
        Some((_, less)) => Ok(Instances::EveryProcessor { less }),
        None => Err(Mistake::new(value.span(), "this is not a number of processes").help(INSTANCES_HELP)),
    }
}

/// PM2's words for how processes share a socket, which make no difference here.
pub(crate) fn exec_mode(value: &Value<'_>) -> Read<()> {
    const MODES: [&str; 4] = ["fork", "cluster", "fork_mode", "cluster_mode"];
    let written = value::filled(value)?;
    match MODES.contains(&written.as_str()) {
        true => Ok(()),
        false => {
            let help = suggest::did_you_mean(&written, MODES).unwrap_or_else(|| {
                "\"fork\" or \"cluster\"; both mean processes that share the sockets in `listen`".to_owned()
            });
            Err(Mistake::new(value.span(), format!("`{written}` is not a mode")).help(help))
        }
    }
}

/// The `oom_score_adj` of a priority.
pub(crate) fn priority(value: &Value<'_>) -> Read<i32> {
    const PRIORITIES: [(&str, i32); 3] =
        [("low", OOM_SCORE_LOW), ("normal", OOM_SCORE_NORMAL), ("high", OOM_SCORE_HIGH)];
    let written = value::filled(value)?;
    let known = PRIORITIES.iter().find(|(name, _)| *name == written);
    known.map(|(_, score)| *score).ok_or_else(|| {
        let help = "\"low\", \"normal\" or \"high\": which apps are given up first when memory runs out";
        Mistake::new(value.span(), format!("`{written}` is not a priority")).help(help)
    })
}

pub(crate) fn nice(value: &Value<'_>) -> Read<i32> {
    small(value, -20, 19).map_err(|mistake| mistake.help("-20 goes before everybody else, 19 gives way to everybody"))
}

pub(crate) fn oom_score_adj(value: &Value<'_>) -> Read<i32> {
    small(value, -1000, 1000)
        .map_err(|mistake| mistake.help("1000 is given up first when memory runs out, -1000 never"))
}

fn small(value: &Value<'_>, least: i64, most: i64) -> Read<i32> {
    let number = value::integer(value, least, most)?;
    i32::try_from(number).map_err(|_| value::wrong(value, "a number"))
}

/// A user or group, by name or number.
pub(crate) fn account(value: &Value<'_>) -> Read<String> {
    if value.get_ref().is_integer() {
        return value::integer(value, 0, LARGEST_ID).map(|id| id.to_string());
    }
    if !value.get_ref().is_str() {
        return Err(value::wrong(value, "a name or a number"));
    }
    let name = value::filled(value)?;
    let is_id = name.bytes().all(|byte| byte.is_ascii_digit());
    let is_small = || name.parse().is_ok_and(|id: i64| id <= LARGEST_ID);
    let is_fit = |character: char| !character.is_control() && !character.is_whitespace() && !":/,".contains(character);
    match name.len() <= LONGEST_USER_NAME && name.chars().all(is_fit) && (!is_id || is_small()) {
        true => Ok(name),
        false => Err(Mistake::new(value.span(), "this cannot be the name of a user or group")),
    }
}

/// A table of resource limits.
pub(crate) fn rlimits(value: &Value<'_>) -> Result<Vec<Rlimit>, Vec<Mistake>> {
    let DeValue::Table(table) = value.get_ref() else {
        return Err(value::wrong(value, "a table").help(RLIMITS_HELP).into());
    };
    let (mut read, mut mistakes) = (Vec::new(), Vec::new());
    for (name, value) in value::entries(table) {
        let written = name.get_ref().as_ref();
        let resource = RESOURCES.into_iter().find(|resource| *resource == written);
        match resource.ok_or_else(|| {
            Mistake::new(name.span(), format!("`{written}` is not a resource limit")).help(meant(written))
        }) {
            Err(unknown) => mistakes.push(unknown),
            Ok(resource) => match limits(value) {
                Ok((soft, hard)) => read.push(Rlimit { resource, soft, hard }),
                Err(mistake) => mistakes.push(mistake.about(written)),
            },
        }
    }
    if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
}

/// Also for those who write `RLIMIT_NOFILE` or systemd's `LimitNOFILE`.
fn meant(written: &str) -> String {
    let lower = written.to_lowercase();
    let bare = lower.strip_prefix("rlimit_").or_else(|| lower.strip_prefix("limit")).unwrap_or(&lower);
    suggest::did_you_mean(bare, RESOURCES).unwrap_or_else(|| format!("there are {}", suggest::listed(RESOURCES)))
}

/// The soft and the hard limit.
fn limits(value: &Value<'_>) -> Read<(Option<u64>, Option<u64>)> {
    let DeValue::Array(pair) = value.get_ref() else { return limit(value).map(|both| (both, both)) };
    let [soft, hard] = pair.as_ref() else {
        return Err(Mistake::new(value.span(), "this must be one limit, or two").help(LIMIT_HELP));
    };
    let (soft, hard) = (limit(soft)?, limit(hard)?);
    match soft.unwrap_or(u64::MAX) > hard.unwrap_or(u64::MAX) {
        true => Err(Mistake::new(value.span(), "this has a soft limit above the hard one").help("write [soft, hard]")),
        false => Ok((soft, hard)),
    }
}

fn limit(value: &Value<'_>) -> Read<Option<u64>> {
    let read = match value.get_ref() {
        DeValue::String(text) if text.trim().eq_ignore_ascii_case("unlimited") => return Ok(None),
        DeValue::String(text) => units::size(text),
        DeValue::Integer(_) => u64::try_from(value::integer(value, 0, i64::MAX)?).ok(),
        _ => return Err(value::wrong(value, "a limit").help(LIMIT_HELP)),
    };
    read.map(Some).ok_or_else(|| Mistake::new(value.span(), "this is not a limit").help(LIMIT_HELP))
}
