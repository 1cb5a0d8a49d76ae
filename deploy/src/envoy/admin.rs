//! Envoy's admin interface: is it ready, and where does it listen.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks for `path`.
async fn get(admin: SocketAddr, path: &str) -> io::Result<(StatusCode, Bytes)> {
    let ask = async {
        let stream = TcpStream::connect(admin).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let request = Request::get(path).header("host", "admin").body(Empty::<Bytes>::new());
        let request = request.map_err(io::Error::other)?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(io::Error::other)?;
            let status = response.status();
            let body = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
            Ok((status, body))
        };
        tokio::select! {
            answer = answer => answer,
            Err(error) = connection => Err(io::Error::other(error)),
        }
    };
    tokio::time::timeout(PATIENCE, ask).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Whether Envoy says that it is ready.
pub(crate) async fn is_ready(admin: SocketAddr) -> bool {
    matches!(get(admin, "/ready").await, Ok((StatusCode::OK, _)))
}

/// Where the listeners are, by their names.
pub(crate) async fn listeners(admin: SocketAddr) -> io::Result<BTreeMap<String, SocketAddr>> {
    let (_, body) = get(admin, "/listeners?format=json").await?;
    let statuses: Value = serde_json::from_slice(&body).map_err(io::Error::other)?;
    Ok(addresses(&statuses))
}

/// The counters and gauges of which the name ends so, by their names.
pub(crate) async fn counters(admin: SocketAddr, end: &str) -> io::Result<BTreeMap<String, u64>> {
    let (_, body) = get(admin, &format!("/stats?filter={end}$")).await?;
    let text = String::from_utf8_lossy(&body);
    // A name may have colons itself.
    let counter = |line: &str| line.rsplit_once(": ").and_then(|(name, n)| Some((name.to_owned(), n.parse().ok()?)));
    Ok(text.lines().filter_map(counter).collect())
}

fn addresses(statuses: &Value) -> BTreeMap<String, SocketAddr> {
    let statuses = statuses["listener_statuses"].as_array().map(Vec::as_slice).unwrap_or_default();
    statuses
        .iter()
        .filter_map(|status| {
            let socket = &status["local_address"]["socket_address"];
            let ip = socket["address"].as_str()?.parse().ok()?;
            let port = u16::try_from(socket["port_value"].as_u64()?).ok()?;
            Some((status["name"].as_str()?.to_owned(), SocketAddr::new(ip, port)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn listeners_are_known_by_their_names() {
        let statuses = json!({"listener_statuses": [
            {"name": "mesh:80", "local_address": {"socket_address": {"address": "127.0.0.1", "port_value": 41234}}},
            {"name": "odd", "local_address": {"pipe": {"path": "/tmp/x"}}},
        ]});
        let expected = BTreeMap::from([("mesh:80".to_owned(), "127.0.0.1:41234".parse().unwrap())]);
        assert_eq!(addresses(&statuses), expected);
    }
}
