//! The modules that are inside this binary, as files that Envoy can read.

use crate::render::Filter;
use serin_modules::Module;
use std::io;
use std::path::{Path, PathBuf};

/// Writes each of `modules` into `directory`, which is made if it is not there, and says where they are.
///
/// # Errors
///
/// What the file system says, with the file's name.
pub(crate) fn write(modules: &[Module], directory: &Path) -> io::Result<Vec<Filter>> {
    let named = |path: &Path, error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    std::fs::create_dir_all(directory).map_err(|error| named(directory, error))?;
    let write = |module: &Module| {
        let filter = filter(*module, directory);
        // Envoys that read the file now get all of the old one or all of the new one.
        let unfinished = filter.file.with_extension(format!("{}.unfinished", std::process::id()));
        std::fs::write(&unfinished, module.bytes()).map_err(|error| named(&unfinished, error))?;
        std::fs::rename(&unfinished, &filter.file).map_err(|error| named(&filter.file, error))?;
        Ok(filter)
    };
    modules.iter().map(write).collect()
}

/// The filter of a module that is in `directory`.
pub(crate) fn filter(module: Module, directory: &Path) -> Filter {
    Filter { name: module.name().to_owned(), file: directory.join(format!("{}.wasm", module.name())) }
}

/// Where the modules of this version are kept for Envoys that outlive this process: `$XDG_CACHE_HOME/serin/VERSION`, by
/// default below `~/.cache`.
pub(crate) fn own_directory() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("serin").join(env!("CARGO_PKG_VERSION")))
}
