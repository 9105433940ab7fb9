//! Sets a resident's PIN on the hub itself: the way back when it is forgotten. It is read, and never an argument, which others
//! of the machine could see.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    os::fd::AsFd,
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use kit::{Access, access::pin::Pin, audit::Operator};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

#[derive(Args)]
pub struct Asked {
    /// Whose: a resident's number
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    resident: i64,
    /// Where the hub keeps its data [default: $BETTI_DATA_DIR, else data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

impl Asked {
    pub async fn answer(self) -> anyhow::Result<()> {
        let folder = match self.data {
            None => kit::data_dir().context("no folder for data")?,
            Some(folder) => folder,
        };
        let (access, operator) = (Access::open(&folder)?, Operator::open(&folder)?);
        let pin = if io::stdin().is_terminal() { ask_twice()? } else { read_line()? };
        access.set_pin(self.resident, &Pin::new(&pin)?, None, Timestamp::now()).await?;
        operator.changed("betti-api pin", self.resident);
        let said = format!("The PIN of resident {} is set, and tablets on the wall are locked.", self.resident);
        // A reader that went away is no reason to fail: it is set.
        let _ = writeln!(io::stdout(), "{said}");
        Ok(())
    }
}

fn ask_twice() -> anyhow::Result<String> {
    let quiet = Quiet::new().context("the terminal cannot be told not to show what is typed")?;
    let first = ask("New PIN: ")?;
    let again = ask("Once more: ")?;
    drop(quiet);
    anyhow::ensure!(first == again, "nothing is set: these were two different PINs");
    Ok(first)
}

fn ask(question: &str) -> anyhow::Result<String> {
    let mut terminal = io::stderr();
    write!(terminal, "{question}")?;
    terminal.flush()?;
    let line = read_line();
    writeln!(terminal)?; // That of whoever typed was not shown.
    line
}

fn read_line() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("no PIN could be read")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The terminal does not show what is typed, as long as this is there.
struct Quiet(Termios);

impl Quiet {
    fn new() -> nix::Result<Self> {
        let before = tcgetattr(io::stdin().as_fd())?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin().as_fd(), SetArg::TCSAFLUSH, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSAFLUSH, &self.0); // Nothing more can be done.
    }
}
