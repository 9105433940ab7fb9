//! The fleet in a hostile world: late, deaf, crashing and forking workers that never become ready, spawns that fail,
//! news that comes late, twice or about the dead, operators who change their minds, a clock that jumps, a supervisor
//! that dies between any two steps. Each world is one number, and every promise is checked in every world.
//!
//! * `BETTI_SEED=… cargo nextest run -p lifecycle simulation --no-capture` replays one world, step by step.
//! * `BETTI_WORLDS=…` looks at that many worlds that nobody has seen yet.

mod drive;
mod finale;
mod judge;
mod keeper;
mod plan;
mod random;
mod world;

use std::{
    hash::{BuildHasher, RandomState},
    panic::catch_unwind,
    time::Instant,
};

const WORLDS: u64 = 3_000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text} is not a number: {error}")))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how fast worlds go by is told to whoever waits, and decides nothing")]
fn simulation_keeps_every_promise_in_every_world() {
    if let Some(seed) = number("BETTI_SEED") {
        drive::play(seed, true);
        return;
    }
    let (first, worlds) = match number("BETTI_WORLDS") {
        Some(worlds) => (RandomState::new().hash_one(0), worlds),
        None => (0, WORLDS),
    };
    let started = Instant::now();
    for seed in (0..worlds).map(|world| first.wrapping_add(world)) {
        if catch_unwind(|| drive::play(seed, false)).is_err() {
            eprintln!("\na promise was broken in world {seed}; to see it step by step:");
            eprintln!("    BETTI_SEED={seed} cargo nextest run -p lifecycle simulation --no-capture\n");
            panic!("a promise was broken in world {seed}");
        }
    }
    let taken = started.elapsed();
    println!("{worlds} worlds from {first} on: {:.0} a second", worlds as f64 / taken.as_secs_f64());
}

#[test]
fn simulation_worlds_are_hostile_in_every_way() {
    let seen = (0..WORLDS / 10).map(|seed| drive::play(seed, false)).reduce(|seen, more| &seen | &more);
    let seen = seen.expect("there are worlds");
    let missed: Vec<_> = judge::SITUATIONS.iter().filter(|situation| !seen.contains(**situation)).collect();
    assert!(missed.is_empty(), "no world has led to: {missed:?}");
}
