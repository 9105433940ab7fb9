//! One scrape, away from the thread that everything else waits for: measures, and answers all who asked before it began.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::control::Family;
use protocol::metrics::Format;
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use super::apps::{self, Measured};
use super::facts::Facts;
use super::family::{Add, Meta, labels};
use super::hub;
use super::text::Answer;
use crate::clock;
use crate::control::Reply;
use crate::supervisor::measure::{Sum, Units};
use crate::supervisor::{Event, footprint};

/// How long the kernel may be asked to add up pages. Whose turn has not come by then has no such sample: Prometheus waits ten
/// seconds, and the next scrape is to find us waiting.
const MOST_TIME_FOR_PAGES: Duration = Duration::from_secs(2);

const TOOK: Meta =
    Meta::gauge("betti_scrape_duration_seconds", "How long it took to measure what is told here.").in_unit("seconds");

/// Somebody who waits for an answer, and its form.
pub type Asker = (Format, oneshot::Sender<Reply>);

/// What a scrape needs.
pub struct Scrape {
    pub facts: Facts,
    pub askers: Vec<Asker>,
    pub done: UnboundedSender<Event>,
}

/// Says what was measured, and in any case that the next scrape may begin.
struct Done {
    ticks: Vec<(u64, u64)>,
    done: UnboundedSender<Event>,
}

impl Drop for Done {
    fn drop(&mut self) {
        let _ = self.done.send(Event::Scraped(std::mem::take(&mut self.ticks))); // nobody listens when we leave
    }
}

impl Scrape {
    /// Blocks until everyone is answered.
    pub fn run(self) {
        let Self { facts, askers, done } = self;
        let mut done = Done { ticks: Vec::new(), done };
        let begun = clock::now();
        let measured = measure(&facts);
        done.ticks = measured.iter().map(|(run, measured)| (*run, measured.sum.cpu_ticks)).collect();
        let mut answers: BTreeMap<Format, Answer> =
            askers.iter().map(|(format, _)| (*format, Answer::new(*format))).collect();
        tell(&facts, &measured, begun, |family| {
            if !family.samples.is_empty() {
                answers.values_mut().for_each(|answer| answer.add(&family));
            }
        });
        let texts: BTreeMap<Format, String> =
            answers.into_iter().map(|(format, answer)| (format, answer.finish())).collect();
        for (format, asker) in askers {
            let text = texts.get(&format).cloned().unwrap_or_default();
            let _ = asker.send(Reply::text(format.content_type(), text)); // whoever went away is not to be told
        }
    }
}

fn tell(facts: &Facts, measured: &BTreeMap<u64, Measured>, begun: Duration, mut tell: impl FnMut(Family)) {
    let units = Units::of_the_kernel();
    hub::families(facts, units).into_iter().for_each(&mut tell);
    apps::families(&facts.apps, measured, facts.epoch, units, &mut tell);
    let mut took = TOOK.family();
    took.gauge(&labels([]), clock::now().saturating_sub(begun).as_secs_f64());
    tell(took);
}

fn measure(facts: &Facts) -> BTreeMap<u64, Measured> {
    let members = facts.census.take();
    let until = clock::now() + MOST_TIME_FOR_PAGES;
    let alive = facts.apps.iter().filter_map(|app| Some(app.run?.0));
    alive
        .map(|run| {
            let tree = members.get(&run).map_or(&[][..], Vec::as_slice);
            let pss_bytes = (clock::now() < until).then(|| footprint::used_by(tree));
            (run, Measured { sum: Sum::of(tree), pss_bytes })
        })
        .collect()
}
