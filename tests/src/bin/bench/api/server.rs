//! What is asked: the real betti-api, and the least that could answer.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use scenarios::binaries;
use warp::Filter;

/// A server that runs until this is dropped.
pub struct Server {
    child: Child,
    address: SocketAddr,
    authorization: String,
}

impl Server {
    /// In UTC, so that days are those of the readings' own times.
    pub fn betti_api(data: &Path) -> Self {
        let mut command = Command::new(binaries::built("betti-api"));
        command.env_clear().env("TZ", "UTC").env("PORT", "0").env("BETTI_DATA_DIR", data);
        let mut api = Self::of(command);
        let token = std::fs::read_to_string(data.join("service.key")).expect("the hub's own credential");
        api.authorization = format!("authorization: Bearer {}\r\n", token.trim_end());
        api
    }

    /// A warp handler that answers everything with this.
    pub fn bare(body: &[u8]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg("bare").arg(String::from_utf8_lossy(body).as_ref());
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line).ok()?;
            line["address"].as_str()?.parse().ok()
        });
        std::thread::spawn(move || lines.for_each(drop)); // So that it never waits for somebody to read.
        Self { child, address: address.expect("a line that says where it listens"), authorization: String::new() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A header line by which it knows whoever asks; empty if it needs none.
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill(); // Gone already, if it failed.
        let _ = self.child.wait();
    }
}

/// The bare server itself: one thread, as workers have.
pub fn answer_bare(body: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let body = body.to_owned();
        let answer =
            warp::any().map(move || warp::reply::with_header(body.clone(), "content-type", "application/json"));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        println!("{}", serde_json::json!({"address": listener.local_addr().expect("an address").to_string()}));
        warp::serve(answer).incoming(listener).run().await;
    });
}
