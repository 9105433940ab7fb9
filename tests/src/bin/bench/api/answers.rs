//! Clients that ask one thing again and again on connections that they keep.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::server::Server;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    head: String,
    body: String,
}

impl Question {
    pub fn get(path: &str) -> Self {
        Self { head: format!("GET {path} HTTP/1.1\r\nhost: hub\r\n"), body: String::new() }
    }

    pub fn post(path: &str, body: &Value) -> Self {
        let body = body.to_string();
        Self { head: format!("POST {path} HTTP/1.1\r\nhost: hub\r\ncontent-length: {}\r\n", body.len()), body }
    }
}

/// What became of it: how long each took, in milliseconds, and how long all.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    took: Vec<f64>,
    seconds: f64,
}

impl Asked {
    pub fn add(&mut self, other: Self) {
        self.took.extend(other.took);
        self.seconds += other.seconds;
    }

    pub fn per_second(&self) -> f64 {
        self.took.len() as f64 / self.seconds
    }

    pub fn percentile(&self, hundredths: usize) -> f64 {
        percentile(&self.took, hundredths)
    }
}

/// In order, after so many hundredths.
pub fn percentile(values: &[f64], hundredths: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() * hundredths / 100).or(values.last()).copied().unwrap_or(f64::NAN)
}

/// So many clients, for so long.
pub fn ask(server: &Server, question: &Question, clients: usize, turn: Duration) -> Asked {
    let began = Instant::now();
    let took = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(|| ask_until(server, question, began + turn))).collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client that was answered")).collect()
    });
    Asked { took, seconds: began.elapsed().as_secs_f64() }
}

fn ask_until(server: &Server, question: &Question, end: Instant) -> Vec<f64> {
    let (mut client, mut took) = (Client::of(server), Vec::new());
    while Instant::now() < end {
        let began = Instant::now();
        client.ask(question);
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    took
}

/// The body of one answer.
pub fn once(server: &Server, question: &Question) -> Vec<u8> {
    Client::of(server).ask(question)
}

pub struct Client {
    stream: BufReader<TcpStream>,
    authorization: String,
}

impl Client {
    pub fn of(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address()).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Self { stream: BufReader::new(stream), authorization: server.authorization().to_owned() }
    }

    pub fn ask(&mut self, question: &Question) -> Vec<u8> {
        let request = format!("{}{}\r\n{}", question.head, self.authorization, question.body);
        self.stream.get_mut().write_all(request.as_bytes()).expect("a request");
        let (mut line, mut length) = (String::new(), 0);
        self.stream.read_line(&mut line).expect("a status");
        assert!(line.contains(" 200 ") || line.contains(" 201 "), "{request}: {line}");
        while line != "\r\n" {
            line.clear();
            self.stream.read_line(&mut line).expect("a header");
            let field = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            length = field.map_or(length, |(_, value)| value.trim().parse().expect("a length"));
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        body
    }
}
