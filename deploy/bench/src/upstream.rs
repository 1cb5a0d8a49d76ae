//! The services behind Envoy: one thread that says the service's name to every request.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

/// How many bytes the head of a request may have.
const LARGEST: usize = 8192;

/// How many connections there may be.
const CONNECTIONS: usize = 8192;

/// Services on 127.0.0.1, which stop when this is dropped.
pub struct Upstream {
    addresses: BTreeMap<String, SocketAddr>,
    arrivals: Arc<Vec<AtomicU64>>,
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Upstream {
    /// Starts a service for each of `names`. The thread calls `begin` first.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn start(names: &[&str], begin: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let mut listeners = Vec::new();
        let mut addresses = BTreeMap::new();
        for name in names {
            let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
            addresses.insert((*name).to_owned(), listener.local_addr()?);
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{name}", name.len());
            listeners.push(Listener { listener, response: Arc::from(response.into_bytes()) });
        }
        let arrivals: Arc<Vec<AtomicU64>> = Arc::new(names.iter().map(|_| AtomicU64::new(0)).collect());
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), Token(CONNECTIONS + names.len()))?;
        let stop = Arc::new(AtomicBool::new(false));
        let serving = Serving { poll, listeners, connections: Vec::new(), arrivals: Arc::clone(&arrivals) };
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name("upstream".into()).spawn(move || {
            begin();
            serving.serve(&stopped)
        })?;
        Ok(Self { addresses, arrivals, stop, waker, thread: Some(thread) })
    }

    /// Where the services are, by their names.
    pub fn addresses(&self) -> &BTreeMap<String, SocketAddr> {
        &self.addresses
    }

    /// How many requests have reached each service, in the order in which they were named.
    pub fn arrivals(&self) -> Vec<u64> {
        self.arrivals.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.waker.wake().is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

struct Listener {
    listener: TcpListener,
    response: Arc<[u8]>,
}

struct Connection {
    stream: TcpStream,
    service: usize,
    response: Arc<[u8]>,
    head: Vec<u8>,
}

struct Serving {
    poll: Poll,
    listeners: Vec<Listener>,
    /// By their tokens; those of the listeners come behind all that connections can have.
    connections: Vec<Option<Connection>>,
    arrivals: Arc<Vec<AtomicU64>>,
}

impl Serving {
    fn serve(mut self, stopped: &AtomicBool) -> io::Result<()> {
        for (place, listener) in self.listeners.iter_mut().enumerate() {
            self.poll.registry().register(&mut listener.listener, Token(CONNECTIONS + place), Interest::READABLE)?;
        }
        let mut events = Events::with_capacity(256);
        while !stopped.load(Ordering::Relaxed) {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                let token = event.token().0;
                if let Some(service) = token.checked_sub(CONNECTIONS) {
                    self.accept(service)?;
                } else if let Some(slot) = self.connections.get_mut(token)
                    && let Some(connection) = slot
                    // Envoy may close a connection at any time; the others go on.
                    && !connection.serve(&self.arrivals).unwrap_or(false)
                {
                    *slot = None;
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self, service: usize) -> io::Result<()> {
        let Some(Listener { listener, response }) = self.listeners.get(service) else { return Ok(()) };
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let free = self.connections.iter().position(Option::is_none).unwrap_or(self.connections.len());
            if free >= CONNECTIONS {
                continue;
            }
            self.poll.registry().register(&mut stream, Token(free), Interest::READABLE)?;
            let connection =
                Connection { stream, service, response: Arc::clone(response), head: Vec::with_capacity(1024) };
            match self.connections.get_mut(free) {
                Some(slot) => *slot = Some(connection),
                None => self.connections.push(Some(connection)),
            }
        }
    }
}

impl Connection {
    /// Responds to each request that is there; whether the connection goes on. Requests have no body.
    fn serve(&mut self, arrivals: &[AtomicU64]) -> io::Result<bool> {
        let mut buffer = [0; LARGEST];
        loop {
            let bytes = match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            };
            self.head.extend_from_slice(&buffer[..bytes]);
            if self.head.ends_with(b"\r\n\r\n") {
                self.head.clear();
                arrivals[self.service].fetch_add(1, Ordering::Relaxed);
                if self.stream.write(&self.response)? != self.response.len() {
                    return Ok(false);
                }
                // Nothing comes after a request before it has its response: no read in vain.
                return Ok(true);
            }
            if self.head.len() > LARGEST {
                return Ok(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Client, Until};
    use std::time::Duration;

    #[test]
    fn each_service_says_its_name_and_counts_its_requests() {
        let upstream = Upstream::start(&["v1", "v2"], || ()).unwrap();
        let requests = vec![b"GET / HTTP/1.1\r\nhost: shop\r\n\r\n".to_vec(); 8];
        let mut client = Client::open(upstream.addresses()["v2"], requests).unwrap();
        let ran = client.run(Until { time: Duration::from_secs(5), requests: 100 }, |_| true).unwrap();
        assert_eq!((ran.responses, ran.of("v2")), (100, 100));
        assert_eq!(upstream.arrivals(), [0, 100]);
    }
}
