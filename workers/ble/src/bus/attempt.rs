//! One attempt: connect to the bus, find an adapter, scan for as long as all of that lasts.

use btleplug::api::{Central, CentralEvent, CentralState, Manager as _};
use btleplug::platform::{Adapter, Manager};
use futures_util::StreamExt;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};

use super::failure::{CallError, Meaning, call};
use super::sightings::Sightings;
use super::{Context, Radio, health, scan};
use crate::adoption::Adoption;

/// Controllers have been seen to stop reporting until told to start again. In a quiet home nothing is heard either:
/// starting again costs little.
const SILENCE: Duration = Duration::from_secs(90);

/// How far an attempt came, and why no further.
#[derive(Debug)]
pub struct Ended {
    pub radio: Radio,
    pub why: Option<String>,
}

impl Ended {
    fn at(radio: Radio) -> Self {
        Self { radio, why: None }
    }

    /// Where an error leaves us, `otherwise` if it does not say.
    fn with(error: &CallError, otherwise: Radio) -> Self {
        let radio = match error.meaning() {
            Meaning::NoBus => Radio::NoBus,
            Meaning::NoBluez => Radio::NoBluez,
            Meaning::Gone => Radio::NoAdapter,
            Meaning::NotReady => Radio::Off,
            Meaning::NotPaired | Meaning::InProgress | Meaning::Other => otherwise,
        };
        Self { radio, why: Some(error.to_string()) }
    }
}

/// Makes an attempt; `None` if it ended because we are to stop.
pub async fn attempt(context: Context) -> Option<Ended> {
    let adapter = tokio::select! {
        () = context.stop.cancelled() => return None,
        found = find_adapter() => match found {
            Ok(adapter) => adapter,
            Err(ended) => return Some(ended),
        },
    };
    let ended = tokio::select! {
        () = context.stop.cancelled() => None,
        ended = Watch::over(&adapter, &context) => Some(ended),
    };
    if ended.is_none() {
        scan::stop(&adapter).await;
    }
    ended
}

/// The adapter to use: one that is on, if there is one.
async fn find_adapter() -> Result<Adapter, Ended> {
    let manager = call(Manager::new()).await;
    let manager = manager.map_err(|error| Ended { radio: Radio::NoBus, why: Some(error.to_string()) })?;
    let mut adapters = call(manager.adapters()).await.map_err(|error| Ended::with(&error, Radio::NoBluez))?;
    for place in 0..adapters.len() {
        if health::is_on(&adapters[place]).await.unwrap_or(false) {
            return Ok(adapters.swap_remove(place));
        }
    }
    adapters.into_iter().next().ok_or_else(|| Ended::at(Radio::NoAdapter))
}

/// An adapter that is watched.
struct Watch<'a> {
    adapter: &'a Adapter,
    context: &'a Context,
    /// Tells when something else is wanted.
    wanted: Adoption,
    /// The scan that was asked for last, when that was looked at.
    scan: Option<String>,
    name: String,
    sightings: Sightings,
    scanning: bool,
    heard: Instant,
}

impl<'a> Watch<'a> {
    async fn over(adapter: &'a Adapter, context: &'a Context) -> Ended {
        match Self::prepare(adapter, context).await {
            Ok(mut watch) => match watch.run().await {
                Ok(never) => match never {},
                Err(ended) => ended,
            },
            Err(ended) => ended,
        }
    }

    async fn prepare(adapter: &'a Adapter, context: &'a Context) -> Result<Self, Ended> {
        let info = call(adapter.adapter_info()).await.map_err(|error| Ended::with(&error, Radio::NoAdapter))?;
        let name = info.split_whitespace().next().unwrap_or_default().to_string();
        let sightings = Sightings::new(adapter.clone(), context.clone());
        // What is there by now is followed by whoever begins to listen.
        let (wanted, scan) = (context.adopted.clone(), context.adopted.scan());
        Ok(Self { adapter, context, wanted, scan, name, sightings, scanning: false, heard: Instant::now() })
    }

    async fn run(&mut self) -> Result<std::convert::Infallible, Ended> {
        let events = call(self.adapter.events()).await;
        let mut events = events.map_err(|error| Ended::with(&error, Radio::NoAdapter))?;
        let mut check = interval(health::CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = check.tick() => self.check().await?,
                event = events.next() => match event {
                    Some(CentralEvent::StateUpdate(state)) => {
                        // BlueZ ends a discovery when the adapter goes off, also if it is on again by now.
                        self.scanning &= state == CentralState::PoweredOn;
                        check.reset_immediately();
                    }
                    Some(event) => {
                        self.heard = Instant::now();
                        self.sightings.take(event).await;
                    }
                    None => return Err(Ended { radio: Radio::NoBus, why: Some("the stream of events ended".into()) }),
                },
                () = self.wanted.changed() => self.follow().await?,
            }
        }
    }

    /// Does what is wanted by now. A radio that is off stays off.
    async fn follow(&mut self) -> Result<(), Ended> {
        self.sightings.adopt().await;
        let scan = self.wanted.scan();
        let is_asked = scan.is_some() && scan != self.scan;
        self.scan = scan;
        if is_asked && self.scanning { self.start().await } else { Ok(()) }
    }

    /// Asks how the adapter is, and does what follows from it.
    async fn check(&mut self) -> Result<(), Ended> {
        let on = health::is_on(self.adapter).await.map_err(|error| Ended::with(&error, Radio::NoAdapter))?;
        let silent = self.heard.elapsed() >= SILENCE;
        match (on, self.scanning) {
            (true, true) if silent => self.start().await,
            (true, true) => Ok(()),
            (true, false) => {
                self.say(Radio::Starting);
                self.start().await
            }
            // Whoever switched it off wants it off: starting a scan would switch it on.
            (false, _) => {
                self.scanning = false;
                self.say(Radio::Off);
                Ok(())
            }
        }
    }

    async fn start(&mut self) -> Result<(), Ended> {
        scan::start(self.adapter).await.map_err(|error| Ended::with(&error, Radio::Starting))?;
        self.scanning = true;
        self.heard = Instant::now();
        self.say(Radio::Scanning);
        Ok(())
    }

    fn say(&self, radio: Radio) {
        self.context.board.radio(radio, Some(&self.name), None);
    }
}
