//! What clients ask, and what it is answered with. One file a kind of question.

mod act;
mod describe;
mod flush;
mod metrics;
mod run;
mod scale;
mod signal;
mod why;

use std::io;

use http::StatusCode;
use lifecycle::AppId;
use manifest::targets::{self, Named};
use protocol::control::Pong;
use protocol::request::Ask;
use serde::Serialize;
use tokio::sync::oneshot;

pub use self::metrics::Scrapes;
use super::Supervisor;
use super::apply::ApplyError;
use crate::control::Reply;
use crate::program;

impl Supervisor {
    pub(super) fn answer(&mut self, ask: Ask, reply: oneshot::Sender<Reply>) {
        let answer = match ask {
            Ask::Status => Reply::json(&self.status()),
            // It is news by now, or the time for waiting is over.
            Ask::Watch { .. } => Reply::json(&self.watch()),
            Ask::Describe(targets) => self.describe(&targets),
            Ask::Why(targets) => self.why(&targets),
            Ask::Ping => Reply::json(&self.pong()),
            Ask::Metrics(format) => return self.metrics(format, reply),
            Ask::Logs => Reply::json(&self.log_sources()),
            Ask::Act(act, targets) => self.act(act, &targets),
            Ask::Scale(app, amount) => self.scale(&app, amount),
            Ask::Signal(asked) => self.send_signal(&asked),
            Ask::Flush(targets) => return self.flush(&targets, reply),
            Ask::ReloadLogs => return self.reopen_logs(reply),
            Ask::Run(run) => self.run_ad_hoc(&run),
            Ask::Upgrade(asked) => return self.begin_upgrade(asked, reply),
            Ask::Apply(asked) => match self.apply(&asked) {
                Ok(applied) => Reply::json(&applied),
                Err(error) => refused(&error),
            },
            Ask::Kill => {
                self.stop_all();
                Reply::json(&serde_json::json!({}))
            }
        };
        let _ = reply.send(answer); // whoever went away is not to be told
    }

    fn pong(&self) -> Pong {
        Pong {
            keeper: self.keeper,
            supervisor: std::process::id() as i32,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            program: program::our_path().ok().map(|path| path.to_string_lossy().into_owned()),
            file: Some(program::our_file()),
        }
    }

    fn reopen_logs(&mut self, reply: oneshot::Sender<Reply>) {
        self.logs.reopen(Box::new(move |done| drop(reply.send(when_done(done, &serde_json::json!({}))))));
    }

    /// Those that the targets mean, by number.
    fn meant(&self, targets: &[String]) -> Result<Vec<AppId>, Reply> {
        let units: Vec<_> = self.units().into_values().collect();
        let meant = targets::meant(&units, targets, |unit| Named::from(&**unit));
        let meant = meant.map_err(|unknown| Reply::refusal(StatusCode::NOT_FOUND, unknown.to_string()))?;
        Ok(meant.into_iter().map(|unit| unit.id).collect())
    }
}

fn when_done<T: Serialize>(done: io::Result<()>, value: &T) -> Reply {
    match done {
        Ok(()) => Reply::json(value),
        Err(error) => Reply::refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn refused(error: &ApplyError) -> Reply {
    let status = match error {
        ApplyError::File(_) => StatusCode::UNPROCESSABLE_ENTITY,
        ApplyError::Doubled(_) | ApplyError::Stopping => StatusCode::CONFLICT,
    };
    Reply::refusal(status, error.to_string())
}
