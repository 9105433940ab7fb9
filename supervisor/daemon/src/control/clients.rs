//! How many requests are being answered, so that the last answers go out before we do.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

#[derive(Clone, Default)]
pub struct Clients(Rc<Counted>);

#[derive(Default)]
struct Counted {
    busy: Cell<usize>,
    fewer: Notify,
}

/// One request that is being answered.
pub struct Busy(Rc<Counted>);

impl Clients {
    pub fn enter(&self) -> Busy {
        self.0.busy.set(self.0.busy.get() + 1);
        Busy(self.0.clone())
    }

    /// Waits until nobody is being answered, and then lets the connections write what they have.
    pub async fn idle(&self) {
        const ROUNDS: usize = 8;
        while self.0.busy.get() > 0 {
            self.0.fewer.notified().await;
        }
        for _ in 0..ROUNDS {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get() - 1);
        self.0.fewer.notify_one();
    }
}
