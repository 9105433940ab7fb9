//! The families about apps.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::control::{Family, Word};

use super::epoch::Epoch;
use super::facts::AppFacts;
use super::family::{Add, Kind, Labels, Meta, labels, with};
use crate::supervisor::measure::{Sum, Units};
use crate::supervisor::tally::{End, READY_WITHIN_MS};

const STATE: Meta =
    Meta::new(Kind::StateSet, "betti_app_state", "What the app is doing, in the words of betti-ctl status.");
const UP: Meta = Meta::gauge("betti_app_up", "Whether the app is online.");
const WANTED: Meta = Meta::gauge("betti_app_wanted", "Whether the app is wanted up; 0 when an operator stopped it.");
const RESTARTS: Meta =
    Meta::counter("betti_app_restarts", "How often the app was started again; betti-ctl reset begins anew.");
const EXITS: Meta = Meta::counter("betti_app_exits", "How often a run of the app ended, by why it did.");
const RECENT: Meta = Meta::gauge("betti_app_recent_failures", "Failures within the last minute.");
const LAST_READY: Meta =
    Meta::gauge("betti_app_last_ready_seconds", "From spawned to ready, of the run that was last ready.")
        .in_unit("seconds");
const READY: Meta =
    Meta::new(Kind::Histogram, "betti_app_ready_seconds", "From spawned to ready, of every run.").in_unit("seconds");
const START: Meta =
    Meta::gauge("betti_app_start_time_seconds", "When the running process was spawned, since 1970.").in_unit("seconds");
const UPTIME: Meta =
    Meta::gauge("betti_app_uptime_seconds", "For how long the running process has been there.").in_unit("seconds");
const LAST_EXIT: Meta =
    Meta::gauge("betti_app_last_exit_time_seconds", "When a run of the app last ended, since 1970.").in_unit("seconds");
const CPU: Meta =
    Meta::counter("betti_app_cpu_seconds", "Processor time of the running tree of processes.").in_unit("seconds");
const PSS: Meta = Meta::gauge(
    "betti_app_memory_pss_bytes",
    "Memory of the running tree of processes, with its share of what it shares (PSS).",
)
.in_unit("bytes");
const RSS: Meta = Meta::gauge(
    "betti_app_memory_rss_bytes",
    "Resident memory of the running tree of processes, what it shares counted for each.",
)
.in_unit("bytes");
const LIMIT: Meta =
    Meta::gauge("betti_app_memory_limit_bytes", "More than this (max_memory_restart), and it is restarted.")
        .in_unit("bytes");
const PROCESSES: Meta = Meta::gauge("betti_app_processes", "How many processes the running tree has.");
const WATCHDOG: Meta =
    Meta::counter("betti_app_watchdog_misses", "How often a run was ended because its watchdog was not fed.");
const HEALTH: Meta = Meta::counter("betti_app_health_failures", "Health checks that failed, forgiven ones included.");

const LOG: Meta = Meta::counter("betti_app_log_bytes", "What the app wrote into its log files.").in_unit("bytes");
const LOST_BYTES: Meta =
    Meta::counter("betti_app_log_lost_bytes", "Output that was lost because it could not be written.").in_unit("bytes");
const LOST_LINES: Meta = Meta::counter("betti_app_log_lost_lines", "Lines whose end was lost.");
const DISK: Meta = Meta::gauge("betti_app_log_disk_bytes", "What the log files take, with those that were put aside.")
    .in_unit("bytes");

/// What was measured of a run.
pub struct Measured {
    pub sum: Sum,
    /// `None` if there was no time left to ask for it.
    pub pss_bytes: Option<u64>,
}

struct Subject<'f> {
    labels: Labels,
    facts: &'f AppFacts,
    measured: Option<&'f Measured>,
}

