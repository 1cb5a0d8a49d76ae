//! VMs: compiling a module once, starting it, and calling it.

use crate::abi;
use crate::abi::integration::Version;
use crate::sandbox::{Sandbox, Shared};
use crate::world::context::{Context, Plugin, RootId};
use crate::world::logging::Level;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use wasmtime::{Config, Engine, Func, Instance, Linker, Module, Store, StoreLimitsBuilder, Val};

/// What a VM is made of and may use.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The fuel of one callback: about one unit for each instruction.
    pub(crate) fuel: u64,
    /// The bytes of the linear memory.
    pub(crate) memory: usize,
    /// Whether an unknown import is refused.
    pub(crate) strict: bool,
}

impl Default for Limits {
    /// Fuel for some seconds of a loop, which no callback of a sane filter needs; Envoy itself has no limit. Memory as in
    /// Envoy: one gigabyte (cpp-host `limits.h`).
    fn default() -> Limits {
        Limits { fuel: 2_000_000_000, memory: 1 << 30, strict: false }
    }
}

/// What makes two plug-ins share a VM (Envoy `makeVmKey`, with the environment as from 1.39).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VmKey {
    pub(crate) module: Arc<[u8]>,
    pub(crate) vm_id: String,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) environment: Vec<(String, String)>,
}

/// One running module.
pub(crate) struct Vm {
    pub(crate) key: VmKey,
    /// Whether it has trapped: it is never called again.
    pub(crate) failed: bool,
    store: Store<Sandbox>,
    instance: Instance,
    callbacks: HashMap<&'static str, Option<Callback>>,
    fuel: u64,
    next_context: u32,
}

#[derive(Clone, Copy)]
struct Callback {
    function: Func,
    arguments: usize,
    results: usize,
}

/// What a callback came to, and what it cost.
pub(crate) struct Called {
    /// The number it returned; none if it returns nothing, or is not exported.
    pub(crate) returned: Result<Option<u32>, String>,
    pub(crate) fuel: u64,
    /// The hostcalls that it made, by their names in the specification.
    pub(crate) hostcalls: Vec<&'static str>,
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut config = Config::new();
        config.consume_fuel(true);
        Engine::new(&config).expect("the configuration of the engine is constant")
    })
}

/// The module of these bytes, compiled once in a process however many tests use it.
fn compile(bytes: &Arc<[u8]>) -> Result<Module, String> {
    type Compiled = Arc<OnceLock<Result<Module, String>>>;
    static MODULES: Mutex<Option<HashMap<Arc<[u8]>, Compiled>>> = Mutex::new(None);
    let compiled = {
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(modules.get_or_insert_default().entry(Arc::clone(bytes)).or_default())
    };
    // Outside the lock: two tests may compile two modules at a time.
    compiled.get_or_init(|| Module::new(engine(), bytes).map_err(|error| format!("not a module: {error:#}"))).clone()
}

fn linker() -> &'static Linker<Sandbox> {
    static LINKER: OnceLock<Linker<Sandbox>> = OnceLock::new();
    LINKER.get_or_init(|| {
        let mut linker = Linker::new(engine());
        abi::link(&mut linker).expect("no hostcall is linked twice");
        linker
    })
}

