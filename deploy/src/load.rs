//! Load: so many requests, so many at a time, and who answered them.

use crate::echo::DEPLOYMENT_HEADER;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// How long all answers together may take.
const ALL_ANSWERS: Duration = Duration::from_secs(300);

/// Requests of one kind.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where they go.
    pub target: SocketAddr,
    /// GET, POST and the like.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// The `Host`.
    pub host: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// How many requests.
    pub requests: u64,
    /// How many of them at a time.
    pub concurrency: u64,
}

/// Who answered a request, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// A workload's pod, with 200.
    From(String),
    /// A workload's pod, with another status.
    Odd(String, u16),
    /// The proxy itself, with that status.
    Proxy(u16),
    /// Nobody.
    None(String),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(deployment) => f.write_str(deployment),
            Self::Odd(deployment, status) => write!(f, "{deployment} with {status}"),
            Self::Proxy(status) => write!(f, "{status}"),
            Self::None(reason) => write!(f, "no answer ({reason})"),
        }
    }
}

/// How many answers there were of each kind.
pub type Tally = BTreeMap<Answer, u64>;

/// Tasks that end when they are no longer waited for.
struct Client {
    sender: SendRequest<Full<Bytes>>,
    connection: JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Load {
    /// Sends the requests; `progress` is told after each answer how many there are.
    ///
    /// A client keeps its connection for all of its requests. What goes wrong with a request is in the tally.
    pub async fn send(self, progress: impl Fn(u64) + Send + Sync + 'static) -> Tally {
        let (load, progress) = (Arc::new(self), Arc::new(progress));
        let (tickets, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut clients = JoinSet::new();
        for _ in 0..load.concurrency.min(load.requests) {
            let (load, progress) = (Arc::clone(&load), Arc::clone(&progress));
            let (tickets, answered) = (Arc::clone(&tickets), Arc::clone(&answered));
            clients.spawn(async move {
                let mut tally = Tally::new();
                let mut client = None;
                while tickets.fetch_add(1, Ordering::Relaxed) < load.requests {
                    let answer = load.one(&mut client).await.unwrap_or_else(|error| Answer::None(error.to_string()));
                    *tally.entry(answer).or_default() += 1;
                    progress(answered.fetch_add(1, Ordering::Relaxed) + 1);
                }
                tally
            });
        }
        let mut tally = Tally::new();
        let all = async {
            while let Some(Ok(part)) = clients.join_next().await {
                for (answer, count) in part {
                    *tally.entry(answer).or_default() += count;
                }
            }
        };
        let in_time = tokio::time::timeout(ALL_ANSWERS, all).await.is_ok();
        let missing = load.requests.saturating_sub(tally.values().sum());
        if missing > 0 {
            let reason = if in_time { "a client broke" } else { "the time was up" };
            tally.insert(Answer::None(reason.to_owned()), missing);
        }
        tally
    }

    async fn one(&self, client: &mut Option<Client>) -> io::Result<Answer> {
        let answer = tokio::time::timeout(ANSWER, self.ask(client)).await;
        let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if answer.is_err() {
            *client = None;
        }
        answer
    }

    async fn ask(&self, client: &mut Option<Client>) -> io::Result<Answer> {
        // A connection that the proxy has closed in the meantime is opened again.
        let open = match client.take() {
            Some(mut open) => open.sender.ready().await.is_ok().then_some(open),
            None => None,
        };
        let client = match open {
            Some(open) => client.insert(open),
            None => client.insert(connect(self.target).await?),
        };
        let response = client.sender.send_request(self.request()?).await.map_err(io::Error::other)?;
        let status = response.status().as_u16();
        let deployment = response.headers().get(DEPLOYMENT_HEADER).and_then(|it| it.to_str().ok()).map(str::to_owned);
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            frame.map_err(io::Error::other)?;
        }
        Ok(match (deployment, status) {
            (Some(deployment), 200) => Answer::From(deployment),
            (Some(deployment), status) => Answer::Odd(deployment, status),
            (None, status) => Answer::Proxy(status),
        })
    }

    fn request(&self) -> io::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder().method(&self.method).uri(&self.path).header("host", &self.host);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(self.body.clone())).map_err(io::Error::other)
    }
}

async fn connect(target: SocketAddr) -> io::Result<Client> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(async move {
        // How a connection ends is seen by the request that is on it.
        let _ = connection.await;
    });
    Ok(Client { sender, connection })
}