/// One after the other, because a family's samples stand together; each is told before the next one is made, because those of many
/// apps take memory.
pub fn families(
    apps: &[AppFacts],
    measured: &BTreeMap<u64, Measured>,
    epoch: Epoch,
    units: Units,
    mut tell: impl FnMut(Family),
) {
    let subjects: Vec<Subject> = apps
        .iter()
        .map(|facts| Subject {
            labels: labels([
                ("app", &facts.status.name),
                ("instance", &facts.instance.to_string()),
                ("namespace", &facts.status.namespace),
            ]),
            measured: facts.run.and_then(|(run, _)| measured.get(&run)),
            facts,
        })
        .collect();
    let gauge = |meta: &Meta, value: &dyn Fn(&Subject) -> Option<f64>| {
        let mut family = meta.family();
        subjects.iter().for_each(|subject| family.known(&subject.labels, value(subject)));
        family
    };
    let counter = |meta: &Meta, value: &dyn Fn(&Subject) -> f64| {
        let mut family = meta.family();
        for subject in &subjects {
            family.count(&subject.labels, value(subject), epoch.seconds(since(subject.facts)));
        }
        family
    };
    let is = |holds: bool| Some(f64::from(u8::from(holds)));
    let seconds = |ms: u64| ms as f64 / 1000.0;
    tell(states(&subjects));
    tell(gauge(&UP, &|subject| is(subject.facts.status.status == Word::Online)));
    tell(gauge(&WANTED, &|subject| is(subject.facts.is_wanted)));
    tell(restarts(&subjects, epoch));
    tell(exits(&subjects, epoch));
    tell(gauge(&RECENT, &|subject| Some(subject.facts.recent_failures as f64)));
    tell(gauge(&LAST_READY, &|subject| subject.facts.status.ready_ms.map(seconds)));
    tell(ready(&subjects, epoch));
    tell(gauge(&START, &|subject| subject.facts.status.pid.and(subject.facts.run).map(|(_, at)| epoch.seconds(at))));
    tell(gauge(&UPTIME, &|subject| subject.facts.status.uptime_ms.map(seconds)));
    tell(gauge(&LAST_EXIT, &|subject| subject.facts.exited_at.map(|at| epoch.seconds(at))));
    tell(cpu(&subjects, epoch, units));
    tell(gauge(&PSS, &|subject| subject.measured?.pss_bytes.map(|bytes| bytes as f64)));
    tell(gauge(&RSS, &|subject| Some((subject.measured?.sum.resident_pages * units.page_bytes) as f64)));
    tell(gauge(&LIMIT, &|subject| subject.facts.memory_limit_bytes.map(|bytes| bytes as f64)));
    tell(gauge(&PROCESSES, &|subject| Some(subject.measured.map_or(0, |measured| measured.sum.processes) as f64)));
    tell(counter(&WATCHDOG, &|subject| subject.facts.tally.ends_by("watchdog") as f64));
    tell(counter(&HEALTH, &|subject| subject.facts.tally.health_failures as f64));
    tell(counter(&LOG, &|subject| subject.facts.logs.written as f64));
    tell(counter(&LOST_BYTES, &|subject| subject.facts.logs.lost as f64));
    tell(counter(&LOST_LINES, &|subject| subject.facts.logs.lost_lines as f64));
    tell(gauge(&DISK, &|subject| Some(subject.facts.logs.on_disk as f64)));
}

fn since(facts: &AppFacts) -> Duration {
    Duration::from_nanos(facts.tally.since_ns)
}

fn states(subjects: &[Subject]) -> Family {
    let mut family = STATE.family();
    for Subject { labels, facts, .. } in subjects {
        family.state(labels, Word::ALL.map(Word::as_str), facts.status.status.as_str());
    }
    family
}

fn restarts(subjects: &[Subject], epoch: Epoch) -> Family {
    let mut family = RESTARTS.family();
    for Subject { labels, facts, .. } in subjects {
        let since = Duration::from_nanos(facts.tally.restarts_since_ns);
        family.count(labels, facts.status.restarts as f64, epoch.seconds(since));
    }
    family
}

/// Reasons without details are there from the beginning, so that their first time is a step and no beginning.
fn exits(subjects: &[Subject], epoch: Epoch) -> Family {
    let mut family = EXITS.family();
    for Subject { labels, facts, .. } in subjects {
        let happened = facts.tally.ends().filter(|(.., detail, _)| !detail.is_empty());
        let plain = End::PLAIN.into_iter().map(|reason| (reason, "", facts.tally.ends_by(reason)));
        for (reason, detail, count) in plain.chain(happened) {
            let labels = with(&with(labels, "reason", reason), "detail", detail);
            family.count(&labels, count as f64, epoch.seconds(since(facts)));
        }
    }
    family
}

fn ready(subjects: &[Subject], epoch: Epoch) -> Family {
    let mut family = READY.family();
    for Subject { labels, facts, .. } in subjects {
        let (within, count) = facts.tally.ready_within();
        let limits = READY_WITHIN_MS.map(|ms| ms as f64 / 1000.0);
        let within: Vec<(f64, u64)> = limits.into_iter().zip(within).collect();
        let sum = facts.tally.ready_sum_ms as f64 / 1000.0;
        family.distribution(labels, &within, count, sum, epoch.seconds(since(facts)));
    }
    family
}

/// Of the run that is alive: the next one begins from 0.
fn cpu(subjects: &[Subject], epoch: Epoch, units: Units) -> Family {
    let mut family = CPU.family();
    for Subject { labels, facts, measured } in subjects {
        if let (Some((_, spawned)), Some(measured)) = (facts.run, measured) {
            let ticks = measured.sum.cpu_ticks.max(facts.least_ticks);
            family.count(labels, ticks as f64 / units.ticks_a_second, epoch.seconds(spawned));
        }
    }
    family
}
