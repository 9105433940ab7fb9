//! The fleet in a hostile world: late, deaf, crashing, ailing and forking workers that never become ready, leave by
//! themselves or ask for ever more time; spawns that fail; news that comes late, twice or about the dead; operators who
//! change their minds; files that are edited, and profiles that are tried and taken back; a clock that jumps; a supervisor
//! that dies between any two steps. Each world is one number, and every promise is checked in every world.
//!
//! * `BETTI_SEED=… cargo nextest run -p lifecycle simulation --no-capture` replays one world, step by step.
//! * `BETTI_WORLDS=…` looks at that many worlds that nobody has seen yet; from `BETTI_FIRST_WORLD=…` on, at those.

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
    sync::atomic::{AtomicU64, Ordering},
    thread::{available_parallelism, scope},
    time::Instant,
};

const WORLDS: u64 = 100_000;
/// So many are enough to meet every situation.
const WORLDS_TO_SEE_EVERYTHING: u64 = 5_000;

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
    let worlds = number("BETTI_WORLDS");
    let unseen = || worlds.map(|_| RandomState::new().hash_one(0));
    let first = number("BETTI_FIRST_WORLD").or_else(unseen).unwrap_or(0);
    let worlds = worlds.unwrap_or(WORLDS);
    let started = Instant::now();
    if let Some(world) = first_broken(first, worlds) {
        let seed = first.wrapping_add(world);
        eprintln!("\na promise was broken in world {seed}; to see it step by step:");
        eprintln!("    BETTI_SEED={seed} cargo nextest run -p lifecycle simulation --no-capture\n");
        panic!("a promise was broken in world {seed}");
    }
    let taken = started.elapsed();
    println!("{worlds} worlds from {first} on: {:.0} a second", worlds as f64 / taken.as_secs_f64());
}

/// The first of so many worlds, counted from `first`, in which a promise is broken; played on every core there is.
fn first_broken(first: u64, worlds: u64) -> Option<u64> {
    let (next, broken) = (AtomicU64::new(0), AtomicU64::new(worlds));
    let play = || {
        loop {
            let world = next.fetch_add(1, Ordering::Relaxed);
            if world >= broken.load(Ordering::Relaxed) {
                return;
            }
            if catch_unwind(|| drive::play(first.wrapping_add(world), false)).is_err() {
                broken.fetch_min(world, Ordering::Relaxed);
            }
        }
    };
    let cores = available_parallelism().map_or(1, usize::from);
    scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(play))));
    Some(broken.into_inner()).filter(|world| *world < worlds)
}

#[test]
fn simulation_worlds_are_hostile_in_every_way() {
    let seen = (0..WORLDS_TO_SEE_EVERYTHING).map(|seed| drive::play(seed, false)).reduce(|seen, more| &seen | &more);
    let seen = seen.expect("there are worlds");
    let missed: Vec<_> = judge::SITUATIONS.iter().filter(|situation| !seen.contains(**situation)).collect();
    assert!(missed.is_empty(), "no world has led to: {missed:?}");
}
