//! Random files: which apps there are, who depends on whom, with which policy, and how badly each app behaves.

use std::{collections::BTreeMap, time::Duration};

use lifecycle::{AppId, Fleet, Invocation, Member, Policy};

use crate::random::Random;

/// How many apps there are in all the files of a world together.
const MOST_APPS: usize = 8;

/// One app of a file.
#[derive(Clone)]
pub struct Plan {
    pub policy: Policy,
    pub needs: Vec<AppId>,
    pub character: Character,
}

/// A file: the apps that it names.
pub type File = BTreeMap<AppId, Plan>;

/// How an app's processes behave. Numbers are percentages of its runs.
#[derive(Clone)]
pub struct Character {
    pub not_spawned: usize,
    pub never_ready: usize,
    pub crashes: usize,
    /// Says that it is ending before it does.
    pub leaves: usize,
    /// Fails a health check or its watchdog, or takes too much memory.
    pub ails: usize,
    /// Asks for more time.
    pub extends: usize,
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
            leaves: 0,
            ails: 0,
            extends: 0,
            deaf: 0,
            forks: 0,
            escapes: 0,
            unseen: 0,
            slowness: Duration::from_millis(50),
            lifetime: Duration::from_secs(1),
        }
    }

    /// One that is good in all but `vice` percent of the ways in which it could be bad.
    fn random(random: &mut Random, vice: usize) -> Self {
        let good = Self::good();
        let mut percentage = |choices: &[usize]| if random.percent(vice) { random.pick(choices) } else { 0 };
        Self {
            not_spawned: percentage(&[0, 0, 0, 5, 50]),
            never_ready: percentage(&[0, 0, 5, 50, 100]),
            crashes: percentage(&[0, 5, 50, 90, 100]),
            leaves: percentage(&[0, 0, 20, 100]),
            ails: percentage(&[0, 0, 0, 20, 100]),
            extends: percentage(&[0, 0, 20, 100]),
            deaf: percentage(&[0, 0, 20, 100]),
            forks: percentage(&[0, 10, 50, 100]),
            escapes: percentage(&[0, 10, 100]),
            unseen: percentage(&[0, 0, 10, 50]),
            slowness: if random.percent(vice) {
                Duration::from_millis(random.pick(&[10, 200, 3_000, 12_000]))
            } else {
                good.slowness
            },
            lifetime: Duration::from_millis(random.pick(&[50, 1_000, 5_000, 90_000, 900_000])),
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
        overlap: random.percent(50),
    }
}

/// All apps that a world may have, so that each depends only on some of those before it; their ids say nothing about that order.
pub struct Pool {
    order: Vec<AppId>,
    density: usize,
    /// How bad its apps are.
    vice: usize,
}

impl Pool {
    pub fn random(random: &mut Random) -> Self {
        let count = random.below(MOST_APPS) + 1;
        let mut order: Vec<AppId> = (0..count as u32).map(AppId).collect();
        for last in (1..count).rev() {
            order.swap(last, random.below(last + 1));
        }
        Self { order, density: random.pick(&[0, 20, 50, 80]), vice: random.pick(&[10, 40, 100]) }
    }

    /// One of all the apps, whether there is such an app now or not.
    pub fn any(&self, random: &mut Random) -> AppId {
        random.pick(&self.order)
    }

    /// All of them, in no order that means anything.
    pub fn all(&self) -> &[AppId] {
        &self.order
    }

    pub fn first_file(&self, random: &mut Random) -> File {
        let share = random.pick(&[40, 80, 100]);
        let chosen: Vec<AppId> = self.order.iter().copied().filter(|_| random.percent(share)).collect();
        chosen.into_iter().map(|id| (id, self.plan(random, id))).collect()
    }

    /// The file after somebody edited it: a word here or there, or a whole other profile.
    pub fn edited(&self, random: &mut Random, file: &File) -> File {
        let change = random.pick(&[5, 20, 60]);
        let mut next = File::new();
        for &id in &self.order {
            let mut plan = match file.get(&id) {
                Some(_) if random.percent(change / 2) => continue,
                None if !random.percent(change) => continue,
                Some(plan) => plan.clone(),
                None => self.plan(random, id),
            };
            if random.percent(change) {
                plan.policy = policy(random);
            }
            if random.percent(change) {
                plan.needs = self.needs(random, id);
            }
            if random.percent(change) {
                plan.character = Character::random(random, self.vice);
            }
            next.insert(id, plan);
        }
        next
    }

    fn plan(&self, random: &mut Random, id: AppId) -> Plan {
        let character = Character::random(random, self.vice);
        Plan { policy: policy(random), needs: self.needs(random, id), character }
    }

    /// Some of those before it; they need not be in the file.
    fn needs(&self, random: &mut Random, id: AppId) -> Vec<AppId> {
        self.order.iter().copied().take_while(|other| *other != id).filter(|_| random.percent(self.density)).collect()
    }
}

/// The members that a file makes of this fleet: who has to begin anew, and who takes over from whom.
pub fn members(random: &mut Random, fleet: &Fleet, file: &File) -> Vec<Member> {
    let (relaunches, follows) = (random.pick(&[0, 30, 100]), random.pick(&[0, 20, 60]));
    let relaunched: Vec<AppId> = file.keys().copied().filter(|_| random.percent(relaunches)).collect();
    let is_ending = |id: &AppId| !file.contains_key(id) || relaunched.contains(id);
    let member = |(&id, plan): (&AppId, &Plan)| {
        let likely = |other: &AppId| if is_ending(other) { follows } else { follows / 20 };
        Member {
            id,
            policy: plan.policy.clone(),
            needs: plan.needs.clone(),
            follows: fleet.ids().filter(|other| random.percent(likely(other))).collect(),
            relaunch: relaunched.contains(&id),
            up: random.percent(90),
        }
    };
    file.iter().map(member).collect()
}

/// The fleet that is made of a file; its first run comes after `last_run`.
pub fn fleet(file: &File, last_run: Invocation) -> Fleet {
    let rows = file.iter().map(|(id, plan)| (*id, plan.policy.clone(), plan.needs.clone()));
    Fleet::new(rows, last_run).expect("apps depend only on those before them")
}
