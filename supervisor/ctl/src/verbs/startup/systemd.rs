//! Tells systemd, where it runs.

use std::path::Path;
use std::process::Command;

use crate::exit::Failure;
use crate::printer::Printer;

/// It is there if systemd runs the machine.
const RUNNING: &str = "/run/systemd/system";

/// Commands for systemd, in their order.
pub struct Orders(pub Vec<String>);

impl Orders {
    /// Has it know the unit, and start it with the machine.
    pub fn enable(service: &str) -> Self {
        Self(vec!["systemctl daemon-reload".into(), format!("systemctl enable --now {service}.service")])
    }

    /// Has it stop the service, and not start it with the machine.
    pub fn disable(service: &str) -> Self {
        Self(vec![format!("systemctl disable --now {service}.service")])
    }

    /// Has it forget the unit.
    pub fn reload() -> Self {
        Self(vec!["systemctl daemon-reload".into()])
    }

    /// Runs them if systemd runs the machine; what is left to do otherwise. A service is enabled and not started: a hub
    /// may be running already.
    ///
    /// # Errors
    /// If systemd refuses.
    pub fn carry_out(self, printer: &Printer) -> Result<Self, Failure> {
        if !Path::new(RUNNING).is_dir() {
            return Ok(self);
        }
        for order in &self.0 {
            let order = order.replace("enable --now", "enable");
            let mut words = order.split(' ');
            let mut command = Command::new(words.next().unwrap_or_default());
            let output = command.args(words).output();
            let output = output.map_err(|why| Failure::failed(format!("{order} cannot be run: {why}")))?;
            if !output.status.success() {
                let wrote = String::from_utf8_lossy(&output.stderr);
                return Err(Failure::failed(format!("{order}: {}", wrote.trim_end())));
            }
            printer.say(&format!("✓ {order}"));
        }
        let start = self.0.last().filter(|order| order.contains("enable --now"));
        Ok(Self(start.iter().map(|order| order.replace("enable --now", "start")).collect()))
    }
}
