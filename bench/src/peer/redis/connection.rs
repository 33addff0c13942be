//! A plain connection to Redis: commands are sent as they are, answers are read one by one.
//!
//! Only what is needed of its protocol (RESP 2): simple strings, errors, integers and bulk
//! strings.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What is read at a time.
const READ_BYTES: usize = 16 << 10;

/// A command as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command(Vec<u8>);

impl Command {
    /// Of these words.
    #[must_use]
    pub fn new(words: &[&str]) -> Self {
        let mut bytes = format!("*{}\r\n", words.len());
        for word in words {
            bytes.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        Command(bytes.into_bytes())
    }

    /// What goes over the wire.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A simple or bulk string.
    Text(String),
    /// An integer.
    Number(i64),
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    unread: Vec<u8>,
    /// Where in `unread` the next answer begins.
    from: usize,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(address).await.context("cannot connect to Redis")?;
        socket.set_nodelay(true)?;
        Ok(Connection { socket, unread: Vec::new(), from: 0 })
    }

    /// Sends commands.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn send(&mut self, commands: &[u8]) -> anyhow::Result<()> {
        self.socket.write_all(commands).await.context("Redis does not read")
    }

    /// The next answer.
    ///
    /// # Errors
    /// When the connection is lost, or the answer is an error.
    pub async fn reply(&mut self) -> anyhow::Result<Reply> {
        loop {
            if let Some((reply, length)) = parse(&self.unread[self.from..])? {
                self.from += length;
                return Ok(reply);
            }
            self.unread.drain(..self.from);
            self.from = 0;
            self.unread.reserve(READ_BYTES);
            let read = self.socket.read_buf(&mut self.unread).await?;
            ensure!(read > 0, "Redis closed a connection");
        }
    }

    /// Sends one command and waits for its answer.
    ///
    /// # Errors
    /// When the connection is lost, or the answer is an error.
    pub async fn ask(&mut self, command: &Command) -> anyhow::Result<Reply> {
        self.send(command.bytes()).await?;
        self.reply().await
    }
}

/// The answer at the beginning of `bytes` and its length, if all of it is there.
fn parse(bytes: &[u8]) -> anyhow::Result<Option<(Reply, usize)>> {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let line = std::str::from_utf8(&bytes[..end]).context("Redis answered no text")?;
    let (kind, rest) = line.split_at_checked(1).context("Redis answered an empty line")?;
    let after = end + 2;
    match kind {
        "+" => Ok(Some((Reply::Text(rest.to_owned()), after))),
        ":" => Ok(Some((Reply::Number(rest.parse()?), after))),
        "-" => bail!("Redis refused a command: {rest}"),
        "$" => {
            let length: usize = rest.parse().context("Redis answered nothing")?;
            let Some(text) = bytes.get(after..after + length) else { return Ok(None) };
            let whole = after + length + 2;
            let text = std::str::from_utf8(text)?.to_owned();
            Ok((bytes.len() >= whole).then_some((Reply::Text(text), whole)))
        }
        _ => bail!("Redis answered what is not known here: {line:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        let command = Command::new(&["SET", "k", "vv"]);
        assert_eq!(command.bytes(), b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n");
    }

    #[test]
    fn answers_are_read_when_they_are_whole() {
        let text = |text: &str| Reply::Text(text.to_owned());
        assert_eq!(parse(b":1\r\n:0\r\n").unwrap(), Some((Reply::Number(1), 4)));
        assert_eq!(parse(b":1\r").unwrap(), None);
        assert_eq!(parse(b"+OK\r\n").unwrap(), Some((text("OK"), 5)));
        assert_eq!(parse(b"$2\r\nab\r\n:").unwrap(), Some((text("ab"), 8)));
        assert_eq!(parse(b"$2\r\nab\r").unwrap(), None);
        assert!(parse(b"-NOSCRIPT no such script\r\n").is_err());
        assert!(parse(b"?\r\n").is_err());
    }
}
