//! Has what was asked for come true? Pure: a look at the supervisor's state in, a verdict out.

use protocol::control::{AcceptedApp, App, Runs, Watch, Word};

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Ready, in a run of its own if one was asked for.
    Online,
    /// Every process gone.
    Stopped,
}

/// What has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// On its way.
    Pending,
    /// True.
    Done,
    /// It went wrong, in words. The supervisor may go on trying.
    Failed(String),
    /// It waits for what will not come by itself.
    Blocked {
        /// The name of what it waits for.
        by: String,
        /// In words.
        why: String,
    },
}

/// What has become of one app that an act was about; `first` is what was seen first after the act.
pub fn of(goal: Goal, asked: &AcceptedApp, first: &Watch, seen: &Watch) -> Verdict {
    match (find(seen, asked), goal) {
        // Gone is what it was to be; and stopped it is, too, if somebody else took it off the list.
        (None, _) if asked.leaves => Verdict::Done,
        (None, Goal::Stopped) => Verdict::Done,
        (None, Goal::Online) => Verdict::Failed("it is not among the apps any more".into()),
        (Some((_, runs)), _) if asked.leaves && runs.wanted => {
            Verdict::Failed("somebody started it again meanwhile".into())
        }
        (Some(_), _) if asked.leaves => Verdict::Pending,
        (Some((app, runs)), Goal::Stopped) => stopped(app, runs),
        (Some((app, runs)), Goal::Online) => online(asked, app, runs, first, seen),
    }
}

/// The app and its runs. Instances share a name, and a number may pass to another app when the file changes.
fn find<'w>(seen: &'w Watch, asked: &AcceptedApp) -> Option<(&'w App, &'w Runs)> {
    let app = seen.status.apps.iter().find(|app| app.id == asked.id && app.name == asked.name)?;
    Some((app, runs_of(seen, app.id)?))
}

fn runs_of(seen: &Watch, id: u32) -> Option<&Runs> {
    seen.runs.iter().find(|runs| runs.id == id)
}

/// All instances of this name.
fn instances<'w>(seen: &'w Watch, name: &str) -> impl Iterator<Item = (&'w App, &'w Runs)> {
    let apps = seen.status.apps.iter().filter(move |app| app.name == name);
    apps.filter_map(|app| Some((app, runs_of(seen, app.id)?)))
}

fn stopped(app: &App, runs: &Runs) -> Verdict {
    match app.status {
        _ if runs.wanted => Verdict::Failed("somebody started it again meanwhile".into()),
        Word::Stopped => Verdict::Done,
        _ => Verdict::Pending,
    }
}

fn online(asked: &AcceptedApp, app: &App, runs: &Runs, first: &Watch, seen: &Watch) -> Verdict {
    if seen.leaving {
        return Verdict::Failed("everything is being stopped".into());
    }
    if !runs.wanted {
        return Verdict::Failed("somebody stopped it meanwhile".into());
    }
    let newest = runs.newest.unwrap_or(0);
    let is_new = if asked.unchanged { newest >= asked.after } else { newest > asked.after };
    let finished = runs.finished.unwrap_or(0);
    let has_ended = if asked.unchanged { finished >= asked.after && finished > 0 } else { finished > asked.after };
    match app.status {
        // Its turn in a rolling restart has not come, or not gone by.
        _ if runs.to_be_reloaded => blocked(runs, first, seen).unwrap_or(Verdict::Pending),
        // The run that was to follow has failed, and the one before it goes on.
        Word::Online if is_new && has_ended && is_the_old_run(asked, runs) => Verdict::Failed(why(app)),
        Word::Online if is_new => Verdict::Done,
        // It ended by itself, in a way that its policy accepts: a job that is done.
        Word::Stopped if has_ended => Verdict::Done,
        Word::Errored | Word::Cooling => Verdict::Failed(why(app)),
        _ if has_ended => Verdict::Failed(why(app)),
        _ => blocked(runs, first, seen).unwrap_or(Verdict::Pending),
    }
}

/// Whether an app that is online is so in the run that there was before the act: none has begun, or the one that was tried is over.
pub fn is_the_old_run(asked: &AcceptedApp, runs: &Runs) -> bool {
    let newest = runs.newest.unwrap_or(0);
    let is_over = runs.finished.unwrap_or(0) >= newest;
    !asked.unchanged && (newest <= asked.after || is_over)
}

