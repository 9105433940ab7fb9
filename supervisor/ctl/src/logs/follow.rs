//! Goes on with what is written from now on, until nobody reads it. Needs no supervisor.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::control::LogSource;
use tokio::time::sleep;

use super::newcomers::Newcomers;
use super::present;
use super::unread::unread;
use super::view::View;
use super::watch::Watch;
use crate::printer::Printer;

/// How long after something happened to look once more: the index tells of bytes that are about to be written, and not every
/// kernel tells when they are.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long to wait where the kernel does not tell of changes: on file systems that others write to, or when it has no watch left.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// The places among all of those that are meant.
type Meant<'a> = Box<dyn Fn(&[LogSource]) -> Vec<usize> + 'a>;

/// What is needed to go on.
pub struct Follow<'a> {
    /// What is shown.
    pub view: View,
    /// Where it is shown.
    pub printer: &'a Printer,
    /// Who tells of apps that come; nobody if there is no place where a supervisor could be.
    pub newcomers: Option<Newcomers>,
    /// Which of all are meant.
    pub meant: Meant<'a>,
}

impl Follow<'_> {
    /// Shows what is written.
    pub async fn run(mut self) {
        let begun_us = present::now_us();
        let mut nobody_reads = unread();
        let mut watch = Watch::new();
        watch.add(self.view.folders());
        let mut said = BTreeSet::new();
        // What happened before the folders were watched is seen now.
        let mut again = true;
        loop {
            let is_more = self.view.show(self.printer);
            self.say_troubles(&mut said);
            if self.printer.is_unread() {
                return;
            }
            if is_more {
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                _ = &mut nobody_reads => return,
                () = watch.changed() => {
                    watch.renew();
                    again = true;
                }
                () = sleep(LOOK_AGAIN), if again => again = false,
                () = sleep(LOOK_ANYWAY), if watch.is_blind() => {}
                sources = news(self.newcomers.as_mut()) => {
                    let meant: Vec<&LogSource> = (self.meant)(&sources).into_iter().map(|place| &sources[place]).collect();
                    self.view.take_on(&sources, &meant, begun_us);
                    watch.add(self.view.folders());
                }
            }
        }
    }

    /// Each once: what cannot be read now cannot be read a moment later, mostly.
    fn say_troubles(&mut self, said: &mut BTreeSet<String>) {
        for trouble in self.view.take_troubles() {
            if !said.contains(&trouble) {
                self.printer.error(&trouble);
                said.insert(trouble);
            }
        }
    }
}

async fn news(newcomers: Option<&mut Newcomers>) -> Vec<LogSource> {
    match newcomers {
        Some(newcomers) => newcomers.next().await,
        None => std::future::pending().await,
    }
}
