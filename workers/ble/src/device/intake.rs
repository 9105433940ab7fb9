//! From a device's stream of values to readings on disk.

use std::pin::Pin;

use btleplug::api::{BDAddr, ValueNotification};
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::ambient;
use crate::delivery::Bells;
use crate::downsample::Downsampler;
use crate::gatt::{self, BloodPressure, HeartRate, Measurement, Reading};
use crate::observation::{self, Observation, Received};
use crate::plausible;
use crate::status::Board;
use crate::store::{Kept, Kind, Store};

/// A disk that is full may have room again.
const DISK_PAUSE: Duration = Duration::from_secs(5);

/// Values as btleplug hands them out.
pub type Values = Pin<Box<dyn Stream<Item = ValueNotification> + Send>>;

/// Where readings go. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    store: Store,
    bells: Bells,
    zone: TimeZone,
}

impl Intake {
    pub fn new(store: Store, bells: Bells, zone: TimeZone) -> Self {
        Self { store, bells, zone }
    }

    /// Takes in all that comes, one after the other, until the stream ends. `valued` is told when something came.
    pub async fn drain(self, device: BDAddr, board: Board, mut values: Values, valued: watch::Sender<Instant>) {
        let mut drain = Drain { intake: self, rates: Downsampler::default(), last_rate: None };
        loop {
            let window = drain.rates.deadline();
            tokio::select! {
                value = values.next() => {
                    let Some(value) = value else { return };
                    valued.send_replace(Instant::now());
                    if let Some(measurement) = Measurement::from_uuid(value.uuid) {
                        drain.take(Received { device, measurement, raw: value.value, at: Timestamp::now() }).await;
                    } else if let Some(ambient) = ambient::of(value.uuid, value.service_uuid) {
                        ambient::take(&board, device, ambient, &value.value);
                    }
                }
                () = until(window) => drain.close_window().await,
            }
        }
    }
}

/// Until then; for ever if there is no then.
async fn until(deadline: Option<std::time::Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

struct Drain {
    intake: Intake,
    rates: Downsampler,
    last_rate: Option<Received>,
}

impl Drain {
    async fn take(&mut self, received: Received) {
        match gatt::decode(received.measurement, &received.raw) {
            Ok(Reading::HeartRate(reading)) => self.take_rate(received, &reading).await,
            Ok(Reading::BloodPressure(reading)) => self.take_pressure(received, &reading).await,
            Err(why) => self.refuse(received, why.to_string()).await,
        }
    }

    async fn take_rate(&mut self, received: Received, reading: &HeartRate) {
        match plausible::heart_rate(reading) {
            Ok(rate) => {
                let keep = self.rates.push(std::time::Instant::now(), rate);
                self.last_rate = Some(received.clone());
                if let Some(rate) = keep {
                    self.keep_rate(received, rate).await;
                }
            }
            Err(why) => self.refuse(received, why.to_string()).await,
        }
    }

    async fn close_window(&mut self) {
        let mean = self.rates.close(std::time::Instant::now());
        if let (Some(rate), Some(received)) = (mean, self.last_rate.take()) {
            self.keep_rate(received, rate).await;
        }
    }

    async fn keep_rate(&self, received: Received, rate: u16) {
        let observation = observation::heart_rate(received, rate);
        match self.intake.store.keep(observation, Kind::Stream).await {
            Ok(_) => self.intake.bells.kept.notify_one(),
            // One of many: the next comes in five seconds.
            Err(error) => tracing::error!("a heart rate is lost: {error}"),
        }
    }

    async fn take_pressure(&self, received: Received, reading: &BloodPressure) {
        match observation::blood_pressure(received.clone(), reading, &self.intake.zone) {
            Ok(observation) => self.keep_spot(observation).await,
            Err(why) => self.refuse(received, why.to_string()).await,
        }
    }

    /// The device has deleted it by now: there is no other copy until it is on disk.
    async fn keep_spot(&self, observation: Observation) {
        loop {
            match self.intake.store.keep(observation.clone(), Kind::Spot).await {
                Ok(Kept::New) => return self.intake.bells.kept.notify_one(),
                Ok(Kept::Already) => {
                    return tracing::info!(device = %observation.received.device, "sent again: a reading that we have");
                }
                Err(error) => {
                    tracing::error!("a reading cannot be kept yet, and is held in memory: {error}");
                    sleep(DISK_PAUSE).await;
                }
            }
        }
    }

    /// A strap without a wearer sends nonsense every second, and nobody misses it; a cuff's failure is a fact.
    async fn refuse(&self, received: Received, reason: String) {
        let device = received.device;
        if received.measurement == Measurement::HeartRate {
            return tracing::debug!(%device, reason, "no heart rate");
        }
        tracing::warn!(%device, reason, "no reading");
        if let Err(error) = self.intake.store.keep_refused(received, reason).await {
            tracing::error!("what was refused cannot be kept: {error}");
        }
    }
}
