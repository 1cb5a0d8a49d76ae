//! How large the modules are: every proxy reads, compiles and keeps them, once for each worker.

use serin_modules::Module;

/// The size that a module has at most, in thousands of bytes: what it has, up to the next 25.
fn most(module: Module) -> usize {
    match module {
        Module::HeaderRouter => 850,
        Module::SubsetPicker => 825,
        Module::ShadowMirror => 800,
        Module::Canary => 850,
    }
}

#[test]
fn no_module_grows_unseen() {
    for module in Module::ALL {
        let (size, most) = (module.bytes().len(), most(module) * 1_000);
        assert!(size <= most, "{} has {size} bytes, more than {most}", module.name());
    }
}
