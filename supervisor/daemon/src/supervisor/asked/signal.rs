//! `sendSignal`: any signal to the first process of each app that is meant, as PM2 does it.

use http::StatusCode;
use nix::sys::signal::Signal;
use protocol::control::{Accepted, SendSignal};

use crate::control::Reply;
use crate::supervisor::Supervisor;
use crate::tree::{self, Stat};

impl Supervisor {
    pub(super) fn send_signal(&mut self, asked: &SendSignal) -> Reply {
        let Some(signal) = signal(&asked.signal) else {
            let error = format!("`{}` is no signal: write a name such as SIGHUP, or a number", asked.signal);
            return Reply::refusal(StatusCode::BAD_REQUEST, error);
        };
        if asked.targets.is_empty() {
            return Reply::refusal(StatusCode::BAD_REQUEST, "say which app is to be signalled".to_owned());
        }
        let ids = match self.meant(&asked.targets) {
            Ok(ids) => ids,
            Err(refusal) => return refusal,
        };
        let mut apps = Vec::new();
        for id in ids {
            let alive = self.fleet.get(id).and_then(lifecycle::App::alive);
            let pid = alive.and_then(|run| self.runs.get(&run.0)).and_then(crate::supervisor::Run::pid);
            let process = pid.and_then(Stat::of).map(|stat| stat.process);
            if process.is_some_and(|process| tree::signal(process, signal))
                && let Some(unit) = self.unit(id)
            {
                apps.push(self.accepted_app(unit, false));
            }
        }
        if apps.is_empty() {
            return Reply::refusal(StatusCode::CONFLICT, "none of them runs".to_owned());
        }
        Reply::json(&Accepted { apps })
    }
}

fn signal(text: &str) -> Option<Signal> {
    if let Ok(number) = text.parse::<i32>() {
        return Signal::try_from(number).ok();
    }
    let name = text.to_uppercase();
    let name = if name.starts_with("SIG") { name } else { format!("SIG{name}") };
    name.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_named_in_any_way() {
        for text in ["SIGHUP", "sighup", "HUP", "hup", "1"] {
            assert_eq!(signal(text), Some(Signal::SIGHUP), "{text}");
        }
        for text in ["", "SIG", "SIGNOTHING", "0", "-1", "99", "1x"] {
            assert_eq!(signal(text), None, "{text}");
        }
    }
}
