//! What the supervisor costs, measured beside what the same work costs without one, in one run.
//!
//! `make bench` builds for release and runs this; `BETTI_LOOPS` sets the number of rounds. `bench logs` is about logs
//! only, `bench api` about betti-api.
#![allow(clippy::print_stdout)] // Printing is what it does.

mod api;
mod betti;
mod floor;
mod logs;
mod memory;
mod others;
mod samples;

use samples::Samples;

/// Enough for a steady median in some seconds.
const ROUNDS: usize = 100;
/// Numbers of workers at which memory is measured.
const CROWDS: [usize; 2] = [5, 100];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // It is its own worker.
        ["flood", bytes, gate] => return logs::flood(bytes.parse().expect("a number"), gate.as_ref()),
        ["tick"] => return logs::tick(),
        ["bare", body] => return api::answer_bare(body),
        _ => {}
    }
    let rounds = scenarios::loops(ROUNDS);
    println!("Betti, measured: {rounds} rounds, {} cores, {} build", cores(), build());
    if words == ["logs"] {
        return logs::measure(rounds);
    }
    if words == ["api"] {
        return api::measure();
    }
    latency(rounds);
    println!("\n{:<44} {:>9} {:>11} {:>9} {:>9}", "memory", "keeper", "supervisor", "together", "private");
    for workers in CROWDS {
        let memory = betti::memory(workers);
        let (keeper, supervisor) = (memory.keeper, memory.supervisor);
        let private = keeper.private_kib + supervisor.private_kib;
        let what = format!("PSS with {workers} trivial workers, KiB");
        println!("{what:<44} {:>9} {:>11} {:>9} {private:>9}", keeper.pss_kib, supervisor.pss_kib, keeper + supervisor);
    }
    logs::measure(rounds);
    api::measure();
    println!("\nbeside others, with {} workers", others::WORKERS);
    println!("{}", others::ours(rounds));
    for other in others::ALL {
        println!("{}", others::compare(&other, rounds));
    }
}

fn latency(rounds: usize) {
    let betti = betti::Betti::start();
    let (mut floor, mut start, mut restart, mut revival) = <(Samples, Samples, Samples, Samples)>::default();
    // Turn by turn, so that whatever else the machine does falls on all of them alike.
    for _ in 0..rounds {
        floor.add(floor::spawn_to_ready());
        start.add(betti.start_to_ready());
        restart.add(betti.restart_to_ready());
        revival.add(betti.kill_to_ready());
    }
    println!("\n{:<44} {:>9} {:>9} {:>9} {:>9}", "latency, ms", "median", "p90", "max", "x floor");
    let rows = [
        ("bare spawn and pipe, to the ready line", &floor),
        ("start order to ready, by control socket", &start),
        ("restart order to ready (old one ended first)", &restart),
        ("kill -9 of a worker to its ready successor", &revival),
    ];
    for (what, samples) in rows {
        let ratio = samples.median() / floor.median();
        println!("{what:<44} {:>9.2} {:>9.2} {:>9.2} {ratio:>9.2}", samples.median(), samples.p90(), samples.max());
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn build() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}
