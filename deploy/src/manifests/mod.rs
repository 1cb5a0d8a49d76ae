//! Manifests: YAML files, of one document or many, as a [`World`].
//!
//! ```
//! use serin::manifests::{Text, World};
//!
//! let text = Text::new("reviews.yaml", "
//! apiVersion: v1
//! kind: Service
//! metadata: {name: reviews}
//! spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
//! ");
//! let world = World::parse("default", &[text])?;
//! assert_eq!(world.services[0].full_name(), "reviews.default.svc.cluster.local");
//! # Ok::<(), serin::manifests::Mistakes>(())
//! ```

mod document;
mod files;
mod gateway;
mod kind;
mod mistake;
mod secret;
mod service;
mod service_entry;
mod workload;
mod world;

pub use files::{Text, Unreadable, load};
pub use gateway::{Entry, Gateway, Server, ServerTls};
pub use mistake::{Mistake, Mistakes, Origin};
pub use secret::{Held, Secret};
pub use service::{Endpoint, Outside, PortProtocol, Resolution, Service, ServicePort, TargetPort};
pub use workload::{Replica, Workload};
pub use world::{Traffic, World};

pub use serin_traffic::names::host::CLUSTER_DOMAIN;