fn why(app: &App) -> String {
    app.reason.clone().unwrap_or_else(|| format!("it is {}", app.status.as_str()))
}

/// Whether an app waits for what will not come by itself: stopped by somebody, or failing.
fn blocked(runs: &Runs, first: &Watch, seen: &Watch) -> Option<Verdict> {
    let mut path = vec![runs.name.as_str()];
    let mut waiting = vec![runs];
    while let Some(runs) = waiting.pop() {
        // Of what was deleted nothing is listed.
        if let Some(name) = runs.waits_for.iter().find(|needed| instances(seen, needed).next().is_none()) {
            return Some(in_vain(name, "deleted"));
        }
        for (app, needed) in runs.waits_for.iter().flat_map(|needed| instances(seen, needed)) {
            let name = &app.name;
            if !needed.wanted {
                return Some(in_vain(name, "stopped"));
            }
            if app.status == Word::Stopped && needed.newest.is_some() && needed.newest == needed.finished {
                return Some(in_vain(name, "a job that ended and was never ready"));
            }
            if has_failed_since(app, needed, first) {
                let why = format!("it waits for {name}, which is {}: {}", app.status.as_str(), why(app));
                return Some(Verdict::Blocked { by: name.clone(), why });
            }
            if !path.contains(&name.as_str()) {
                path.push(name);
                waiting.push(needed);
            }
        }
    }
    None
}

/// That an app waits for one that only somebody's start brings.
fn in_vain(name: &str, what: &str) -> Verdict {
    Verdict::Blocked {
        by: name.to_owned(),
        why: format!("it waits for {name}, which is {what}: betti-ctl start {name}"),
    }
}

/// Whether a run failed after the act. One that is only stopped or restarted by somebody has no reason to give.
fn has_failed_since(app: &App, runs: &Runs, first: &Watch) -> bool {
    let before = runs_of(first, app.id).and_then(|runs| runs.finished);
    match app.status {
        Word::Cooling | Word::Errored => true,
        Word::WaitingRestart | Word::Launching | Word::Stopping => app.reason.is_some() && runs.finished > before,
        Word::Online | Word::Stopped | Word::Waiting => false,
    }
}

#[cfg(test)]
mod tests {
    use protocol::control::{Keeper, Status, Supervisor};

    use super::*;

