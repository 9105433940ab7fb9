//! How betti-api fares with a million readings, beside the same answer from a bare warp handler: turn by turn, in one run.

mod answers;
mod listeners;
mod million;
mod server;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::{
    answers::{Asked, Question},
    server::Server,
};
use crate::memory::Memory;

pub use self::server::answer_bare;

/// How long each kind of request is asked in each turn.
const TURN: Duration = Duration::from_secs(2);
const TURNS: usize = 3;
/// Clients at once: a household's screens, and more.
const CLIENTS: usize = 16;
/// As many as change something at once when a crowd of devices comes back.
const CROWD: usize = 64;
const READINGS: u32 = 1_000_000;
const FEW_READINGS: u32 = 100;

pub fn measure() {
    let (large, small) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let began = Instant::now();
    million::fill(large.path(), READINGS);
    million::fill(small.path(), FEW_READINGS);
    println!("\nbetti-api with {READINGS} readings (written in {:.0} s)", began.elapsed().as_secs_f64());
    let (api, few) = (Server::betti_api(large.path()), Server::betti_api(small.path()));
    let latest = Question::get("/api/vitals/latest");
    let body = answers::once(&api, &latest);
    let bare = Server::bare(&body);
    println!(
        "  PSS at rest {} KiB, the bare handler's {} KiB",
        Memory::of(api.pid()).pss_kib,
        Memory::of(bare.pid()).pss_kib
    );
    println!("\n{:<58} {:>9} {:>9} {:>9} {:>9}", "requests", "a second", "p50 ms", "p99 ms", "of bare");
    let year = million::last_year();
    let trend = Question::get(&format!("/api/v1/trends/heart_rate?from={}&to={}", year.0, year.1));
    let post = Question::post("/api/vitals", &heart_rate());
    let mut rows = [
        Row::new("a bare warp handler with the same answer", &bare, &latest, CLIENTS),
        Row::new("GET /api/vitals/latest", &api, &latest, CLIENTS),
        Row::new("the same with 100 readings", &few, &latest, CLIENTS),
        Row::new("GET a year's trend, one reading a minute", &api, &trend, CLIENTS),
        Row::new("POST /api/vitals, one after another", &api, &post, 1),
        Row::new("POST /api/vitals, 16 at once", &api, &post, CLIENTS),
        Row::new("POST /api/vitals, 64 at once", &api, &post, CROWD),
    ];
    for _ in 0..TURNS {
        rows.iter_mut().for_each(Row::take_a_turn);
    }
    let floor = rows[0].asked.per_second();
    rows.iter().for_each(|row| println!("{}", row.shown(floor)));
    let growth = rows[1].asked.per_second() / rows[2].asked.per_second();
    println!("  the latest of {READINGS} readings as often as {growth:.2} x that of {FEW_READINGS}");
    println!("  a write and its sync of this disk alone: {:.0} a second", syncs_a_second(large.path()));
    println!("  PSS afterwards {} KiB", Memory::of(api.pid()).pss_kib);
    listeners::measure(&api);
}

fn heart_rate() -> Value {
    json!({"vital_type": "heart_rate", "value_primary": 72, "unit": "bpm"})
}

/// One kind of request, asked turn by turn.
struct Row<'a> {
    what: &'static str,
    server: &'a Server,
    question: Question,
    clients: usize,
    asked: Asked,
}

impl<'a> Row<'a> {
    fn new(what: &'static str, server: &'a Server, question: &Question, clients: usize) -> Self {
        Self { what, server, question: question.clone(), clients, asked: Asked::default() }
    }

    fn take_a_turn(&mut self) {
        self.asked.add(answers::ask(self.server, &self.question, self.clients, TURN));
    }

    fn shown(&self, floor: f64) -> String {
        let rate = self.asked.per_second();
        let (p50, p99) = (self.asked.percentile(50), self.asked.percentile(99));
        format!("{:<58} {rate:>9.0} {p50:>9.2} {p99:>9.2} {:>9.3}", self.what, rate / floor)
    }
}

/// What the disk gives whoever waits for it every time.
fn syncs_a_second(folder: &std::path::Path) -> f64 {
    use std::io::Write;
    let mut file = std::fs::File::create(folder.join("sync")).expect("a file");
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < TURN {
        file.write_all(&[1; 4096]).expect("a write");
        file.sync_data().expect("a sync");
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}