impl Vm {
    /// Compiles, links and starts a module: `_initialize`, then `main` or else `_start` (cpp-host `startVm`).
    ///
    /// # Errors
    ///
    /// Why it cannot be started: bytes that are no module, an unknown import, no ABI version, a trap at the start.
    pub(crate) fn start(
        key: VmKey,
        limits: &Limits,
        shared: &Shared,
        place: (usize, usize),
        plugin: &Arc<Plugin>,
    ) -> Result<Vm, String> {
        let module = compile(&key.module)?;
        let version = abi::integration::version(&module)?;
        let root = RootId { worker: place.0, vm: place.1, context: 0 };
        let starter = Context { root, plugin: Arc::clone(plugin), stream: None };
        let sandbox = Sandbox {
            shared: shared.clone(),
            contexts: HashMap::new(),
            current: 0,
            effective: 0,
            called: Vec::new(),
            starter: starter.clone(),
            vm_configuration: key.vm_configuration.clone(),
            environment: key.environment.clone(),
            absent_is_empty: version == Version::V0_1_0,
            limits: StoreLimitsBuilder::new().memory_size(limits.memory).build(),
            memory: None,
            allocate: None,
        };
        let mut store = Store::new(engine(), sandbox);
        store.limiter(|sandbox| &mut sandbox.limits);
        store.set_fuel(limits.fuel).map_err(|error| error.to_string())?;
        let mut linker = linker().clone();
        for name in abi::integration::link_unknown(&mut linker, &mut store, &module, limits.strict)? {
            shared.world().say(&starter, Level::Warn, format!("imports {name}, which is unknown to this host"));
        }
        let instance =
            linker.instantiate(&mut store, &module).map_err(|error| format!("cannot be instantiated: {error:?}"))?;
        let memory = instance.get_memory(&mut store, "memory");
        let allocate = ["proxy_on_memory_allocate", "malloc"].into_iter();
        let allocate = allocate.filter_map(|name| instance.get_typed_func(&mut store, name).ok()).next();
        store.data_mut().memory = memory;
        store.data_mut().allocate = allocate;
        let mut vm =
            Vm { key, failed: false, store, instance, callbacks: HashMap::new(), fuel: limits.fuel, next_context: 1 };
        let entry = if vm.callback("main").is_some() { "main" } else { "_start" };
        for start in ["_initialize", entry] {
            vm.call(0, start, &[0, 0]).returned?;
        }
        Ok(vm)
    }

    /// Calls back into the module for a context. An older module that takes fewer arguments gets the first ones.
    pub(crate) fn call(&mut self, context: u32, name: &'static str, arguments: &[u32]) -> Called {
        let Some(callback) = self.callback(name) else {
            return Called { returned: Ok(None), fuel: 0, hostcalls: Vec::new() };
        };
        let sandbox = self.store.data_mut();
        (sandbox.current, sandbox.effective) = (context, 0);
        sandbox.called.clear();
        let arguments: Vec<Val> =
            arguments.iter().take(callback.arguments).map(|number| Val::I32(*number as i32)).collect();
        let mut results = [Val::I32(0)];
        let filled = self.store.set_fuel(self.fuel);
        let called =
            filled.and_then(|()| callback.function.call(&mut self.store, &arguments, &mut results[..callback.results]));
        let fuel = self.fuel - self.store.get_fuel().unwrap_or(0);
        let sandbox = self.store.data_mut();
        (sandbox.current, sandbox.effective) = (0, 0);
        let hostcalls = std::mem::take(&mut sandbox.called);
        let returned = match called {
            Ok(()) => Ok(results[0].i32().filter(|_| callback.results == 1).map(|number| number as u32)),
            Err(trap) => {
                self.failed = true;
                Err(format!("{name} trapped: {trap:?}"))
            }
        };
        Called { returned, fuel, hostcalls }
    }

    /// The bytes of the linear memory.
    pub(crate) fn memory(&self) -> usize {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store))
    }

    fn callback(&mut self, name: &'static str) -> Option<Callback> {
        *self.callbacks.entry(name).or_insert_with(|| {
            let function = self.instance.get_func(&mut self.store, name)?;
            let signature = function.ty(&self.store);
            let results = signature.results().len();
            (results <= 1).then(|| Callback { function, arguments: signature.params().len(), results })
        })
    }

    /// A number for a new context, and the place where hostcalls find who it is.
    pub(crate) fn new_context(&mut self, make: impl FnOnce(u32) -> Context) -> u32 {
        let id = self.next_context;
        self.next_context += 1;
        self.store.data_mut().contexts.insert(id, make(id));
        id
    }

    pub(crate) fn context(&self, id: u32) -> Option<&Context> {
        self.store.data().contexts.get(&id)
    }

    pub(crate) fn remove_context(&mut self, id: u32) {
        self.store.data_mut().contexts.remove(&id);
    }

    /// The plugin context that serves this plug-in already.
    pub(crate) fn root_of(&self, plugin: &Plugin) -> Option<u32> {
        let same = |known: &Plugin| {
            known.name == plugin.name && known.root_id == plugin.root_id && known.configuration == plugin.configuration
        };
        let roots = self.store.data().contexts.iter().filter(|(_, context)| context.stream.is_none());
        roots.filter(|(_, context)| same(&context.plugin)).map(|(id, _)| *id).min()
    }
}
