//! Everything that is kept about a resident, for them and who speaks for them: written while it is sent, so that it may be of
//! any length.
//!
//! ```text
//!   a thread: rights::write_export ──► Chunks ──► a bounded channel ──► the answer's body
//! ```

use std::{
    io::{self, ErrorKind, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER},
};
use jiff::Timestamp;
use kit::{Area, Call, Problem, Routes, Rule};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use warp::{Reply, reply::Response};

use super::{Hub, residents::asked_about, with};
use crate::rights;

const PATH: &str = "/api/v1/access/export";
/// How many are written at once: each keeps a processor busy.
const MOST_AT_ONCE: usize = 2;
/// When to ask again, in seconds, while that many are.
const ASK_AGAIN_SECONDS: u16 = 60;
/// How much is sent at once, in bytes.
const CHUNK: usize = 64 * 1024;
/// How many of these wait for whoever reads slowly.
const CHUNKS_WAITING: usize = 4;
/// What is sent last: a channel that ends without it was not written to its end.
const THE_END: Bytes = Bytes::new();
/// How long nothing of it may be taken. The databases cannot be tidied up while they are read.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);
/// How long all of it may take.
const DONE_WITHIN: Duration = Duration::from_secs(60 * 60);

pub fn add(routes: Routes, hub: &Arc<Hub>) -> Routes {
    let places = Arc::new(Semaphore::new(MOST_AT_ONCE));
    let handler = move |hub, call| export(hub, call, places.clone());
    // As the audit: not for those who only see what is shared, and nothing for whoever stands before the tablet on the wall.
    routes.get(PATH, Rule::Write(Area::Sharing), with(hub, handler)).with_pin()
}

async fn export(hub: Arc<Hub>, call: Call, places: Arc<Semaphore>) -> Result<Response, Problem> {
    let resident = asked_about(&call)?;
    let home = hub.store.home_of(resident).await?;
    let name = format!("betti-resident-{resident}-{}.zip", home.date(Timestamp::now()));
    let place = places.try_acquire_owned().map_err(|_| busy())?;
    let (sender, mut chunks) = mpsc::channel(CHUNKS_WAITING);
    let (data, handle) = (hub.data.clone(), Handle::current());
    let ended = call.until_changed();
    tokio::task::spawn_blocking(move || write(&data, resident, Chunks::new(sender, handle), place));
    // What fails at once is told in words; later on all that can be done is to break off.
    let first = chunks.recv().await.ok_or_else(|| Problem::internal("an export had no beginning"))?;
    let mut response = warp::reply::stream(body(first, chunks, ended, hub.stop.clone())).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    let name = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")).map_err(Problem::internal)?;
    response.headers_mut().insert(CONTENT_DISPOSITION, name);
    Ok(response)
}

fn busy() -> Problem {
    let text = "Others are downloading everything right now. Try again in a minute.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, text).with_header(RETRY_AFTER, ASK_AGAIN_SECONDS.into())
}

fn write(data: &Path, resident: i64, mut chunks: Chunks, place: OwnedSemaphorePermit) {
    let written = rights::write_export(data, resident, &mut chunks).and_then(|_| Ok(chunks.send(THE_END)?));
    if let Err(error) = written {
        tracing::warn!("an export of everything about resident {resident} ended early: {error:#}");
    }
    drop(place);
}

/// What was written so far, as whoever asked takes it. It fails, so that nobody takes it for the whole, when it could not be
/// written to its end, they may not have it any more, or the worker leaves.
fn body(
    first: Bytes,
    chunks: mpsc::Receiver<Bytes>,
    changed: CancellationToken,
    stop: CancellationToken,
) -> impl Stream<Item = io::Result<Bytes>> {
    let state = (Some(first), chunks, changed, stop);
    stream::unfold(state, async |(first, mut chunks, changed, stop)| {
        let chunk = match first {
            Some(first) => Ok(first),
            None => tokio::select! {
                biased;
                () = changed.cancelled() => Err(broken_off("whoever asked may not have it any more")),
                () = stop.cancelled() => Err(broken_off("the worker leaves")),
                chunk = chunks.recv() => chunk.ok_or_else(|| broken_off("it could not be written to its end")),
            },
        };
        let is_end = chunk.as_ref().is_ok_and(Bytes::is_empty);
        (!is_end).then_some((chunk, (None, chunks, changed, stop)))
    })
}

fn broken_off(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, why)
}

/// Hands on what is written, and waits for whoever takes it; not for ever.
struct Chunks {
    sender: mpsc::Sender<Bytes>,
    waiting: Vec<u8>,
    handle: Handle,
    done_by: Instant,
}

impl Chunks {
    fn new(sender: mpsc::Sender<Bytes>, handle: Handle) -> Self {
        Self { sender, waiting: Vec::with_capacity(CHUNK), handle, done_by: Instant::now() + DONE_WITHIN }
    }

    fn send(&self, chunk: Bytes) -> io::Result<()> {
        let until = self.done_by.min(Instant::now() + TAKEN_WITHIN);
        match self.handle.block_on(timeout_at(until, self.sender.send(chunk))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::new(ErrorKind::BrokenPipe, "whoever asked for it is gone")),
            Err(_) => Err(io::Error::new(ErrorKind::TimedOut, "whoever asked for it takes nothing of it")),
        }
    }

    fn send_waiting(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.waiting, Vec::with_capacity(CHUNK));
        self.send(chunk.into())
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= CHUNK {
            self.send_waiting()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() { Ok(()) } else { self.send_waiting() }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    /// What came of a download of which these chunks were written: how many arrived, and whether it came to an end.
    async fn downloaded(written: &[Bytes], changed: &CancellationToken, stop: &CancellationToken) -> (usize, bool) {
        let (sender, chunks) = mpsc::channel(written.len().max(1));
        for chunk in written {
            sender.try_send(chunk.clone()).unwrap();
        }
        drop(sender);
        let mut body = std::pin::pin!(body(Bytes::from_static(b"first"), chunks, changed.clone(), stop.clone()));
        let mut arrived = 0;
        while let Some(chunk) = body.next().await {
            if chunk.is_err() {
                return (arrived, false);
            }
            arrived += 1;
        }
        (arrived, true)
    }

    #[tokio::test]
    async fn a_download_ends_only_when_all_of_it_was_written_and_may_be_had() {
        let (going_on, over) = (CancellationToken::new(), CancellationToken::new());
        over.cancel();
        let more = Bytes::from_static(b"more");
        let whole = [more.clone(), THE_END];
        assert_eq!(downloaded(&whole, &going_on, &going_on).await, (2, true));
        assert_eq!(downloaded(&[more], &going_on, &going_on).await, (2, false), "the writer failed");
        assert_eq!(downloaded(&whole, &over, &going_on).await, (1, false), "revoked meanwhile");
        assert_eq!(downloaded(&whole, &going_on, &over).await, (1, false), "the worker leaves");
    }

    #[tokio::test]
    async fn whoever_goes_away_ends_the_writing() {
        let (sender, chunks) = mpsc::channel(1);
        let mut to = Chunks::new(sender, Handle::current());
        drop(chunks);
        let written = tokio::task::spawn_blocking(move || to.write_all(&vec![0; 2 * CHUNK])).await.unwrap();
        assert_eq!(written.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
