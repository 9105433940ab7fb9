//! Which devices are there: ours are given a task each, those that could be ours are shown, all others are left alone.

use std::collections::HashMap;
use std::sync::Arc;

use btleplug::api::{BDAddr, Central, CentralEvent, Peripheral as _};
use btleplug::platform::{Adapter, Peripheral, PeripheralId};
use jiff::Timestamp;
use tokio::sync::{Mutex, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::Context;
use super::failure::call;
use crate::device::{self, Presence};
use crate::gatt::{ENVIRONMENT_SERVICE, SERVICES};
use crate::room::Room;
use crate::status::Standing;

/// How many devices are remembered. Strangers change their addresses all the time.
const MOST_REMEMBERED: usize = 1_000;

enum Seen {
    /// Nothing for us.
    Stranger,
    /// Advertises a service that we read, and is not adopted.
    New(BDAddr),
    Ours(BDAddr, watch::Sender<Presence>, AbortHandle),
}

pub struct Sightings {
    adapter: Adapter,
    context: Context,
    seen: HashMap<PeripheralId, Seen>,
    tasks: JoinSet<()>,
    /// Controllers make one connection at a time.
    connecting: Arc<Mutex<()>>,
}

impl Sightings {
    pub fn new(adapter: Adapter, context: Context) -> Self {
        Self { adapter, context, seen: HashMap::new(), tasks: JoinSet::new(), connecting: Arc::default() }
    }

    pub async fn take(&mut self, event: CentralEvent) {
        match event {
            CentralEvent::DeviceDiscovered(id) => self.look_at(id).await,
            // Of a stranger this may be the first word of what it is.
            CentralEvent::ServicesAdvertisement { id, .. } if self.is_strange(&id) => self.look_at(id).await,
            CentralEvent::RssiUpdate { id, rssi } => self.heard(id, Some(rssi)).await,
            CentralEvent::ManufacturerDataAdvertisement { id, .. }
            | CentralEvent::ServiceDataAdvertisement { id, .. } => self.heard(id, None).await,
            CentralEvent::DeviceConnected(id) => self.tell(&id, Presence::connect),
            CentralEvent::DeviceDisconnected(id) => self.tell(&id, Presence::disconnect),
            _ => {}
        }
    }

    fn is_strange(&self, id: &PeripheralId) -> bool {
        matches!(self.seen.get(id), None | Some(Seen::Stranger))
    }

    /// An advertisement. Costs no call for a device that was looked at before.
    async fn heard(&mut self, id: PeripheralId, rssi: Option<i16>) {
        match self.seen.get(&id) {
            None => self.look_at(id).await,
            Some(Seen::Stranger) => {}
            Some(Seen::New(address)) => self.show_heard(*address, rssi),
            Some(Seen::Ours(address, ..)) => {
                self.show_heard(*address, rssi);
                self.tell(&id, Presence::hear);
            }
        }
    }

    /// Takes on whoever is ours by now, and lets go of whoever is not any more.
    pub async fn adopt(&mut self) {
        let is_let_go = |seen: &Seen| match seen {
            Seen::Ours(address, ..) => !self.context.adopted.accepts(*address),
            Seen::Stranger | Seen::New(_) => false,
        };
        let let_go: Vec<_> = self.seen.iter().filter(|(_, seen)| is_let_go(seen)).map(|(id, _)| id.clone()).collect();
        for id in let_go {
            self.let_go(id).await;
        }
        for peripheral in call(self.adapter.peripherals()).await.unwrap_or_default() {
            let is_known = matches!(self.seen.get(&peripheral.id()), Some(Seen::Ours(..)));
            if !is_known && self.context.adopted.names(peripheral.address()) {
                self.look_at(peripheral.id()).await;
            }
        }
    }

    /// A device that was ours: what it sends is not ours to keep.
    async fn let_go(&mut self, id: PeripheralId) {
        let Some(Seen::Ours(address, _, task)) = self.seen.remove(&id) else { return };
        task.abort();
        self.context.board.device(address, |device| {
            device.adopted = false;
            device.status = Standing::New;
            device.environment = device.environment.as_ref().map(|_| Room::default());
        });
        if let Ok(peripheral) = call(self.adapter.peripheral(&id)).await
            && let Err(error) = call(peripheral.disconnect()).await
        {
            tracing::debug!(device = %address, "cannot disconnect: {error}");
        }
        self.remember(id, Seen::New(address));
    }

    /// Finds out what a device is.
    async fn look_at(&mut self, id: PeripheralId) {
        let Ok(peripheral) = call(self.adapter.peripheral(&id)).await else { return };
        let Ok(Some(properties)) = call(peripheral.properties()).await else { return };
        let address = properties.address;
        // BlueZ's filter is merged over all its clients: look again.
        let advertises = properties.services.iter().any(|service| SERVICES.contains(service));
        let adopted = &self.context.adopted;
        let ours = adopted.names(address) || (advertises && adopted.accepts(address));
        if !(ours || advertises) {
            self.remember(id, Seen::Stranger);
            return;
        }
        self.context.board.device(address, |device| {
            device.name = properties.local_name.or(device.name.take());
            if properties.services.contains(&ENVIRONMENT_SERVICE) {
                device.environment.get_or_insert_default();
            }
            if ours && !device.adopted {
                device.adopted = true;
                device.status = Standing::Waiting;
            }
        });
        if !ours {
            self.remember(id.clone(), Seen::New(address));
        } else if !matches!(self.seen.get(&id), Some(Seen::Ours(..))) {
            let (presence, task) = self.give_task(peripheral, address);
            self.remember(id.clone(), Seen::Ours(address, presence, task));
        }
        // A device out of BlueZ's storage has no signal strength: it is not near.
        if properties.rssi.is_some() {
            self.show_heard(address, properties.rssi);
            self.tell(&id, Presence::hear);
        }
    }

    fn give_task(&mut self, peripheral: Peripheral, address: BDAddr) -> (watch::Sender<Presence>, AbortHandle) {
        let (sender, presence) = watch::channel(Presence::default());
        let board = self.context.board.clone();
        let (since, connecting) = (Instant::now(), Arc::clone(&self.connecting));
        let device = device::Device { peripheral, address, presence, since, board, connecting };
        let task = self.tasks.spawn(device.run(self.context.intake.clone()));
        (sender, task)
    }

    fn tell(&mut self, id: &PeripheralId, change: impl FnOnce(&mut Presence)) {
        let Some(Seen::Ours(_, presence, _)) = self.seen.get(id) else { return };
        if presence.is_closed() {
            // Its task gave up; the next sighting makes a new one.
            self.seen.remove(id);
        } else {
            presence.send_modify(change);
        }
    }

    fn show_heard(&self, address: BDAddr, rssi: Option<i16>) {
        self.context.board.device(address, |device| {
            device.rssi = rssi.or(device.rssi);
            device.last_seen = Some(Timestamp::now());
        });
    }

    fn remember(&mut self, id: PeripheralId, seen: Seen) {
        if self.seen.len() >= MOST_REMEMBERED {
            self.seen.retain(|_, seen| matches!(seen, Seen::Ours(..)));
        }
        self.seen.insert(id, seen);
    }
}
