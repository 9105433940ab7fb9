//! A worker that tries what it is told on its standard input, one a line (`read PATH`, `write PATH`, `connect PORT`, `bind PORT`, `run
//! PATH`), and says on standard output what came of each. Its test is `tests/sandbox.rs`.

#![allow(clippy::print_stdout)] // It is there to say what it saw.

use std::{
    fs::{self, OpenOptions},
    io::{self, BufRead},
    net::{TcpListener, TcpStream},
    process::{Command, ExitCode},
};

use kit::Sees;

fn main() -> ExitCode {
    let calls = std::env::var("LOOKING_CALLS").unwrap_or_default();
    let sees = Sees::default().databases(&["own.db"]).calls(&calls);
    kit::run("looking", &sees, async |worker| {
        let (_access, _data) = (worker.access()?, worker.data_dir()?);
        let orders = io::stdin().lock().lines().collect::<Result<Vec<_>, _>>()?;
        for order in &orders {
            println!("LOOKED {order}: {}", said(attempt(order)));
        }
        // On another thread the same holds.
        let there = std::thread::spawn(move || orders.iter().map(|order| said(attempt(order))).collect::<Vec<_>>());
        println!("LOOKED thread: {}", there.join().expect("no panic").join(" "));
        Ok(())
    })
}

fn attempt(order: &str) -> io::Result<()> {
    let (verb, rest) = order.split_once(' ').unwrap_or((order, ""));
    let port = || rest.parse::<u16>().map_err(io::Error::other);
    match verb {
        "read" => fs::read(rest).map(drop),
        "write" => OpenOptions::new().create(true).append(true).open(rest).map(drop),
        "connect" => TcpStream::connect(("127.0.0.1", port()?)).map(drop),
        "bind" => TcpListener::bind(("127.0.0.1", port()?)).map(drop),
        "run" => Command::new(rest).output().map(drop),
        "sql" => rusqlite::Connection::open(rest)
            .and_then(|own| own.execute_batch("CREATE TABLE IF NOT EXISTS t (x); INSERT INTO t VALUES (1);"))
            .map_err(io::Error::other),
        _ => Err(io::Error::other("unknown")),
    }
}

fn said(outcome: io::Result<()>) -> String {
    match outcome {
        Ok(()) => "done".into(),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => "refused".into(),
        Err(error) => format!("failed: {error}"),
    }
}
