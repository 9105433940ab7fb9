//! Where an app's logs go, and what a line in them looks like.

use std::path::{Path, PathBuf};

use crate::model::LogFormat;
use crate::stamp;
use crate::value::Placed;
use crate::written::{LogType, Written};

/// Folder of the log files that are not named.
const LOGS: &str = "logs";
/// PM2's word for a log that is thrown away, besides `/dev/null`.
const NO_LOG: &str = "NULL";
const NOWHERE: &str = "/dev/null";

/// Where its standard output and error go; `None` if it has no name.
pub(crate) fn files(written: &Written, folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let name = written.name.as_ref()?.get_ref();
    let out = file(written, written.out_file.as_ref(), folder, &format!("{name}-out.log"));
    Some((out, file(written, written.error_file.as_ref(), folder, &format!("{name}-error.log"))))
}

/// Where one of its streams goes.
fn file(written: &Written, file: Option<&Placed<String>>, folder: &Path, otherwise: &str) -> PathBuf {
    match file.map(|file| file.get_ref().as_str()) {
        _ if is_silent(written) => PathBuf::from(NOWHERE),
        Some(NO_LOG) => PathBuf::from(NOWHERE),
        Some(file) => super::within(folder, file),
        None => folder.join(LOGS).join(otherwise),
    }
}

/// Whether its logs are thrown away, both of them.
pub(crate) fn is_silent(written: &Written) -> bool {
    written.disable_logs.as_ref().is_some_and(|disabled| *disabled.get_ref())
}

/// What a line in them looks like.
pub(super) fn format(written: &Written) -> LogFormat {
    let pattern = written.log_date_format.clone().or_else(|| written.time?.then(|| stamp::TIME.to_owned()));
    match (written.log_type, pattern) {
        (Some(LogType::Json), pattern) => LogFormat::Json { pattern },
        (Some(LogType::Raw) | None, Some(pattern)) => LogFormat::Stamped(pattern),
        (Some(LogType::Raw) | None, None) => LogFormat::Raw,
    }
}
