//! Bounds on connections and requests, as people write them.

use crate::record;

/// Bounds on connections and requests.
#[derive(Clone, Debug, Default)]
pub struct ConnectionPool {
    /// Bounds for TCP.
    pub tcp: Option<TcpPool>,
    /// Bounds for HTTP.
    pub http: Option<HttpPool>,
}

record! { ConnectionPool { tcp, http } }

/// Bounds for TCP.
#[derive(Clone, Debug, Default)]
pub struct TcpPool {
    /// Connections to the service at most.
    pub max_connections: Option<i32>,
    /// How long a connection may take to be made.
    pub connect_timeout: Option<String>,
    /// Keep-alive probes.
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// How long a connection may live.
    pub max_connection_duration: Option<String>,
    /// How long a connection may be idle.
    pub idle_timeout: Option<String>,
}

record! { TcpPool { max_connections, connect_timeout, tcp_keepalive, max_connection_duration, idle_timeout } }

/// Bounds for HTTP.
#[derive(Clone, Debug, Default)]
pub struct HttpPool {
    /// Requests that may wait for a connection.
    pub http1_max_pending_requests: Option<i32>,
    /// Requests that may be under way.
    pub http2_max_requests: Option<i32>,
    /// Requests that one connection may carry.
    pub max_requests_per_connection: Option<i32>,
    /// Retries that may be under way.
    pub max_retries: Option<i32>,
    /// How long a connection may be idle.
    pub idle_timeout: Option<String>,
    /// Whether connections become HTTP/2.
    pub h2_upgrade_policy: Option<String>,
    /// Whether the client's protocol is kept.
    pub use_client_protocol: Option<bool>,
    /// Streams that one HTTP/2 connection may carry at a time.
    pub max_concurrent_streams: Option<i32>,
    /// HTTP/2 keep-alive.
    pub http2_keep_alive: Option<Http2KeepAlive>,
}

record! {
    HttpPool {
        http1_max_pending_requests, http2_max_requests, max_requests_per_connection, max_retries, idle_timeout,
        h2_upgrade_policy, use_client_protocol, max_concurrent_streams, http2_keep_alive,
    }
}

/// TCP keep-alive probes.
#[derive(Clone, Debug, Default)]
pub struct TcpKeepalive {
    /// Probes without a response that end a connection.
    pub probes: Option<u32>,
    /// How long a connection is idle before the first probe.
    pub time: Option<String>,
    /// The time between probes.
    pub interval: Option<String>,
}

record! { TcpKeepalive { probes, time, interval } }

/// HTTP/2 keep-alive.
#[derive(Clone, Debug, Default)]
pub struct Http2KeepAlive {
    /// The time between pings.
    pub interval: Option<String>,
    /// How long the response to a ping may take.
    pub timeout: Option<String>,
}

record! { Http2KeepAlive { interval, timeout } }
