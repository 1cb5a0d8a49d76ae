//! A client that sends bytes as they are, over a connection that it keeps.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long one answer may take: some of those that Envoy takes long for by itself take seconds.
const ANSWER: Duration = Duration::from_secs(60);

/// A request's bytes, and whether its answer has no body whatever the length says.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    pub(crate) bodiless: bool,
}

/// The status, and which rule applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) rule: Option<String>,
}

pub(crate) struct Client {
    proxy: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn to(proxy: SocketAddr) -> Self {
        Self { proxy, connection: None }
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, message: &Message) -> Answer {
        // The proxy may have closed a kept connection in the meantime.
        let kept = self.connection.is_some();
        let answer = self.try_to_ask(message).or_else(|error| {
            self.connection = None;
            if kept { self.try_to_ask(message) } else { Err(error) }
        });
        answer.unwrap_or_else(|error| panic!("{error}: {}", message.bytes.escape_ascii()))
    }

    fn try_to_ask(&mut self, message: &Message) -> io::Result<Answer> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(self.proxy)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(ANSWER))?;
                self.connection.insert(BufReader::new(stream))
            }
        };
        connection.get_mut().write_all(&message.bytes)?;
        let mut line = String::new();
        connection.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("`{line}` is no status line")))?;
        let (mut rule, mut length, mut closes) = (None, 0, false);
        loop {
            line.clear();
            connection.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            match name {
                "x-rule" => rule = Some(value.to_owned()),
                "content-length" => length = value.parse().map_err(io::Error::other)?,
                "connection" => closes = value == "close",
                _ => {}
            }
        }
        if !message.bodiless {
            io::copy(&mut connection.take(length), &mut io::sink())?;
        }
        if closes {
            self.connection = None;
        }
        Ok(Answer { status, rule })
    }
}
