//! `betti-api audit`: what the resident is told, and whether somebody changed it.

use std::{io::Write, path::PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;
use kit::{
    Access, Home,
    audit::{self, Question},
};

use super::{LARGEST_LIMIT, USUAL_LIMIT, tell};

/// What is asked for.
#[derive(Args)]
pub struct Asked {
    /// Only what is about this resident
    #[arg(long, value_name = "N", conflicts_with = "check")]
    resident: Option<i64>,
    /// From when on: 2031-01-31T12:00:00Z, or a date, or how long ago: "2 days", "90 minutes"
    #[arg(long, value_name = "WHEN", conflicts_with = "check", value_parser = since)]
    since: Option<Timestamp>,
    /// How many entries, the newest
    #[arg(long, value_name = "COUNT", default_value_t = USUAL_LIMIT, conflicts_with = "check",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(LARGEST_LIMIT)))]
    limit: u32,
    /// Find out whether somebody changed it or took something out: exit 1, and where
    #[arg(long)]
    check: bool,
    /// Where the hub keeps its data [default: $BETTI_DATA_DIR, else data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

impl Asked {
    /// Prints it, the oldest first.
    ///
    /// # Errors
    /// If it cannot be read, or is not as it was written.
    pub async fn answer(self, mut to: impl Write) -> anyhow::Result<()> {
        let data = match self.data {
            None => kit::data_dir().context("no folder for data")?,
            Some(folder) => folder,
        };
        if self.check {
            let checked = audit::check(&data)?;
            let (seq, hash) = checked.newest;
            if let Some((place, what)) = checked.broken {
                bail!(
                    "the audit was tampered with: entry {place} {what}. {} entries before it are as they were written",
                    checked.entries
                );
            }
            // A reader that went away is no reason to fail.
            let _ = writeln!(to, "{} entries are as they were written. The newest is {seq}: {hash}", checked.entries);
            return Ok(());
        }
        let question = Question { resident: self.resident, from: self.since, limit: self.limit, ..Question::default() };
        let home = Home::from_environment()?;
        let told = tell(&data, &Access::open(&data)?, &home, question).await?;
        for told in told.iter().rev() {
            let at = told.entry.first_at.parse::<Timestamp>();
            let date = at.map_or_else(|_| told.entry.first_at.clone(), |at| home.date(at).to_string());
            let from = told.entry.address.as_ref().map_or_else(String::new, |address| format!(" (from {address})"));
            let _ = writeln!(to, "{date}  {}{from}", told.words);
        }
        Ok(())
    }
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if text.parse::<jiff::civil::Date>().is_ok() {
        let home = Home::from_environment().map_err(|error| error.to_string())?;
        return home.instant(&format!("{text}T00:00:00")).ok_or_else(|| format!("{text:?} is no date"));
    }
    let ago = || {
        let span: jiff::Span = text.parse().ok()?;
        let ago = span.abs().to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
        Timestamp::now().checked_sub(ago).ok()
    };
    let wrong = || format!("{text:?} is no time: write 2031-01-31T12:00:00Z, 2031-01-31, or how long ago: \"2 days\"");
    ago().ok_or_else(wrong)
}
