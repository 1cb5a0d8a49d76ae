//! A pod's stand-in: a server that answers with who it is and what it was asked.

use crate::manifests::{Replica, Workload};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// The response header that names the workload.
pub const DEPLOYMENT_HEADER: &str = "x-echo-deployment";

/// Connections at one time; more wait in the system's queue.
const CONNECTIONS: usize = 1024;

/// How long the server looks away when the system has no socket left for it.
const PAUSE: Duration = Duration::from_millis(50);

/// An echo server on 127.0.0.1, which stops when it is dropped.
#[derive(Debug)]
pub struct EchoServer {
    address: SocketAddr,
    identity: Arc<Identity>,
    accepting: JoinHandle<()>,
}

/// Who the server is, and how many requests reached it.
#[derive(Debug)]
struct Identity {
    replica: Replica,
    title: HeaderValue,
    labels: BTreeMap<String, String>,
    answer: Option<String>,
    arrivals: AtomicU64,
}

impl EchoServer {
    /// Starts the server of pod `replica` of `workload`, at a port that the system gives.
    ///
    /// # Errors
    ///
    /// What the system says if it gives no port, or if the workload's name cannot be in a header.
    pub async fn start(workload: &Workload, replica: Replica) -> io::Result<Self> {
        let title = HeaderValue::from_str(&workload.title).map_err(io::Error::other)?;
        let identity = Identity {
            replica,
            title,
            labels: workload.labels.clone(),
            answer: workload.answer.clone(),
            arrivals: AtomicU64::new(0),
        };
        let identity = Arc::new(identity);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, Arc::clone(&identity)));
        Ok(Self { address, identity, accepting })
    }

    /// Where the server is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Which pod it stands in for.
    pub fn replica(&self) -> &Replica {
        &self.identity.replica
    }

    /// How many requests have reached it.
    pub fn arrivals(&self) -> u64 {
        self.identity.arrivals.load(Ordering::Relaxed)
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        // The connections' tasks go with the set that the accepting task holds.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, identity: Arc<Identity>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS {
            connections.join_next().await;
        }
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let identity = Arc::clone(&identity);
        // Answers are small, and whoever waits for one waits for its last byte.
        let _ = stream.set_nodelay(true);
        connections.spawn(async move {
            let answer = service_fn(move |request| answer(Arc::clone(&identity), request));
            // A client that goes away is no matter of the server's.
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(identity: Arc<Identity>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    identity.arrivals.fetch_add(1, Ordering::Relaxed);
    let (head, mut body) = request.into_parts();
    let mut body_bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        body_bytes += frame.data_ref().map_or(0, Bytes::len);
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<Value> = head.headers.iter().map(|(name, value)| json!([name.as_str(), text(value)])).collect();
    let echo = json!({
        "deployment": identity.replica.workload,
        "replica": identity.replica.number,
        "namespace": identity.replica.namespace,
        "labels": identity.labels,
        "method": head.method.as_str(),
        "path": head.uri.path_and_query().map_or("/", |path| path.as_str()),
        "headers": headers,
        "body_bytes": body_bytes,
    });
    let said = identity.answer.clone().unwrap_or_else(|| echo.to_string());
    let mut response = Response::new(Full::new(Bytes::from(said)));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response.headers_mut().insert(DEPLOYMENT_HEADER, identity.title.clone());
    Ok(response)
}
