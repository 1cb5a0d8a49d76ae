//! The written form: manifests and plug-in configuration as the operator types them.
//!
//! These types say what may be written, not what it means: [`crate::Policy`] is the compiled form that requests ask.
//! Reading is strict. A field that Istio does not have is refused by its path, and so is a value of the wrong type.

mod canary_policy;
mod configuration;
mod destination_rule;
mod gateway;
mod l4_route;
mod manifest;
mod reading;
mod route_rule;
mod service;
mod service_entry;
mod virtual_service;

pub use canary_policy::{
    CanaryPolicy, CanaryRoute, Compare, Delivery, Failover, Guard, IssueCookie, JwtClaim, JwtMatch, Key,
    KeyedPercentage, Ramp, SameSite, Shadow, ShadowHeaders, SourceIp, Split, SplitMode, TimeWindow, When,
};
pub use configuration::{Configuration, Output, RegexEncoding, RepeatedHeaders, Source, Unmatched};
pub use destination_rule::{
    BackendUtilization, ClientTls, ConnectionPool, ConsistentHash, CookieAttribute, DestinationRule, Distribute,
    HashCookie, Http2KeepAlive, HttpPool, LoadBalancer, LocalityFailover, LocalityLoadBalancing, Maglev,
    OutlierDetection, PortTrafficPolicy, ProxyProtocol, RetryBudget, RingHash, Subset, TcpKeepalive, TcpPool,
    TrafficPolicy, Tunnel, Warmup, WorkloadSelector, ZoneAwareLoadBalancing,
};
pub use gateway::{Gateway, Server, ServerCertificate, ServerPort, ServerTls};
pub use l4_route::{ConnectionDestination, ConnectionMatch, ConnectionRoute};
pub use manifest::{Foreign, Kind, Manifest, Metadata, Spec, group_of};
pub use reading::{Read, Shape, choose, fill, read};
pub use route_rule::{
    DestinationWeight, HttpAbort, HttpDelay, HttpFault, HttpRedirect, HttpRetry, HttpRewrite, HttpTimeout,
    IstioService, L4Match, MatchCondition, MatchRequest, OriginPolicy, RouteRule, SimpleRetry, SimpleTimeout,
};
pub use service::{Service, ServicePort};
pub use service_entry::{EntryPort, ServiceEntry};
pub use virtual_service::{
    Body, CorsPolicy, Delegate, Destination, DirectResponse, Fault, FaultAbort, FaultDelay, HeaderOperations,
    HeaderRules, HttpMatch, HttpRoute, Mirror, Percent, PortSelector, Redirect, RegexRewrite, Retries, Rewrite,
    RouteDestination, StringMatch, VirtualService,
};
