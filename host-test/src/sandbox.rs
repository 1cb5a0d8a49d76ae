//! What one VM may touch: the data of its wasmtime store.

use crate::world::World;
use crate::world::context::Context;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::{Memory, StoreLimits, TypedFunc};

/// The state of a proxy that its VMs, its exchanges and the test share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(world: World) -> Shared {
        Shared(Arc::new(Mutex::new(world)))
    }

    /// Locks the world for a moment. Never hold it while a guest runs: its hostcalls need it.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The data of one VM's store.
pub(crate) struct Sandbox {
    pub(crate) shared: Shared,
    pub(crate) contexts: HashMap<u32, Context>,
    /// The context whose callback runs.
    pub(crate) current: u32,
    /// The context that hostcalls speak for instead, until the callback returns; 0 is none.
    pub(crate) effective: u32,
    /// The hostcalls of the callback that runs.
    pub(crate) called: Vec<&'static str>,
    /// Who speaks before any context is there: in `_initialize` and `_start`.
    pub(crate) starter: Context,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) absent_is_empty: bool,
    pub(crate) limits: StoreLimits,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<u32, u32>>,
}

impl Sandbox {
    /// The context that hostcalls speak for (cpp-host `contextOrEffectiveContext`).
    pub(crate) fn speaker(&self) -> &Context {
        let effective = self.contexts.get(&self.effective);
        effective.or_else(|| self.contexts.get(&self.current)).unwrap_or(&self.starter)
    }
}