    /// An app as it is seen: name, status, wanted, newest run, finished run, what it waits for.
    type Seen<'a> = (&'a str, Word, bool, Option<u64>, Option<u64>, &'a [&'a str]);

    fn watch(apps: &[Seen<'_>]) -> Watch {
        let app = |(id, seen): (u32, &Seen<'_>)| App {
            id,
            name: seen.0.into(),
            namespace: "default".into(),
            status: seen.1,
            reason: Some("exited with code 1".into()),
            pid: None,
            uptime_ms: None,
            ready_ms: None,
            restarts: 0,
            cpu_percent: 0.0,
            memory_bytes: 0,
            exit: None,
            says: None,
            instance: None,
            user: None,
            watching: false,
        };
        let runs = |(id, seen): (u32, &Seen<'_>)| Runs {
            id,
            name: seen.0.into(),
            wanted: seen.2,
            newest: seen.3,
            finished: seen.4,
            waits_for: seen.5.iter().map(ToString::to_string).collect(),
            follows: Vec::new(),
            to_be_reloaded: false,
        };
        Watch {
            sequence: 1,
            leaving: false,
            status: Status {
                keeper: Keeper { pid: 1 },
                supervisor: Supervisor { pid: 2, version: "0".into() },
                profile: "default".into(),
                apps: (0..).zip(apps).map(app).collect(),
                notice: None,
            },
            runs: (0..).zip(apps).map(runs).collect(),
        }
    }

    fn asked(after: u64, unchanged: bool) -> AcceptedApp {
        AcceptedApp { id: 0, name: "api".into(), after, unchanged, leaves: false }
    }

    /// One letter a verdict, so that the table stays readable.
    fn letter(verdict: &Verdict) -> char {
        match verdict {
            Verdict::Pending => '.',
            Verdict::Done => '+',
            Verdict::Failed(_) | Verdict::Blocked { .. } => '!',
        }
    }

    #[test]
    fn a_start_is_judged_row_by_row() {
        use Word::{Cooling, Errored, Launching, Online, Stopped, Stopping, Waiting, WaitingRestart};
        // after, unchanged, status, newest, finished
        let rows = [
            (7, false, Stopped, Some(7), Some(7), '.'),
            (7, false, Launching, Some(8), Some(7), '.'),
            (7, false, Online, Some(8), Some(7), '+'),
            (0, false, Launching, None, None, '.'),
            (0, false, Online, Some(1), None, '+'),
            // The first run after the request failed, whatever is going on now.
            (7, false, WaitingRestart, Some(8), Some(8), '!'),
            (7, false, Launching, Some(9), Some(8), '!'),
            (7, false, Cooling, Some(8), Some(8), '!'),
            (7, false, Errored, Some(8), Some(8), '!'),
            // It was retried and is there after all.
            (7, false, Online, Some(9), Some(8), '+'),
            // A job that is done.
            (7, false, Stopped, Some(8), Some(8), '+'),
            // A restart: the old run is still there, or on its way out.
            (7, false, Online, Some(7), None, '.'),
            (7, false, Stopping, Some(7), None, '.'),
            (7, false, Launching, Some(7), Some(7), '.'),
            (7, false, Waiting, Some(7), Some(7), '.'),
            // It ran already.
            (7, true, Online, Some(7), Some(6), '+'),
            (7, true, Launching, Some(7), Some(6), '.'),
            (7, true, Stopping, Some(7), Some(6), '.'),
            (7, true, WaitingRestart, Some(7), Some(7), '!'),
            (7, true, Online, Some(8), Some(7), '+'),
            // It runs on in the run from which it could not be reloaded.
            (7, true, Online, Some(7), Some(7), '+'),
        ];
        for row in rows {
            let (after, unchanged, status, newest, finished, expected) = row;
            let seen = watch(&[("api", status, true, newest, finished, &[])]);
            let verdict = of(Goal::Online, &asked(after, unchanged), &seen, &seen);
            assert_eq!(letter(&verdict), expected, "{row:?}: {verdict:?}");
        }
    }

    #[test]
    fn a_stop_is_true_only_when_everything_is_gone() {
        for (status, wanted, expected) in [
            (Word::Stopping, false, '.'),
            (Word::Stopped, false, '+'),
            (Word::Launching, true, '!'),
            (Word::Online, true, '!'),
        ] {
            let seen = watch(&[("api", status, wanted, Some(8), None, &[])]);
            assert_eq!(letter(&of(Goal::Stopped, &asked(8, false), &seen, &seen)), expected, "{status:?}");
        }
    }

    #[test]
    fn what_others_do_meanwhile_is_said() {
        let stopped = watch(&[("api", Word::Stopping, false, Some(8), None, &[])]);
        let failed = |words: &str| Verdict::Failed(words.into());
        let of = |seen: &Watch| of(Goal::Online, &asked(7, false), seen, seen);
        assert_eq!(of(&stopped), failed("somebody stopped it meanwhile"));
        let mut leaving = watch(&[("api", Word::Online, true, Some(7), None, &[])]);
        leaving.leaving = true;
        assert_eq!(of(&leaving), failed("everything is being stopped"));
        assert_eq!(of(&watch(&[])), failed("it is not among the apps any more"));
    }

    #[test]
    fn an_app_that_leaves_has_left_when_it_is_not_listed_any_more() {
        let leaves = AcceptedApp { leaves: true, ..asked(7, false) };
        let of = |seen: &Watch| letter(&of(Goal::Online, &leaves, seen, seen));
        assert_eq!(of(&watch(&[("api", Word::Stopping, false, Some(7), None, &[])])), '.');
        assert_eq!(of(&watch(&[("api", Word::Stopped, false, Some(7), Some(7), &[])])), '.');
        assert_eq!(of(&watch(&[])), '+');
        assert_eq!(
            of(&watch(&[("other", Word::Online, true, Some(9), None, &[])])),
            '+',
            "its number is another's now"
        );
        assert_eq!(of(&watch(&[("api", Word::Launching, true, Some(8), Some(7), &[])])), '!');
    }

    #[test]
    fn instances_are_told_apart_by_their_numbers() {
        let seen = watch(&[
            ("api", Word::Online, true, Some(8), Some(7), &[]),
            ("api", Word::Launching, true, Some(9), Some(6), &[]),
        ]);
        let second = AcceptedApp { id: 1, ..asked(7, false) };
        assert_eq!(of(Goal::Online, &asked(7, false), &seen, &seen), Verdict::Done);
        assert_eq!(of(Goal::Online, &second, &seen, &seen), Verdict::Pending);
    }

    #[test]
    fn a_rolling_restart_is_true_when_its_turn_is_over() {
        let mut seen = watch(&[("api", Word::Online, true, Some(7), Some(6), &[])]);
        seen.runs[0].to_be_reloaded = true;
        assert_eq!(of(Goal::Online, &asked(7, false), &seen, &seen), Verdict::Pending);
        let seen = watch(&[("api", Word::Online, true, Some(8), Some(7), &[])]);
        assert_eq!(of(Goal::Online, &asked(7, false), &seen, &seen), Verdict::Done);
        let seen = watch(&[("api", Word::Online, true, Some(8), Some(8), &[])]);
        let failed = Verdict::Failed("exited with code 1".into());
        assert_eq!(of(Goal::Online, &asked(7, false), &seen, &seen), failed, "the one before it goes on");
    }

    #[test]
    fn a_rolling_restart_that_waits_for_what_will_not_come_says_so() {
        let seen = |base: bool| {
            let online = Word::Online;
            let mut seen = watch(&[
                ("api", online, true, Some(7), Some(6), &["base"]),
                ("base", if base { Word::Launching } else { Word::Stopped }, base, Some(5), Some(4), &[]),
            ]);
            seen.runs[0].to_be_reloaded = true;
            seen
        };
        let of = |seen: &Watch| of(Goal::Online, &asked(7, false), seen, seen);
        assert_eq!(of(&seen(true)), Verdict::Pending);
        let why = "it waits for base, which is stopped: betti-ctl start base".to_owned();
        assert_eq!(of(&seen(false)), Verdict::Blocked { by: "base".into(), why });
    }

    #[test]
    fn a_dependency_that_will_not_come_by_itself_is_named() {
        let seen = |base: Word, wanted: bool, finished: Option<u64>| {
            watch(&[
                ("api", Word::Waiting, true, None, None, &["middle"]),
                ("middle", Word::Waiting, true, None, None, &["base"]),
                ("base", base, wanted, Some(5), finished, &[]),
            ])
        };
        let waits = |base: Word, wanted: bool, finished: u64| {
            let (first, now) = (seen(Word::Launching, true, Some(4)), seen(base, wanted, Some(finished)));
            of(Goal::Online, &asked(0, false), &first, &now)
        };
        assert_eq!(waits(Word::Launching, true, 4), Verdict::Pending);
        assert_eq!(waits(Word::WaitingRestart, true, 4), Verdict::Pending, "that failure was before the request");
        assert_eq!(waits(Word::Stopped, true, 4), Verdict::Pending, "its turn has not come");
        let first = seen(Word::Launching, true, Some(4));
        let deleted = watch(&[("api", Word::Waiting, true, None, None, &["middle"])]);
        let why = "it waits for middle, which is deleted: betti-ctl start middle".to_owned();
        assert_eq!(of(Goal::Online, &asked(0, false), &first, &deleted), Verdict::Blocked { by: "middle".into(), why });
        for (base, wanted, finished, why) in [
            (Word::Stopped, false, 4, "stopped: betti-ctl start base"),
            (Word::Stopped, true, 5, "a job that ended and was never ready: betti-ctl start base"),
            (Word::Cooling, true, 4, "cooling: exited with code 1"),
            (Word::WaitingRestart, true, 5, "waiting restart: exited with code 1"),
            (Word::Launching, true, 5, "launching: exited with code 1"),
        ] {
            let blocked = Verdict::Blocked { by: "base".into(), why: format!("it waits for base, which is {why}") };
            assert_eq!(waits(base, wanted, finished), blocked);
        }
    }
}
