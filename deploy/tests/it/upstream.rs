//! A server that stands for a Deployment, and a client.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A server on 127.0.0.1 that answers with its name and counts; it lives as long as the test's process.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Upstream {
    pub(crate) fn named(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let (name, counter) = (name.to_owned(), Arc::clone(&requests));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (name, counter) = (name.clone(), Arc::clone(&counter));
                thread::spawn(move || serve(stream, &name, &counter));
            }
        });
        Self { address, requests }
    }

    /// How many requests came in; waits until there are `expected`, for copies arrive when they do.
    pub(crate) fn requests(&self, expected: usize) -> usize {
        let started = Instant::now();
        while self.requests.load(Ordering::SeqCst) < expected && started.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(5));
        }
        self.requests.load(Ordering::SeqCst)
    }
}

/// Answers the requests of one connection, none of which has a body.
fn serve(mut stream: TcpStream, name: &str, requests: &AtomicUsize) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while let Some(Ok(_request_line)) = lines.next() {
        for line in lines.by_ref() {
            match line {
                Ok(header) if header.is_empty() => break,
                Ok(_) => {}
                Err(_) => return,
            }
        }
        requests.fetch_add(1, Ordering::SeqCst);
        let answer = format!("HTTP/1.1 200 OK\r\nx-served-by: {name}\r\ncontent-length: 0\r\n\r\n");
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Sends `GET path` to `proxy`: who answered, or the status if it was nobody.
#[track_caller]
pub(crate) fn ask(proxy: SocketAddr, path: &str, headers: &[(&str, &str)]) -> String {
    let mut request = format!("GET {path} HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut stream = TcpStream::connect(proxy).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let served_by = answer.lines().find_map(|line| line.strip_prefix("x-served-by: "));
    served_by.map_or_else(|| answer.split(' ').nth(1).unwrap_or_default().to_owned(), str::to_owned)
}

/// Who answered how often, of `times` requests.
#[track_caller]
pub(crate) fn ask_often(
    times: usize,
    proxy: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..times {
        *answers.entry(ask(proxy, path, headers)).or_default() += 1;
    }
    answers
}
