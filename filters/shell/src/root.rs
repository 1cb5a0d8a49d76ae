//! The root context: one per worker and configuration, the same in every module.

use crate::hostcall;
use crate::logging;
use crate::node;
use crate::plugin::{Filter, Plugin};
use crate::stream::Stream;
use log::{error, info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType};
use serin_traffic::written::Configuration;
use serin_traffic::{Policy, Refusal};
use std::marker::PhantomData;
use std::rc::Rc;

/// The root context of the module `F`: takes configurations and opens streams.
///
/// Envoy makes another one for another configuration, and ends this one when its last stream has ended.
struct Root<F> {
    plugin: Rc<Plugin>,
    /// The proxy has no more use for it: it is only there for the copies that are on their way.
    ending: bool,
    filter: PhantomData<F>,
}

impl<F> Default for Root<F> {
    fn default() -> Self {
        Self { plugin: Rc::default(), ending: false, filter: PhantomData }
    }
}

/// Starts the module `F`.
pub fn start<F: Filter>() {
    logging::start();
    proxy_wasm::set_root_context(|_| Box::<Root<F>>::default());
}

impl<F: Filter> Root<F> {
    fn configure(&mut self, document: Vec<u8>) -> Result<(), Refusal> {
        let configuration = Configuration::from_json(&document)?;
        drop(document);
        let compiled = Policy::from_configuration(configuration, &node::source())?;
        for warning in &compiled.warnings {
            warn!("{warning}");
        }
        let virtual_services = compiled.policy.virtual_services();
        let rules: usize = virtual_services.iter().map(|virtual_service| virtual_service.rules().len()).sum();
        info!(
            "{} {}: configured, {} VirtualService(s) with {rules} rule(s), digest {}",
            F::NAME,
            env!("CARGO_PKG_VERSION"),
            virtual_services.len(),
            compiled.policy.digest()
        );
        self.plugin = Rc::new(self.plugin.with(compiled.policy));
        Ok(())
    }
}

impl<F: Filter> Context for Root<F> {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _trailers: usize) {
        self.plugin.outbox.answered(token, headers, body);
        self.end_if_done();
    }

    /// The streams of this configuration have ended. Copies that are on their way keep it alive: with the context Envoy would
    /// end their calls.
    fn on_done(&mut self) -> bool {
        let done = self.plugin.outbox.is_empty();
        self.plugin.counts.end();
        // A VM that ends, because there is another module now, waits for nobody.
        self.plugin.outbox.count_sent();
        self.ending = !done;
        done
    }
}

impl<F: Filter> RootContext for Root<F> {
    fn on_configure(&mut self, _size: usize) -> bool {
        let document = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX).ok().flatten();
        match self.configure(document.unwrap_or_default()) {
            Ok(()) => true,
            Err(refusal) => {
                error!("configuration refused: {refusal}");
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::<F>::new(Rc::clone(&self.plugin), context_id)))
    }

    fn on_tick(&mut self) {
        let Plugin { collections, outbox, delays, counts, timer, .. } = &*self.plugin;
        timer.fired(|| {
            counts.tell();
            collections.expire();
            outbox.send();
            delays.release(outbox);
        });
        self.end_if_done();
    }
}

impl<F> Root<F> {
    /// Lets the proxy end this context once nothing is on its way.
    fn end_if_done(&mut self) {
        if self.ending && self.plugin.outbox.is_empty() {
            self.ending = false;
            hostcall::done();
        }
    }
}

impl<F> Drop for Root<F> {
    fn drop(&mut self) {
        self.plugin.counts.end();
        self.plugin.collections.end();
        self.plugin.delays.end();
        self.plugin.outbox.end();
    }
}
