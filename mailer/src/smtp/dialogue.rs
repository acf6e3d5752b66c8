//! Commands and replies (RFC 5321, 4.2).

use std::io::{Read, Write};

use zeroize::Zeroizing;

use super::Failure;

/// The longest line of a reply, in bytes; 512 is what the RFC allows.
const MAX_LINE: usize = 2048;
/// The most lines of one reply.
const MAX_LINES: usize = 100;

/// A server's reply.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// Three digits.
    pub code: u16,
    /// What it says, line by line.
    lines: Vec<String>,
}

impl Reply {
    /// Whether an answer to EHLO names the extension.
    pub fn offers(&self, extension: &str) -> bool {
        self.words_of(extension).is_some()
    }

    /// Whether an answer to EHLO names that way to log in.
    pub fn offers_login(&self, mechanism: &str) -> bool {
        let mut words = self.words_of("AUTH").into_iter().flatten();
        words.any(|word| word.eq_ignore_ascii_case(mechanism))
    }

    fn words_of(&self, extension: &str) -> Option<impl Iterator<Item = &str>> {
        self.lines.iter().skip(1).find_map(|line| {
            let mut words = line.split_ascii_whitespace();
            words.next().filter(|word| word.eq_ignore_ascii_case(extension)).map(|_| words)
        })
    }

    fn failure(&self, what: &str) -> Failure {
        let said = self.lines.first().map_or("", String::as_str);
        let reason = format!("the server answered {what} with {} {said}", self.code);
        match self.code {
            500..=599 => Failure::Refused(reason),
            _ => Failure::Unavailable(reason),
        }
    }
}

/// A dialogue with a server.
pub struct Dialogue<S> {
    stream: S,
    /// What has come and was not read yet.
    received: Vec<u8>,
}

impl<S: Read + Write> Dialogue<S> {
    /// A dialogue in which nothing was said yet.
    pub fn new(stream: S) -> Self {
        Self { stream, received: Vec::new() }
    }

    /// The stream below, if nothing has come that was not read.
    pub fn into_stream(self) -> Result<S, Failure> {
        if self.received.is_empty() {
            Ok(self.stream)
        } else {
            Err(Failure::Refused("the server said more than it was asked, before TLS".to_owned()))
        }
    }

    /// Waits for the server's first words.
    pub fn greeting(&mut self) -> Result<(), Failure> {
        let reply = self.reply()?;
        if reply.code == 220 { Ok(()) } else { Err(reply.failure("the connection")) }
    }

    /// Introduces us.
    pub fn hello(&mut self, name: &str) -> Result<Reply, Failure> {
        let reply = self.command(&format!("EHLO {name}"))?;
        if reply.code == 250 { Ok(reply) } else { Err(reply.failure("EHLO")) }
    }

    /// Says a command that must be answered like that, or a code of the same ten.
    pub fn expect(&mut self, command: &str, code: u16) -> Result<(), Failure> {
        self.expect_as(command, command, code)
    }

    /// The same, of a command that must not be shown.
    pub fn expect_as(&mut self, command: &str, shown: &str, code: u16) -> Result<(), Failure> {
        let reply = self.command(command)?;
        if reply.code / 10 == code / 10 { Ok(()) } else { Err(reply.failure(shown)) }
    }

    /// Sends a mail, whose lines end with CRLF, and the dot behind it.
    pub fn content(&mut self, text: &str) -> Result<Reply, Failure> {
        let mut stuffed = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 8));
        for line in text.split_inclusive("\r\n") {
            if line.starts_with('.') {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line.as_bytes());
        }
        stuffed.extend_from_slice(b".\r\n");
        self.stream.write_all(&stuffed)?;
        self.stream.flush()?;
        self.reply()
    }

    /// Says good-bye; nobody has to hear it.
    pub fn end(&mut self) {
        let _ = self.stream.write_all(b"QUIT\r\n").and_then(|()| self.stream.flush());
    }

    fn command(&mut self, command: &str) -> Result<Reply, Failure> {
        let mut line = Zeroizing::new(String::with_capacity(command.len() + 2));
        line.push_str(command);
        line.push_str("\r\n");
        self.stream.write_all(line.as_bytes())?;
        self.stream.flush()?;
        self.reply()
    }

    fn reply(&mut self) -> Result<Reply, Failure> {
        let nonsense = || Failure::Unavailable("the server does not speak SMTP".to_owned());
        let mut reply: Option<Reply> = None;
        for _ in 0..MAX_LINES {
            let line = self.line()?;
            let digits = line.get(..3).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
            let code: u16 = digits.and_then(|digits| digits.parse().ok()).ok_or_else(nonsense)?;
            let so_far = reply.get_or_insert(Reply { code, lines: Vec::new() });
            if so_far.code != code {
                return Err(nonsense());
            }
            so_far.lines.push(line.get(4..).unwrap_or_default().to_owned());
            match line.as_bytes().get(3) {
                Some(b'-') => {}
                None | Some(b' ') => return reply.ok_or_else(nonsense),
                Some(_) => return Err(nonsense()),
            }
        }
        Err(nonsense())
    }

    /// The next line, as far as it is text.
    fn line(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                let line = &line[..end];
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let visible = |byte: &u8| match byte {
                    b' '..=b'~' => char::from(*byte),
                    _ => '?',
                };
                return Ok(line.iter().map(visible).collect());
            }
            if self.received.len() > MAX_LINE {
                return Err(Failure::Unavailable("the server's reply does not end".to_owned()));
            }
            let mut chunk = [0; 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => {
                    let message = "the server has closed the connection";
                    return Err(Failure::Unavailable(message.to_owned()));
                }
                Ok(count) => self.received.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
