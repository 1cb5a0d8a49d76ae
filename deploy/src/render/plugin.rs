//! The filters in a listener's chain, and their configuration.

use super::options::{Filter, ListenerName};
use super::route::retries_of;
use crate::manifests::{Mistake, Origin, World};
use serde_json::{Value, json};
use serin_traffic::shadow::Slot;
use serin_traffic::written::{Configuration, Source};
use serin_traffic::{Policy, RetryPolicy, given_key};
use std::time::Duration;

/// The filters' configuration on a listener: it is the same for all of them.
pub(crate) struct PluginConfiguration {
    /// The document.
    pub(crate) document: Value,
    /// The rules, as the filters have them.
    pub(crate) policy: Policy,
    /// How many copies one request may cause.
    pub(crate) slots: Vec<Slot>,
    /// The policies for retries that rules ask for by name.
    pub(crate) retries: Vec<(String, RetryPolicy)>,
    /// The operators in the values of headers that Envoy itself has to evaluate.
    pub(crate) operators: Vec<String>,
    /// The longest that a fault delays a request, if one does.
    pub(crate) longest_delay: Option<Duration>,
    /// What is legal and yet suspect.
    pub(crate) warnings: Vec<Mistake>,
}

impl PluginConfiguration {
    /// The configuration for `listener`, through which `caller` calls if it is the mesh's; what the filters would refuse is
    /// refused here, told of the manifest.
    pub(crate) fn of(world: &World, listener: &ListenerName, caller: &Source) -> Result<Self, Mistake> {
        let source = source(world, listener, caller);
        let mut written_source = json!({"labels": source.labels});
        if let Some(namespace) = source.namespace {
            written_source["namespace"] = namespace.into();
        }
        let document = json!({
            "resources": world.resources(),
            "gateway": listener.gateway,
            "port": listener.port,
            "namespace": world.namespace,
            "source": written_source,
        });
        let origins: Vec<&Origin> = world.traffic.iter().map(|traffic| &traffic.origin).collect();
        let Compiled { policy, warnings } = compile(&document, &origins)?;
        let operators = policy.given_operators().into_iter().map(str::to_owned).collect();
        let (slots, retries) = (policy.slots().to_vec(), retries_of(&policy));
        let rules = policy.virtual_services().iter().flat_map(|virtual_service| virtual_service.rules());
        let longest_delay = rules.filter_map(|rule| rule.fault()?.longest_delay()).max();
        Ok(Self { document, policy, slots, retries, operators, longest_delay, warnings })
    }
}

/// What the filters make of a configuration.
pub(super) struct Compiled {
    /// The rules as the filters have them.
    pub(super) policy: Policy,
    /// What is legal and yet suspect.
    pub(super) warnings: Vec<Mistake>,
}

/// Compiles `document` as the filters do; what they would refuse is refused, told of the manifest in `origins` that is at fault.
pub(super) fn compile(document: &Value, origins: &[&Origin]) -> Result<Compiled, Mistake> {
    let compiled = Configuration::from_value(document.clone())
        .and_then(|configuration| Policy::compile(&configuration, &Source::default()))
        .map_err(|refusal| Mistake::of_resource(&refusal, origins))?;
    let told = |warning: &serin_traffic::Warning| {
        Mistake::of_resource(&serin_traffic::Refusal::new(warning.path(), warning.reason()), origins)
    };
    let warnings = compiled.warnings.iter().map(told).collect();
    Ok(Compiled { policy: compiled.policy, warnings })
}

/// Who calls through the listener: `caller` through the mesh's, for a gateway the gateway itself, as in Istio.
pub(crate) fn source(world: &World, listener: &ListenerName, caller: &Source) -> Source {
    match world.gateways.iter().find(|gateway| gateway.full_name() == listener.gateway) {
        Some(gateway) => Source { namespace: Some(gateway.namespace.clone()), labels: gateway.selector.clone() },
        None => {
            let namespace = caller.namespace.as_deref().unwrap_or(&world.namespace);
            Source { namespace: Some(namespace.to_owned()), labels: caller.labels.clone() }
        }
    }
}

/// What `filter` is called in a filter chain.
pub(crate) fn filter_name(filter: &Filter) -> String {
    format!("serin.{}", filter.name)
}

/// The entry of `filter` in the filter chain of `listener`.
///
/// Each filter has a VM of its own: filters that share one share its end. The first need not look for what another has said;
/// in a mesh nobody knows which plug-ins others have put before it, and it looks.
pub(crate) fn http_filter(filter: &Filter, listener: &ListenerName, mut configuration: Value, is_first: bool) -> Value {
    if is_first {
        configuration["first"] = true.into();
    }
    json!({
        "name": filter_name(filter),
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": filter_name(filter),
                "vm_config": {
                    "vm_id": format!("{listener}/{}", filter.name),
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": filter.file}},
                },
                "failure_policy": "FAIL_RELOAD",
                "configuration": {
                    // The text itself: a filter would get a Struct as protobuf, not as JSON.
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": format!("{configuration:#}"),
                },
            },
        },
    })
}

/// The filter that stores the values of Envoy's `operators` for the filters after it; none if there are no operators.
pub(crate) fn operators_filter(operators: &[String]) -> Option<Value> {
    let state = |operator: &String| {
        json!({
            "object_key": given_key(operator),
            "factory_key": "envoy.string",
            "format_string": {
                "text_format_source": {"inline_string": operator},
                "omit_empty_values": true,
            },
            "skip_if_empty": true,
        })
    };
    let states: Vec<Value> = operators.iter().map(state).collect();
    (!states.is_empty()).then(|| {
        json!({
            "name": "serin.operators",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
                "on_request_headers": states,
            },
        })
    })
}
