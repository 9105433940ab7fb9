//! `flush`: each file is emptied, whatever is wrong with another one.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::control::{Flushed, NotFlushed};
use tokio::sync::oneshot;

use crate::control::Reply;
use crate::supervisor::Supervisor;

/// What became of the files so far, and who waits for the rest.
struct Progress {
    flushed: Flushed,
    left: usize,
    reply: Option<oneshot::Sender<Reply>>,
}

impl Progress {
    fn note(&mut self, file: &Path, done: io::Result<()>) {
        let file = file.to_string_lossy().into_owned();
        match done {
            Ok(()) => self.flushed.files.push(file),
            Err(why) => self.flushed.failed.push(NotFlushed { file, why: why.to_string() }),
        }
        self.left -= 1;
        self.answer_if_done();
    }

    fn answer_if_done(&mut self) {
        if let Some(reply) = self.reply.take_if(|_| self.left == 0) {
            let _ = reply.send(Reply::json(&self.flushed)); // whoever went away is not to be told
        }
    }
}

impl Supervisor {
    pub(super) fn flush(&mut self, targets: &[String], reply: oneshot::Sender<Reply>) {
        let meant = match self.meant(targets) {
            Ok(meant) => meant,
            Err(refusal) => return drop(reply.send(refusal)),
        };
        let units = meant.into_iter().filter_map(|id| self.unit(id));
        let files: BTreeSet<_> = units.flat_map(|unit| [unit.out_file(), unit.error_file()]).collect();
        let mut progress = Progress { flushed: Flushed::default(), left: files.len(), reply: Some(reply) };
        progress.answer_if_done();
        let progress = Arc::new(Mutex::new(progress));
        for file in files {
            let progress = progress.clone();
            let paths = vec![file.clone()];
            let note = move |done| progress.lock().unwrap_or_else(PoisonError::into_inner).note(&file, done);
            self.logs.flush(paths, Box::new(note));
        }
    }
}
