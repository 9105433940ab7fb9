//! A worker's life: begin, be ready, be told to stop, leave.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    stat::{Mode, umask},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Access, Audit,
    access::ServiceKey,
    inherit::Inherited,
    listen::{self, ListenError, Listener},
    notify::Notifier,
    sandbox::{self, Reader, Sees},
    serve::{Answer, serve},
    shutdown, telemetry,
    tls::Certificates,
    worker_files::RESTORE_UNFINISHED,
};

/// Where data goes when `BETTI_DATA_DIR` is not set: a worker that is tried out by hand.
const DATA_DIR_BY_HAND: &str = "data";
/// Descriptors that a worker may have open: [`MOST_CONNECTIONS`](crate::serve::MOST_CONNECTIONS), WebSockets that are passed
/// on with two each, and files. Many systems give a process 1,024 unless it asks for more.
const MOST_DESCRIPTORS: u64 = 4096;
/// What others may not do with a file that a worker makes: anything.
const NOBODY_ELSE: Mode = Mode::S_IRWXG.union(Mode::S_IRWXO);

/// What a worker was given, and how it is told to stop.
pub struct Worker {
    name: &'static str,
    inherited: Inherited,
    notifier: Notifier,
    stop: CancellationToken,
    tasks: TaskTracker,
    audit: Option<Audit>,
    /// Who reads for it what is exchanged by name.
    reader: Option<Arc<Reader>>,
}

/// Runs a worker to its end: what `main` returns.
///
/// Takes over the inherited descriptors and gives up what it does not need to see while there is only one thread, then starts the async
/// runtime.
pub fn run<F>(name: &'static str, sees: &Sees, serve: impl FnOnce(Worker) -> F) -> ExitCode
where
    F: Future<Output = anyhow::Result<()>>,
{
    if let Some(files) = sandbox::files_to_read() {
        return sandbox::read_for_another(&files);
    }
    telemetry::start();
    ask_for_descriptors();
    umask(NOBODY_ELSE);
    let inherited = Inherited::take();
    let outcome = sandbox::enter(name, sees, inherited.has_socket()).and_then(|held| {
        runtime()?.block_on(async {
            let stop = CancellationToken::new();
            shutdown::cancel_when_told(stop.clone(), inherited.lifeline())?;
            let notifier = Notifier::from_environment();
            let (tasks, reader) = (TaskTracker::new(), held.reader.clone());
            serve(Worker { name, inherited, notifier, stop, tasks, audit: None, reader }).await
        })
    });
    match outcome {
        Ok(()) => {
            tracing::info!(worker = name, "stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(worker = name, "{error:#}");
            // The log line is for machines; whoever starts a worker by hand reads this.
            eprintln!("{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// As many as the system's hard limit allows; with fewer, connections wait to be accepted.
fn ask_for_descriptors() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    let wanted = MOST_DESCRIPTORS.min(hard);
    if soft < wanted
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)
    {
        tracing::debug!("the limit on descriptors stays at {soft}: {error}");
    }
}

/// One thread: a hub at rest has nothing to do, and threads cost memory. Databases have threads of their own.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Where a hub's workers keep what must survive, also for its command line; made if it is missing.
///
/// # Errors
/// If it cannot be made.
pub fn data_dir() -> std::io::Result<PathBuf> {
    let directory = std::env::var_os(protocol::worker::DATA_DIR).filter(|directory| !directory.is_empty());
    let directory = directory.map_or_else(|| DATA_DIR_BY_HAND.into(), PathBuf::from);
    std::fs::create_dir_all(&directory)?;
    if directory.join(RESTORE_UNFINISHED).exists() {
        let why = "a restore was cut off in the middle: betti-backup finishes it when it is started next";
        return Err(std::io::Error::other(why));
    }
    Ok(directory)
}

impl Worker {
    /// The worker's name, as in its binary.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Cancelled when the worker is to stop: SIGTERM, SIGINT, or the keeper is gone.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// What must be finished before the worker leaves; WebSockets count here.
    #[must_use]
    pub fn tasks(&self) -> TaskTracker {
        self.tasks.clone()
    }

    /// The socket to serve: the inherited one, else `HOST` and the first of `port_variables` that is set, else the default.
    ///
    /// # Errors
    /// If a variable is no port, or the address cannot be bound.
    pub async fn listener(&mut self, port_variables: &[&str], default_port: u16) -> Result<Listener, ListenError> {
        listen::listener(&mut self.inherited, port_variables, default_port).await
    }

    /// Says that the worker is ready, serves until it is told to stop, and drains. Certificates are watched meanwhile, and
    /// what there is to say about them is said as [`status`](Self::status).
    pub async fn serve(mut self, listener: Listener, certificates: Option<Arc<Certificates>>, answer: impl Answer) {
        let tls = certificates.as_ref().is_some_and(|certificates| certificates.is_there());
        tracing::info!(worker = self.name, address = listen::describe(&listener), tls, "listening");
        self.ready();
        let watching =
            certificates.as_ref().map(|certificates| certificates.watch(self.notifier.clone(), self.reader.clone()));
        serve(listener, certificates, answer, self.stop, self.tasks).await;
        if let Some(audit) = self.audit {
            audit.close(); // Nothing else is to be done any more.
        }
        drop(watching);
    }

    /// Where to keep what must survive; made if it is missing.
    ///
    /// # Errors
    /// If it cannot be made, or a restore is not finished there.
    pub fn data_dir(&self) -> std::io::Result<PathBuf> {
        data_dir()
    }

    /// The hub's access control, which all its workers share.
    ///
    /// # Errors
    /// If its file cannot be made or used.
    pub fn access(&self) -> anyhow::Result<Access> {
        Ok(Access::open_with(&self.data_dir()?, self.reader.clone())?)
    }

    /// What this worker shows to the hub's other workers, for one that is called by none.
    ///
    /// # Errors
    /// As [`Self::access`].
    pub fn service_key(&self) -> anyhow::Result<ServiceKey> {
        Ok(self.access()?.service().clone())
    }

    /// Where who read or changed what is noted, which all workers of the hub share. It is written to its end when the worker leaves.
    ///
    /// # Errors
    /// If its file cannot be made or used.
    pub fn audit(&mut self) -> anyhow::Result<Audit> {
        let audit = Audit::open(&self.data_dir()?)?;
        Ok(self.audit.insert(audit).clone())
    }

    /// Says that the worker is ready, once; a second time does nothing.
    pub fn ready(&mut self) {
        self.inherited.say_ready();
        self.notifier.send("READY=1");
        tracing::info!(worker = self.name, "ready");
    }

    /// One line for people about how the worker fares, shown by whoever supervises it.
    pub fn status(&self, words: &str) {
        self.notifier.status(words);
    }

    /// A handle that says [`status`](Self::status) from elsewhere.
    #[must_use]
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }
}
