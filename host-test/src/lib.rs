//! A proxy-wasm host for tests of any proxy-wasm module.
//!
//! A test starts a proxy with a chain of filters, sends a request, and looks at what became of it:
//!
//! ```
//! use host_test::{Filter, Proxy, get};
//!
//! // Any module will do; this one, in WebAssembly's text form, marks every request.
//! let marker = r#"(module
//!     (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
//!     (memory (export "memory") 1)
//!     (data (i32.const 0) "x-subsetv2")
//!     (func (export "proxy_abi_version_0_2_1"))
//!     (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
//!         (drop (call $add (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 8) (i32.const 2)))
//!         (i32.const 0)))"#;
//!
//! let mut proxy = Proxy::of([Filter::from_bytes(marker).named("marker")]).start();
//! let exchange = proxy.send(get("http://reviews:9080/reviews/1").header("end-user", "jason"));
//! assert_eq!(exchange.upstream_header("x-subset"), Some("v2"));
//! ```
//!
//! # Terms
//!
//! A **filter** is one plug-in: a module and its configuration. A **proxy** runs a chain of filters. An **exchange** is one
//! request and whatever follows from it. A **call** is a request that a filter makes itself; the test answers it. A
//! **reply** is what a client receives, and a *local* reply one that a filter gave in the upstream's place. A **refusal** is
//! why a module or its configuration is not taken. The rest are the words of the
//! [specification](https://github.com/proxy-wasm/spec).
//!
//! # Scope
//!
//! Every hostcall and callback for HTTP of the ABIs 0.1.0, 0.2.0 and 0.2.1, and the part of WASI preview 1 that modules of
//! a proxy need. Where the specification is silent, the host does what Envoy 1.40 does: which headers can be read in which
//! phase, which plug-ins share a VM, what a trap does to requests, whose calls outlive what.
//!
//! # What it will not do
//!
//! It opens no sockets, chooses no routes and balances no load. It has no TCP streams, no CEL expressions and no signatures.
//! It does not expect hostcalls in an order: it shows what the world looks like afterwards.

mod abi;
mod builder;
mod calls;
mod chain;
mod cost;
mod exchange;
mod filter;
pub mod pairs;
mod proxy;
mod refusal;
mod request;
mod response;
mod sandbox;
mod status;
mod vm;
mod worker;
mod world;

pub use builder::ProxyBuilder;
pub use cost::{Cost, Hostcall};
pub use exchange::Exchange;
pub use filter::{FailurePolicy, Filter};
pub use proxy::Proxy;
pub use refusal::Refusal;
pub use request::{Request, get, post, request};
pub use response::{Reply, Response, response};
pub use status::Status;
pub use world::attributes::Value;
pub use world::fields::Fields;
pub use world::grpc_calls::GrpcCall;
pub use world::http_calls::Call;
pub use world::logging::{Level, LogLine};
