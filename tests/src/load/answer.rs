//! One answer, read to its end and no further.

use std::io::{BufRead, Error, ErrorKind, Result};

/// The connection ended before the first byte of an answer.
#[derive(Debug)]
pub struct Nothing;

impl std::fmt::Display for Nothing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed without an answer")
    }
}

impl std::error::Error for Nothing {}

pub struct Answer {
    pub status: u16,
    pub body: String,
    /// No other will come on this connection.
    pub is_last: bool,
}

pub fn read(stream: &mut impl BufRead) -> Result<Answer> {
    if stream.fill_buf()?.is_empty() {
        return Err(Error::new(ErrorKind::UnexpectedEof, Nothing));
    }
    let first = line(stream)?;
    let version = first.get(..8).unwrap_or_default();
    let status = first.get(9..12).and_then(|code| code.parse().ok());
    let status = status.filter(|_| version.starts_with("HTTP/1.")).ok_or_else(|| broken(&first))?;
    let (mut length, mut chunked, mut is_last) = (None, false, version == "HTTP/1.0");
    loop {
        let field = line(stream)?.to_ascii_lowercase();
        let Some((name, value)) = field.split_once(':') else { break };
        match (name, value.trim()) {
            ("content-length", value) => length = Some(value.parse().map_err(|_| broken(&field))?),
            ("transfer-encoding", "chunked") => chunked = true,
            ("connection", "close") => is_last = true,
            _ => {}
        }
    }
    let body = match (chunked, length) {
        (true, _) => chunks(stream)?,
        (false, Some(length)) => exactly(stream, length)?,
        (false, None) => return Err(broken("an answer without a length")),
    };
    Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned(), is_last })
}

fn chunks(stream: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(stream)?;
        let size = usize::from_str_radix(&size, 16).map_err(|_| broken(&size))?;
        body.extend(exactly(stream, size)?);
        line(stream)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn exactly(stream: &mut impl BufRead, length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn line(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(whole) => Ok(whole.to_owned()),
        None => Err(Error::new(ErrorKind::InvalidData, format!("cut off after {line:?}"))),
    }
}

fn broken(text: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("no HTTP: {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Answer> {
        read(&mut text.as_bytes())
    }

    #[test]
    fn an_answer_is_whole_or_an_error() {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
        let answer = of(whole).unwrap();
        assert_eq!((answer.status, answer.body.as_str(), answer.is_last), (200, "ok", true));
        let chunked = "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        let answer = of(chunked).unwrap();
        assert_eq!((answer.status, answer.body.as_str(), answer.is_last), (201, "ok", false));
        for text in [whole, chunked] {
            for length in 0..text.len() {
                assert!(of(&text[..length]).is_err(), "{:?}", &text[..length]);
            }
        }
        assert!(of("HTTP/1.1 200 OK\r\n\r\nok").is_err());
        assert!(of("nonsense\r\n").is_err());
    }

    #[test]
    fn nothing_of_the_next_answer_is_taken() {
        let text = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
        let mut stream = text.as_bytes();
        assert_eq!(read(&mut stream).unwrap().status, 200);
        assert_eq!(read(&mut stream).unwrap().status, 500);
    }
}
