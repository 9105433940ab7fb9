//! Tells whose logs there are whenever that changes, as long as there is a supervisor to ask; and goes on when there is one again.

use std::path::PathBuf;
use std::time::Duration;

use protocol::control::LogSource;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::watch::Watch;
use crate::client::Client;
use crate::runtime_dir;

/// At least so long between two questions: a crash loop is many changes.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(500);

/// What tells.
pub struct Newcomers {
    news: mpsc::Receiver<Vec<LogSource>>,
    asking: JoinHandle<()>,
}

impl Newcomers {
    /// Asks the supervisor in this runtime directory; `known` is no news.
    pub fn of(runtime_dir: PathBuf, config: Option<PathBuf>, known: Vec<LogSource>) -> Self {
        let (tell, news) = mpsc::channel(1);
        let client = Client::new(runtime_dir::socket(&runtime_dir), config);
        Self { news, asking: tokio::spawn(ask(client, runtime_dir, known, tell)) }
    }

    /// All apps' logs, when they are others than before.
    pub async fn next(&mut self) -> Vec<LogSource> {
        match self.news.recv().await {
            Some(sources) => sources,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Newcomers {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

async fn ask(client: Client, runtime_dir: PathBuf, mut known: Vec<LogSource>, tell: mpsc::Sender<Vec<LogSource>>) {
    let mut watch = Watch::new();
    watch.add([runtime_dir]);
    loop {
        // Somebody else may have made the directory.
        if matches!(runtime_dir::existing(), Ok(Some(_))) && listen(&client, &mut known, &tell).await.is_none() {
            return;
        }
        // Nobody answers. When somebody comes, the socket is made anew.
        watch.changed().await;
        watch.renew();
        // One who refuses to answer may have much to do in that directory.
        sleep(BETWEEN_QUESTIONS).await;
    }
}

/// Asks until there is no answer; `None` if nobody wants to know any more.
async fn listen(client: &Client, known: &mut Vec<LogSource>, tell: &mpsc::Sender<Vec<LogSource>>) -> Option<()> {
    let mut seen = None;
    loop {
        let asked = Instant::now();
        let Ok(watch) = client.watch(seen).await else { return Some(()) };
        if seen != Some(watch.sequence) {
            let Ok(sources) = client.logs().await else { return Some(()) };
            if sources != *known {
                known.clone_from(&sources);
                tell.send(sources).await.ok()?;
            }
            seen = Some(watch.sequence);
        }
        sleep(BETWEEN_QUESTIONS.saturating_sub(asked.elapsed())).await;
    }
}
