//! A random fleet: who depends on whom, with which policy, and how badly each app behaves.

use std::time::Duration;

use lifecycle::{AppId, Fleet, Invocation, Policy};

use crate::random::Random;

const MOST_APPS: usize = 7;

/// One app of a world.
pub struct Plan {
    pub policy: Policy,
    pub needs: Vec<AppId>,
    pub character: Character,
}

/// How an app's processes behave. Numbers are percentages of its runs.
#[derive(Clone)]
pub struct Character {
    pub not_spawned: usize,
    pub never_ready: usize,
    pub crashes: usize,
    /// Ignores SIGTERM.
    pub deaf: usize,
    /// Has children that outlive the first process.
    pub forks: usize,
    /// Has a child that gets away from the first SIGKILL.
    pub escapes: usize,
    /// Ends without anybody seeing how.
    pub unseen: usize,
    /// How long it takes over becoming ready, and over stopping, at most.
    pub slowness: Duration,
    /// How long it lives before it crashes, at most.
    pub lifetime: Duration,
}

impl Character {
    /// A worker as one would wish.
    pub fn good() -> Self {
        Self {
            not_spawned: 0,
            never_ready: 0,
            crashes: 0,
            deaf: 0,
            forks: 0,
            escapes: 0,
            unseen: 0,
            slowness: Duration::from_millis(50),
            lifetime: Duration::from_secs(1),
        }
    }

    fn random(random: &mut Random) -> Self {
        Self {
            not_spawned: random.pick(&[0, 0, 0, 5, 50]),
            never_ready: random.pick(&[0, 0, 5, 50, 100]),
            crashes: random.pick(&[0, 5, 50, 90, 100]),
            deaf: random.pick(&[0, 0, 20, 100]),
            forks: random.pick(&[0, 10, 50, 100]),
            escapes: random.pick(&[0, 10, 100]),
            unseen: random.pick(&[0, 0, 10, 50]),
            slowness: Duration::from_millis(random.pick(&[10, 200, 3_000, 12_000])),
            lifetime: Duration::from_millis(random.pick(&[50, 1_000, 5_000, 90_000])),
        }
    }
}

fn policy(random: &mut Random) -> Policy {
    let millis = |random: &mut Random, choices: &[u64]| Duration::from_millis(random.pick(choices));
    Policy {
        listen_timeout: millis(random, &[100, 1_000, 3_000, 10_000]),
        kill_timeout: millis(random, &[0, 50, 1_600, 5_000, 12_000]),
        min_uptime: millis(random, &[0, 100, 1_000, 1_000, 20_000]),
        restart_delay: millis(random, &[0, 1, 100, 100, 2_000, 20_000]),
        backoff: random.percent(80),
        max_restarts: random.pick(&[0, 1, 2, 3, 5, 16, u32::MAX]),
        autorestart: random.percent(85),
        stop_exit_codes: random.pick(&[&[][..], &[], &[0], &[3]]).to_vec(),
    }
}

/// Some apps, each depending on some of those before it; their ids say nothing about that order.
pub fn apps(random: &mut Random) -> Vec<Plan> {
    let count = random.below(MOST_APPS) + 1;
    let mut ids: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        ids.swap(last, random.below(last + 1));
    }
    let density = random.pick(&[0, 20, 50, 80]);
    let mut apps: Vec<(usize, Plan)> = Vec::new();
    for place in 0..count {
        let needs = ids[..place].iter().filter(|_| random.percent(density)).map(|id| AppId(*id as u32)).collect();
        let (policy, character) = (policy(random), Character::random(random));
        apps.push((ids[place], Plan { policy, needs, character }));
    }
    apps.sort_by_key(|(id, _)| *id);
    apps.into_iter().map(|(_, plan)| plan).collect()
}

/// The fleet that is made of the plan; its first run comes after `last_run`.
pub fn fleet(apps: &[Plan], last_run: Invocation) -> Fleet {
    let rows = apps.iter().zip(0..).map(|(plan, id)| (AppId(id), plan.policy.clone(), plan.needs.clone()));
    Fleet::new(rows, last_run).expect("apps depend only on those before them")
}
