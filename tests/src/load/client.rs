//! One client.

use std::io::{BufReader, Error, ErrorKind, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Question;
use super::answer;
use crate::wait::PATIENCE;

/// A reset follows the close at once, on the same machine; this long is waited for one before it counts as none.
const RESET_WITHIN_MS: u16 = 2000;

/// What became of a request.
pub enum Outcome {
    Answered,
    /// It crossed with the close of a connection that was idle, and the server read nothing of it.
    Unread,
    /// In words.
    Failed(String),
}

pub struct Client {
    address: SocketAddr,
    question: Question,
    request: Vec<u8>,
    keeps: bool,
    connection: Option<Connection>,
    opened: usize,
    announced: usize,
}

struct Connection {
    stream: BufReader<TcpStream>,
    answers: usize,
}

impl Client {
    pub fn new(address: SocketAddr, question: Question, keeps: bool) -> Self {
        let Question { method, path, body, token, .. } = &question;
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        let keep = if keeps { "" } else { "connection: close\r\n" };
        let shown = token.as_ref().map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{kind}{keep}{shown}content-length: {length}\r\n\r\n{body}"
        );
        Self { address, question, request: request.into_bytes(), keeps, connection: None, opened: 0, announced: 0 }
    }

    pub fn changes_something(&self) -> bool {
        self.question.method != "GET"
    }

    /// How many it opened, and of how many the server announced the end.
    pub fn connections(&self) -> (usize, usize) {
        (self.opened, self.announced)
    }

    pub fn ask(&mut self) -> Outcome {
        // One that the server has closed by now is seen to be closed, and not used.
        let kept = self.connection.take().filter(|connection| connection.is_open());
        let mut connection = match kept.map_or_else(|| self.connect(), Ok) {
            Ok(connection) => connection,
            Err(error) => return Outcome::Failed(format!("cannot connect: {error}")),
        };
        match connection.exchange(&self.request) {
            Ok(answer) if answer.status != self.question.status => {
                Outcome::Failed(format!("answered with {}: {}", answer.status, answer.body))
            }
            Ok(answer) => {
                self.announced += usize::from(self.keeps && answer.is_last);
                if self.keeps && !answer.is_last {
                    connection.answers += 1;
                    self.connection = Some(connection);
                }
                Outcome::Answered
            }
            Err(error) if connection.answers > 0 && connection.was_reset(&error) => Outcome::Unread,
            Err(error) => {
                let Question { method, path, .. } = &self.question;
                let reset = if connection.was_reset(&error) { ", reset" } else { "" };
                let answers = connection.answers;
                Outcome::Failed(format!("{method} {path} after {answers} answers on its connection: {error}{reset}"))
            }
        }
    }

    fn connect(&mut self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        self.opened += 1;
        Ok(Connection { stream: BufReader::new(stream), answers: 0 })
    }
}

impl Connection {
    fn exchange(&mut self, request: &[u8]) -> Result<answer::Answer> {
        self.stream.get_mut().write_all(request)?;
        answer::read(&mut self.stream)
    }

    /// Whether nothing was heard of its end.
    fn is_open(&self) -> bool {
        let mut looked_at = [PollFd::new(self.stream.get_ref().as_fd(), PollFlags::POLLIN)];
        poll(&mut looked_at, PollTimeout::ZERO) == Ok(0)
    }

    /// Whether the server's side answered with a reset: it had closed, and read nothing. Nothing of an answer has come either:
    /// a server that has begun to answer has read.
    fn was_reset(&self, error: &Error) -> bool {
        match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => true,
            ErrorKind::UnexpectedEof if error.get_ref().is_some_and(|why| why.is::<answer::Nothing>()) => {
                let mut looked_at = [PollFd::new(self.stream.get_ref().as_fd(), PollFlags::empty())];
                poll(&mut looked_at, PollTimeout::from(RESET_WITHIN_MS)) == Ok(1)
            }
            _ => false,
        }
    }
}
