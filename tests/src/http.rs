//! Just enough of an HTTP client: one exchange a connection.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::wait::PATIENCE;

/// What was answered.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, as they came.
    pub head: String,
    /// The body, out of its chunks.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is something else.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Asks a server on 127.0.0.1.
///
/// # Errors
/// If it cannot be reached, says nothing for long, or answers no HTTP.
pub fn get(port: u16, path: &str) -> io::Result<Response> {
    exchange(connect(port)?, "GET", path, &[], "")
}

/// Asks a worker on 127.0.0.1, as whoever has this token.
///
/// # Errors
/// As [`get`].
pub fn get_as(token: &str, port: u16, path: &str) -> io::Result<Response> {
    exchange(connect(port)?, "GET", path, &[("authorization", &bearer(token))], "")
}

/// Sends JSON to a worker on 127.0.0.1, as whoever has this token.
///
/// # Errors
/// As [`get`].
pub fn post_as(token: &str, port: u16, path: &str, json: &Value) -> io::Result<Response> {
    let headers = [("content-type", "application/json"), ("authorization", &bearer(token))];
    exchange(connect(port)?, "POST", path, &headers, &json.to_string())
}

/// What a token is shown as in the header `Authorization`.
#[must_use]
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A connection to a server on 127.0.0.1.
///
/// # Errors
/// If nobody listens there.
pub fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// One request and its answer, after which the server closes.
///
/// # Errors
/// If the connection breaks or no HTTP comes back.
pub fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Response> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::other(format!("no HTTP: {:?}", String::from_utf8_lossy(&answer))))
}

fn parse(answer: &[u8]) -> Option<Response> {
    let head_length = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let (head, body) = answer.split_at(head_length);
    let head = std::str::from_utf8(head).ok()?.to_owned();
    let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?; // either minor version
    let mut response = Response { status, head, body: body[4..].to_vec() };
    match (response.header("transfer-encoding"), response.header("content-length")) {
        (Some(_), _) => response.body = unchunked(&response.body)?,
        (None, Some(length)) if response.body.len() != length.parse::<usize>().ok()? => return None,
        (None, _) => {}
    }
    Some(response)
}

fn unchunked(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|bytes| bytes == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).ok()?, 16).ok()?;
        let start = end + 2;
        body.extend_from_slice(chunks.get(start..start + length)?);
        if length == 0 {
            return Some(body);
        }
        chunks = chunks.get(start + length + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_cut_short_is_an_error_and_not_a_shorter_body() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        assert_eq!(parse(whole).unwrap().text(), "ok");
        assert!(parse(&whole[..whole.len() - 1]).is_none());
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n";
        assert_eq!(parse(chunked).unwrap().text(), "ok!");
        assert!(parse(&chunked[..chunked.len() - 7]).is_none());
    }
}
