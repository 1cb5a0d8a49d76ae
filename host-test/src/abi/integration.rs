//! Integration: which version of the interface a module speaks, and what it imports that the host does not know.

use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use crate::status::Status;
use wasmtime::{ExternType, Linker, Module, Store, Val};

/// WASI's "no such function" (`errno.nosys`).
const NO_SYSTEM_CALL: i32 = 52;

/// A version of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V0_1_0,
    V0_2_0,
    V0_2_1,
}

/// The version that a module's marker export declares.
pub(crate) fn version(module: &Module) -> Result<Version, String> {
    let markers = [
        ("proxy_abi_version_0_2_1", Version::V0_2_1),
        ("proxy_abi_version_0_2_0", Version::V0_2_0),
        ("proxy_abi_version_0_1_0", Version::V0_1_0),
    ];
    let declared = markers.into_iter().find(|(marker, _)| module.get_export(marker).is_some());
    declared.map(|(_, version)| version).ok_or_else(|| "missing or unknown proxy-wasm ABI version".to_owned())
}

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "pthread_equal" => pthread_equal(_left: u32, _right: u32);
    }
    // Emscripten's modules say when their memory has grown; nobody here keeps a pointer to it.
    linker.func_wrap("env", "emscripten_notify_memory_growth", |_memory: u32| {})?;
    Ok(())
}

/// There are no threads, so no two are equal; what C++ modules import for their locks.
fn pthread_equal(_guest: &mut Guest, _left: u32, _right: u32) -> Outcome {
    Ok(())
}

/// Links what the module imports and the host does not have: an unknown `env.proxy_*` answers that it is unimplemented,
/// an unknown call of WASI that there is no such call. Returns their names.
///
/// # Errors
///
/// The name of an import from anywhere else, or of any unknown one if `strict`.
pub(crate) fn link_unknown(
    linker: &mut Linker<Sandbox>,
    store: &mut Store<Sandbox>,
    module: &Module,
    strict: bool,
) -> Result<Vec<String>, String> {
    let mut unknown = Vec::new();
    for import in module.imports() {
        let name = format!("{}.{}", import.module(), import.name());
        if linker.get_by_import(&mut *store, &import).is_some() {
            continue;
        }
        let answer = match import.module() {
            "env" if import.name().starts_with("proxy_") => Status::Unimplemented as i32,
            "wasi_snapshot_preview1" | "wasi_unstable" => NO_SYSTEM_CALL,
            _ => return Err(format!("unknown import {name}")),
        };
        let ExternType::Func(signature) = import.ty() else {
            return Err(format!("unknown import {name}, which is not a function"));
        };
        if strict {
            return Err(format!("unknown import {name}"));
        }
        let linked = linker.func_new(import.module(), import.name(), signature, move |_, _, results| {
            for result in results {
                *result = match result {
                    Val::I64(_) => Val::I64(answer.into()),
                    Val::F32(_) => Val::F32(0),
                    Val::F64(_) => Val::F64(0),
                    _ => Val::I32(answer),
                };
            }
            Ok(())
        });
        linked.map_err(|error| format!("import {name}: {error:#}"))?;
        unknown.push(name);
    }
    Ok(unknown)
}
