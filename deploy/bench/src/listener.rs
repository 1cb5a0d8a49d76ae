//! Listeners of Envoy's, as Serin renders them, and what else is made of them.

use crate::shop::{CHOSEN, OTHER};
use serde_json::{Value, json};

/// What a route does with a request, but for the cluster: the same for all subjects.
#[derive(Clone)]
pub struct Action(pub(crate) Value);

impl Action {
    /// To this cluster.
    pub fn to(&self, cluster: &str) -> Value {
        self.with(json!({"cluster": cluster}))
    }

    /// With these fields in place of the cluster.
    pub fn with(&self, fields: Value) -> Value {
        let mut action = self.0.clone();
        if let (Some(action), Value::Object(fields)) = (action.as_object_mut(), fields) {
            action.remove("cluster");
            action.extend(fields);
        }
        action
    }
}

/// A listener's configuration.
pub struct Listener(pub(crate) Value);

impl Listener {
    /// Its connection manager.
    pub fn manager(&mut self) -> &mut Value {
        &mut self.0["filter_chains"][0]["filters"][0]["typed_config"]
    }

    /// Its filters, and the router behind them.
    pub fn filters(&mut self) -> &mut Vec<Value> {
        match &mut self.manager()["http_filters"] {
            Value::Array(filters) => filters,
            _ => unreachable!("a connection manager has filters"),
        }
    }

    /// The same, where every route that leads to a cluster replies itself, so that no service is in the numbers. The route for
    /// requests about which the filters said nothing says [`OTHER`].
    #[must_use]
    pub fn replying(mut self) -> Self {
        for route in self.routes() {
            let is_fallback = route["name"] == "plain";
            if let Some(fields) = route.as_object_mut()
                && fields.remove("route").is_some()
            {
                let body = if is_fallback { OTHER } else { CHOSEN };
                fields.insert("direct_response".into(), json!({"status": 200, "body": {"inline_string": body}}));
            }
        }
        self
    }

    /// The routes of all its hosts.
    fn routes(&mut self) -> impl Iterator<Item = &mut Value> {
        let hosts = self.manager()["route_config"]["virtual_hosts"].as_array_mut();
        hosts.into_iter().flatten().filter_map(|host| host["routes"].as_array_mut()).flatten()
    }

    /// The same with this filter in place of what was before the router.
    #[must_use]
    pub fn with_filter(mut self, filter: Value) -> Self {
        let filters = self.filters();
        filters.drain(..filters.len() - 1);
        filters.insert(0, filter);
        self
    }

    /// The same for a filter that publishes no filter state and keeps clients from setting the headers of routes itself.
    #[must_use]
    pub fn without_filter_state(mut self) -> Self {
        let manager = self.manager();
        if let Some(fields) = manager.as_object_mut() {
            fields.remove("early_header_mutation_extensions");
        }
        for route in self.routes() {
            if let Some(fields) = route["match"].as_object_mut() {
                fields.remove("filter_state");
            }
        }
        self
    }
}
