//! What the supervisor decides, without doing any of it.
//!
//! A [`Fleet`] is told what happened ([`Event`]), what is wished ([`Request`]) and when ([`Moment`]). It answers with
//! what to do now ([`Action`]) and when to ask again ([`Fleet::next_deadline`]). It spawns nothing, reads no clock,
//! opens no file and cannot fail, so every schedule of crashes, timeouts and changes of mind can be played in a test:
//! `tests/simulation` plays thousands a second.
//!
//! ```text
//!            what happened, and when
//!   daemon ───────────────────────────► Fleet ── one App each: what is wanted, what is
//!     ▲                                   │
//!     └───────────────────────────────────┘
//!        what to do now; when to ask again
//! ```
//!
//! # One app
//!
//! What is *wanted* of an app ([`Goal`]) is kept apart from what *is* ([`State`]).
//!
//! ```text
//!                 spawn                 ready
//!   Stopped ──────────────► Starting ──────────► Running
//!      ▲                        │                   │
//!      │                        │ told to end, or ended by itself
//!      │                        └─────────┬─────────┘
//!      │ wanted down                      ▼
//!      ├───────────────────────────── Stopping ─── at its deadline: killed, and again every second
//!      │                                  │
//!      │                                  │ gone: nothing of its tree is left
//!      │              ┌───────────────────┼───────────────────┐
//!      │              ▼                   ▼                   ▼
//!      └───────── Backoff              Cooling            Finished
//!   wanted down       │ soon              │ in a minute, or   │ when somebody asks for
//!                     ▼                   ▼ its cause is gone ▼ it, or its hour comes
//!                 Starting            Starting            Starting
//! ```
//!
//! * **Stopped**: nothing is alive. If it is wanted up it only waits for what it depends on, or for the end of what it
//!   follows; without that, nothing is due.
//! * **Starting**: a run was ordered and has not said that it is ready. It has until `ready_by`, and may ask for more
//!   ([`Event::Extend`]). Being too late is a failure with a reason, and a run that is given up on never becomes online,
//!   whatever it says afterwards.
//! * **Running**: it said so. Only now may what depends on it start.
//! * **Stopping**: it was told to end; or its first process ended, and what is left of its tree was told to; or it said that
//!   it is ending ([`Event::Leaving`]), and is not told. It stays here until *nothing* is left, so that two runs of an app
//!   are never alive together, but in a reload with overlap. Why it is being ended is kept, for that decides what comes next: a worker that never becomes
//!   ready has to back off like one that crashes. How one that is ending by itself is judged, its exit decides.
//! * **Backoff**: it failed. The next run waits for `restart_delay`, half as long again after every further failure, up to
//!   [`LONGEST_BACKOFF`]. After a run that had been ready for `min_uptime` there is no wait, unless it was ended for an
//!   [`Ailment`]: those runs live long and are counted on their own, until one was ready for [`HEALTHY_LONG_ENOUGH`].
//! * **Cooling**: it failed more than `max_restarts` times in [`CRASH_WINDOW`]. It is tried every [`COOLING_TIME`], and once
//!   is enough to come back here, until a run holds out for `min_uptime` or somebody asks for the app.
//! * **Finished**: it ended by itself with a code that its policy accepts, or its policy is not to restart it.
//!
//! An app that is to end and was not told yet, because what needs it is told first, is still `Starting` or `Running`, with a
//! [`Turn`]: "going down" in the table below if it is wanted down, "to begin anew" if it is wanted up. It is not ready for
//! anybody any more.
//!
//! # Two runs
//!
//! What is reloaded and [overlaps](Policy::overlap) has a second run for a while ([`Beside`]): the next one is tried beside
//! the one that serves. When it is ready it serves, and the one before it is told to end. If it fails before, it is ended and
//! the one that serves goes on: that is no crash of the app's, and nothing waits for it. If the one that serves ends
//! meanwhile, the other one takes its place as it is. Whatever else is wished (a stop, a restart, a newer reload) ends the one
//! that is tried at once. The next run is begun only when both are gone. `State` is always that of the run that serves or is to.
//!
//! # All apps
//!
//! ```text
//!   Start, Stop, Restart, Reset     each for itself; what depends on it waits going up, and goes first going down
//!   RestartWithDependants           down in order, up in order
//!   Reload                          one after the other, with overlap or without; the rest keep their old runs if one fails
//!   reshape                         what is not named leaves; what is new comes; what stays is left alone, or relaunched
//!   Trial                           whether what came has come up
//! ```
//!
//! A fleet is [reshaped](Fleet::reshape) when its file was edited or its profile changed. What leaves is ended in order and
//! dropped when nothing of it is alive. What comes for it, and takes over what it held, [follows](Member::follows) it.
//!
//! # The table
//!
//! This is every state with every event and every wish; `tests/table.rs` reads it and checks that it is what happens. "Due" is a tick at the
//! app's next deadline, "tick" one before. What is heard about a run that is not alive changes nothing, in any state.
//!
//! ```text
#![doc = include_str!("transitions.txt")]
//! ```
//!
//! And these are two runs of one app, checked by `tests/two_runs.rs`. What is wished, or heard of either of them, comes to
//! what becomes of both:
//!
//! ```text
#![doc = include_str!("two_runs.txt")]
//! ```
//!
//! Two outcomes depend on more than the table shows. "Backoff" is `Cooling` after too many failures, and `Finished` if the
//! policy leaves it at that. What is spawned at once here is spawned as soon as its dependencies are ready and what it follows
//! is gone. An app that leaves is one that is wanted down and that no wish brings up.
//!
//! # Promises
//!
//! 1. *Stopped means gone.* A run counts as ended only at [`Event::Gone`], and what is left after a kill is killed again.
//! 2. *Ready means ready.* Nothing is spawned before everything that it depends on is `Running` and wanted up.
//! 3. *Stop wins.* While the goal is [`Goal::Down`] nothing is spawned, whatever happens, until somebody asks for the app: no
//!    edited file, no hour that comes, no reload undoes a stop. It ends both runs of what is being reloaded.
//! 4. *No dead end.* Whoever is not where it is wanted has a deadline at which that changes, or waits in plain sight for a
//!    dependency ([`Fleet::waits_for`]) or for an end ([`Fleet::waits_for_end_of`]); and nobody fails faster than its
//!    back-off and [`MOST_RESTARTS`] allow. A reload goes on or is over, and a trial ends.
//! 5. *The head may die.* A [`Snapshot`] of each app, kept by the keeper, makes a successor of which nothing that is alive
//!    takes notice ([`Fleet::restore`]).
//! 6. *Nothing else is touched.* A reshape leaves alone what was not changed, a restart what depends on it, and a reload has
//!    one app down at a time, or none with overlap: no app ever has more than two runs, and two only then.
//!
//! # Driving it
//!
//! * Feed `CLOCK_BOOTTIME`. Call [`Fleet::tick`] at [`Fleet::next_deadline`]; early or late does no harm.
//! * After every call, have the keeper remember the snapshots that changed, *then* perform the actions, then acknowledge
//!   what was heard. A death in between is then covered: an order that was lost is given again, with two exceptions. A lost
//!   [`Signal::Terminate`] is not repeated, because asking twice means "hurry" to some programs; its run is killed at the
//!   deadline. And a [`Signal::Kill`] is repeated whether it was lost or not.
//! * With each snapshot, remember the app's policy and what it needs. Forget both when the fleet has dropped the app.
//! * To take over: make the fleet of the file in force. [`Fleet::restore`] every app that it names, and
//!   [`Fleet::restore_leaving`] every other one that was remembered. Pass on what the keeper knows about their runs, then
//!   [`Fleet::tick`].
//! * To reshape: have the keeper remember what is to be, the members and a [`Trial`] that was made before; then call
//!   [`Fleet::reshape`], remember the snapshots, remember that the new file is in force and nothing is to be any more, and only
//!   then perform the actions. A successor that finds something that is to be takes over with the file in force as above, and
//!   reshapes once more with the same members: what was remembered of the first time is not done twice. Only then it asks
//!   for a trial's verdict.
//! * An app that has no way to say that it is ready gets its [`Event::Ready`] as soon as it was executed. One that could not
//!   be executed gets [`Event::Exited`] with [`Exit::NotSpawned`], then [`Event::Gone`].

mod app;
mod backoff;
mod beside;
mod crash_record;
mod ending;
mod exit;
mod fleet;
mod identity;
mod moment;
mod order;
mod orders;
mod policy;
mod reload;
mod request;
mod reshape;
mod restore;
mod saying;
mod snapshot;
mod state;
mod status;
mod transitions;
mod trial;
mod waiting;
mod wishes;

pub use app::{App, KILL_AGAIN_AFTER};
pub use backoff::LONGEST_BACKOFF;
pub use beside::Beside;
pub use crash_record::{COOLING_TIME, CRASH_WINDOW, HEALTHY_LONG_ENOUGH, MOST_RESTARTS};
pub use exit::{Ailment, Exit, Failure};
pub use fleet::Fleet;
pub use identity::{AppId, Invocation};
pub use moment::Moment;
pub use order::CycleError;
pub use policy::Policy;
pub use request::{Request, STOP_ALL_TIMEOUT};
pub use reshape::Member;
pub use snapshot::{Reload, Snapshot, Turn};
pub use state::{Action, Event, Goal, Signal, State, StopReason};
pub use status::Status;
pub use trial::{Trial, Verdict};
