//! HTTP/1.1, as much as a registry needs.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;

pub(super) struct Connection<'s> {
    input: BufReader<&'s TcpStream>,
    output: &'s TcpStream,
}

/// A request without its body.
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    headers: Vec<(String, String)>,
}

pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Head {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The first value of a parameter, decoded as far as digests and scopes need it.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?.1;
        Some(value.replace("%3A", ":").replace("%2F", "/").replace("%2C", ","))
    }
}

impl Answer {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn with_body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self.with("Content-Type", content_type) }
    }

    /// An error as the specification says.
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#);
        Self::new(status).with_body("application/json", body)
    }
}

impl<'s> Connection<'s> {
    pub(super) fn new(stream: &'s TcpStream) -> Self {
        Self { input: BufReader::new(stream), output: stream }
    }

    /// The next request; none at the end, and for what is no HTTP, such as TLS.
    pub(super) fn head(&mut self) -> Option<Head> {
        let first = *self.input.fill_buf().ok()?.first()?;
        if !first.is_ascii_uppercase() {
            return None;
        }
        let line = self.line()?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, target) = (words.next()?, words.next()?);
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            match line.split_once(':') {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
                None => return Some(Head { method, target, headers }),
            }
        }
    }

    pub(super) fn body(&mut self, head: &Head) -> Option<Vec<u8>> {
        if head.header("transfer-encoding") == Some("chunked") {
            return self.chunks();
        }
        let length: usize = head.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
        self.exactly(length)
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        // What does not come need not be skipped.
        let _ = self.exactly(bytes);
    }

    /// Answers; of the body, only so many bytes.
    pub(super) fn answer(&mut self, head: &Head, answer: &Answer, shown: usize) -> Option<()> {
        let headers: String =
            answer.headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
        let (status, length) = (answer.status, answer.body.len());
        let text = format!("HTTP/1.1 {status} .\r\n{headers}Content-Length: {length}\r\n\r\n");
        self.output.write_all(text.as_bytes()).ok()?;
        let shown = if head.method == "HEAD" { 0 } else { shown };
        self.output.write_all(&answer.body[..shown]).ok()
    }

    fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(&self.line()?, 16).ok()?;
            body.extend(self.exactly(size)?);
            self.line()?;
            if size == 0 {
                return Some(body);
            }
        }
    }

    fn exactly(&mut self, bytes: usize) -> Option<Vec<u8>> {
        let mut body = vec![0; bytes];
        self.input.read_exact(&mut body).ok()?;
        Some(body)
    }

    /// A line without its end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.input.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}
