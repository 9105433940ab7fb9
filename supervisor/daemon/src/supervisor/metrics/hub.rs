//! The families about the hub itself.

use protocol::control::{Family, Word};

use super::epoch::Epoch;
use super::facts::Facts;
use super::family::{Add, Kind, Meta, labels};
use super::process::Figures;
use crate::supervisor::measure::Units;
use crate::synchronised;

const BETTI: Meta = Meta::new(Kind::Info, "betti", "The version of the supervisor.");
const PROFILE: Meta = Meta::new(Kind::Info, "betti_profile", "The profile in force.");
const APPS: Meta = Meta::gauge("betti_apps", "How many instances of apps are in which state.");
const REPLACEMENTS: Meta = Meta::counter(
    "betti_supervisor_replacements",
    "Supervisors that ended since the keeper started: by themselves, by the keeper because they hung, or to make room for another program.",
);
const CLOCK: Meta =
    Meta::gauge("betti_clock_synchronised", "Whether the kernel was told that the time of day is right.");
const VALID: Meta = Meta::gauge("betti_config_valid", "Whether the file as it was saved last can be taken on.");
const REFUSED: Meta = Meta::gauge(
    "betti_config_refused",
    "Whether the saved file did not become ready, so that the one before it is in force.",
);
const TRIAL: Meta = Meta::gauge("betti_config_on_trial", "Whether a profile is being tried.");
const APPLIED: Meta =
    Meta::gauge("betti_config_last_apply_time_seconds", "When the file in force was taken on, since 1970.")
        .in_unit("seconds");
const CERTIFICATE: Meta =
    Meta::gauge("betti_certificate_end_time_seconds", "When the certificate in certs/ ends, since 1970.")
        .in_unit("seconds");
const PID: Meta = Meta::gauge("betti_process_pid", "The number of the process.");
const START: Meta =
    Meta::gauge("betti_process_start_time_seconds", "When the process was started, since 1970.").in_unit("seconds");
const CPU: Meta = Meta::counter("betti_process_cpu_seconds", "Processor time of the process.").in_unit("seconds");
const RSS: Meta = Meta::gauge("betti_process_memory_rss_bytes", "Resident memory of the process.").in_unit("bytes");
const PSS: Meta =
    Meta::gauge("betti_process_memory_pss_bytes", "Memory of the process, with its share of what it shares.")
        .in_unit("bytes");
const PRIVATE: Meta =
    Meta::gauge("betti_process_memory_private_bytes", "Memory that the process shares with nobody.").in_unit("bytes");
const DESCRIPTORS: Meta = Meta::gauge("betti_process_open_descriptors", "How many descriptors the process has open.");
const MOST_DESCRIPTORS: Meta =
    Meta::gauge("betti_process_most_descriptors", "How many descriptors the process may have open.");

pub fn families(facts: &Facts, units: Units) -> Vec<Family> {
    let hub = &facts.hub;
    let none = labels([]);
    let flag = |meta: &Meta, holds: bool| {
        let mut family = meta.family();
        family.gauge(&none, f64::from(u8::from(holds)));
        family
    };
    let info = |meta: &Meta, label, text: &str| {
        let mut family = meta.family();
        family.info(&labels([(label, text)]));
        family
    };
    let mut applied = APPLIED.family();
    applied.gauge(&none, facts.epoch.seconds(hub.applied_at));
    let keeper = Figures::of(hub.keeper, units);
    let mut families = vec![
        info(&BETTI, "version", env!("CARGO_PKG_VERSION")),
        info(&PROFILE, "profile", &hub.profile),
        apps(facts),
        replacements(facts, keeper.map_or(0.0, |keeper| facts.epoch.seconds(keeper.started))),
        flag(&CLOCK, synchronised::clock_is_synchronised()),
        flag(&VALID, hub.file_is_good),
        flag(&REFUSED, hub.is_refused),
        flag(&TRIAL, hub.is_on_trial),
        applied,
        certificate(facts),
    ];
    let us = std::process::id() as i32;
    let processes = [("keeper", hub.keeper, keeper), ("supervisor", us, Figures::of(us, units))];
    families.extend(of_processes(&processes, facts.epoch));
    families
}

/// Of the one that is served unless an app is told otherwise; without any there is no number.
fn certificate(facts: &Facts) -> Family {
    let mut family = CERTIFICATE.family();
    let file = facts.hub.folder.join(certificates::FOLDER).join(certificates::CERTIFICATE);
    let validity = certificates::validity_of_file(&file).ok();
    family.known(&labels([]), validity.map(|validity| validity.until as f64));
    family
}

fn apps(facts: &Facts) -> Family {
    let mut family = APPS.family();
    for word in Word::ALL {
        let so_many = facts.apps.iter().filter(|app| app.status.status == word).count();
        family.gauge(&labels([("state", word.as_str())]), so_many as f64);
    }
    family
}

fn replacements(facts: &Facts, created: f64) -> Family {
    let mut family = REPLACEMENTS.family();
    let before = facts.hub.predecessors;
    for (cause, so_many) in [("died", before.died), ("hung", before.hung), ("upgraded", before.upgraded)] {
        family.count(&labels([("cause", cause)]), so_many as f64, created);
    }
    family
}

fn of_processes(processes: &[(&str, i32, Option<Figures>)], epoch: Epoch) -> Vec<Family> {
    let gauge = |meta: &Meta, value: &dyn Fn(i32, &Figures) -> Option<f64>| {
        let mut family = meta.family();
        for (name, pid, figures) in processes {
            let value = figures.as_ref().and_then(|figures| value(*pid, figures));
            family.known(&labels([("process", name)]), value);
        }
        family
    };
    let mut cpu = CPU.family();
    for (name, _, figures) in processes {
        if let Some(figures) = figures {
            cpu.count(&labels([("process", name)]), figures.cpu_seconds, epoch.seconds(figures.started));
        }
    }
    vec![
        gauge(&PID, &|pid, _| Some(f64::from(pid))),
        gauge(&START, &|_, figures| Some(epoch.seconds(figures.started))),
        cpu,
        gauge(&RSS, &|_, figures| Some(figures.resident_bytes as f64)),
        gauge(&PSS, &|_, figures| Some(figures.footprint?.proportional as f64)),
        gauge(&PRIVATE, &|_, figures| Some(figures.footprint?.private as f64)),
        gauge(&DESCRIPTORS, &|_, figures| figures.descriptors.map(|so_many| so_many as f64)),
        gauge(&MOST_DESCRIPTORS, &|_, figures| figures.most_descriptors.map(|most| most as f64)),
    ]
}
