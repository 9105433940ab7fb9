//! `betti-ctl metrics`: what Prometheus would scrape, if it could scrape a Unix socket.

use std::io;
use std::path::{Path, PathBuf};

use protocol::control::Family;
use protocol::metrics::Format;
use serde::Serialize;

use super::Context;
use crate::arguments;
use crate::exit::{Exit, Failure, Outcome};

/// For programs, of a file that was written.
#[derive(Serialize)]
struct Report<'p> {
    ok: bool,
    path: &'p Path,
}

/// Prints them, or writes them to a file.
///
/// # Errors
/// If nobody answers, or the file cannot be written.
pub async fn run(arguments: &arguments::Metrics, context: &Context<'_>) -> Outcome {
    let printer = context.printer;
    let text = if arguments.openmetrics { Format::OpenMetrics } else { Format::Text };
    let format = if printer.is_json() && arguments.output.is_none() { Format::Json } else { text };
    let metrics = context.client()?.metrics(format).await?;
    match &arguments.output {
        Some(path) => {
            replace(path, &metrics).map_err(|why| Failure::failed(format!("{}: {why}", path.display())))?;
            if printer.is_json() {
                printer.json(&Report { ok: true, path })?;
            }
        }
        None if format == Format::Json => {
            let families: Vec<Family> = serde_json::from_str(&metrics)
                .map_err(|why| Failure::failed(format!("the supervisor's answer is not understood: {why}")))?;
            printer.json(&families)?;
        }
        None => printer.bytes(metrics.as_bytes()),
    }
    Ok(Exit::Done)
}

/// In one go: node_exporter reads every file whose name ends with `.prom`, whenever it likes.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = beside(path);
    std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&new); // nothing is left of what was not written
    })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_half_written_has_a_name_that_nobody_reads() {
        let new = beside(Path::new("/var/lib/prometheus/betti.prom"));
        assert_eq!(new.parent(), Some(Path::new("/var/lib/prometheus")));
        assert_ne!(new.extension(), Some("prom".as_ref()));
        assert_eq!(beside(Path::new("betti.prom")).parent(), Some(Path::new("")));
    }
}
