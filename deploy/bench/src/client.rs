//! The client: many connections in one thread, each with one request under way at any time.
//!
//! Its thread does as little for a request as can be done, a write and a read, so that one core keeps one worker of Envoy busy.

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long all responses of a run together may take.
const LONGEST: Duration = Duration::from_secs(30);

/// How many bytes a response may have.
const LARGEST: usize = 4096;

/// How many headers a response may have.
const HEADERS: usize = 32;

/// When a run ends: no request is sent after that, and every response is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    /// The time from the first request on.
    pub time: Duration,
    /// How many requests, at most.
    pub requests: u64,
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// How many responses came.
    pub responses: u64,
    /// From the first request to the last response.
    pub time: Duration,
    /// The longest time in which no response came.
    pub longest_gap: Duration,
    /// How many there were of each: the body with status 200, the status otherwise.
    pub tally: Vec<(Vec<u8>, u64)>,
}

impl Ran {
    fn count(&mut self, said: &[u8]) {
        self.responses += 1;
        match self.tally.iter_mut().find(|(known, _)| known == said) {
            Some((_, count)) => *count += 1,
            None => self.tally.push((said.to_vec(), 1)),
        }
    }

    /// How many responses had this body.
    pub fn of(&self, body: &str) -> u64 {
        self.tally.iter().find(|(known, _)| known == body.as_bytes()).map_or(0, |(_, count)| *count)
    }
}

/// Open connections to one address.
pub struct Client {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    received: usize,
    buffer: Box<[u8; LARGEST]>,
}

impl Client {
    /// Opens a connection for each of `requests`; it sends that one again and again.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(target: SocketAddr, requests: impl IntoIterator<Item = Vec<u8>>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for request in requests {
            let stream = std::net::TcpStream::connect(target)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(connections.len()), Interest::READABLE)?;
            connections.push(Connection { stream, request, received: 0, buffer: Box::new([0; LARGEST]) });
        }
        let events = Events::with_capacity(connections.len());
        Ok(Self { poll, events, connections })
    }

    /// Sends on every connection, and again on each that has its response. `each` is told the body of each response (or its
    /// status), and whether it wants more.
    ///
    /// # Errors
    ///
    /// What the system says, and what is wrong with a response.
    pub fn run(&mut self, until: Until, mut each: impl FnMut(&[u8]) -> bool) -> io::Result<Ran> {
        let started = Instant::now();
        let (mut ran, mut sent, mut under_way, mut wanted) = (Ran::default(), 0, 0_u64, true);
        for connection in &mut self.connections {
            if sent < until.requests {
                connection.send()?;
                sent += 1;
                under_way += 1;
            }
        }
        let mut last = started;
        while under_way > 0 {
            self.poll.poll(&mut self.events, Some(Duration::from_secs(1)))?;
            let now = Instant::now();
            if now - started > LONGEST {
                return Err(io::Error::new(ErrorKind::TimedOut, format!("{under_way} responses are missing")));
            }
            wanted &= now - started < until.time;
            for event in &self.events {
                let connection = &mut self.connections[event.token().0];
                let Some(said) = connection.receive()? else { continue };
                under_way -= 1;
                ran.longest_gap = ran.longest_gap.max(now - last);
                last = now;
                ran.count(said);
                wanted &= each(said);
                if wanted && sent < until.requests {
                    connection.send()?;
                    sent += 1;
                    under_way += 1;
                }
            }
        }
        ran.time = last - started;
        Ok(ran)
    }
}

impl Connection {
    fn send(&mut self) -> io::Result<()> {
        self.received = 0;
        match self.stream.write(&self.request) {
            Ok(bytes) if bytes == self.request.len() => Ok(()),
            Ok(_) => Err(io::Error::other("the system takes no whole request")),
            Err(error) => Err(error),
        }
    }

    /// The body of the response, or its status if that is not 200; none if it is not whole.
    fn receive(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            match self.stream.read(&mut self.buffer[self.received..]) {
                Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the connection or the buffer ended")),
                Ok(bytes) => self.received += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            // Not `if let`: what is borrowed in it would be until the function ends.
            if let Some((status, body)) = response(&self.buffer[..self.received])? {
                let said = if status == 200 { body } else { 9..12 };
                return Ok(Some(&self.buffer[said]));
            }
        }
    }
}

/// The status of a response, and where its body lies; none if it is not whole. `HTTP/1.1 ` stands before the status.
fn response(bytes: &[u8]) -> io::Result<Option<(u16, std::ops::Range<usize>)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes).map_err(io::Error::other)? else { return Ok(None) };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    let Some(length) = length else { return Err(io::Error::other("a response without content-length")) };
    let status = response.code.unwrap_or_default();
    Ok((bytes.len() >= head + length).then(|| (status, head..head + length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn responses_are_told_apart_and_may_come_in_pieces() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let pieces: [&[&str]; 3] = [
                &["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nv1"],
                &["HTTP/1.1 200 OK\r\ncontent-le", "ngth: 2\r\n\r\nv", "2"],
                &["HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\nnone"],
            ];
            for pieces in pieces {
                assert!(stream.read(&mut [0; 64]).unwrap() > 0);
                for piece in pieces {
                    stream.write_all(piece.as_bytes()).unwrap();
                    thread::sleep(Duration::from_millis(5));
                }
            }
        });
        let mut client = Client::open(target, [b"GET / HTTP/1.1\r\n\r\n".to_vec()]).unwrap();
        let ran = client.run(Until { time: Duration::from_secs(5), requests: 3 }, |_| true).unwrap();
        assert_eq!((ran.responses, ran.of("v1"), ran.of("v2"), ran.of("503")), (3, 1, 1, 1));
        assert!(ran.longest_gap >= Duration::from_millis(5) && ran.time >= ran.longest_gap);
    }
}
