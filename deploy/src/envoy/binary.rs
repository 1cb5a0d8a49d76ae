//! Where Envoy's binary is.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

/// How deep below `target/envoy` the binary is looked for: a virtual environment has it at
/// `lib/python3.11/site-packages/envoy/_bin/envoy`.
const DEPTH: usize = 6;

/// There is no Envoy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound(String);

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotFound {}

/// Envoy's binary: the one that is asked for, else that of `$ENVOY`, else the PATH's, else the one that `make setup` installs
/// below `target/envoy` of this directory or of one above it.
///
/// # Errors
///
/// [`NotFound`] says what to do.
pub fn find(asked: Option<&Path>) -> Result<PathBuf, NotFound> {
    let named = asked.map(|path| (path.to_owned(), "--envoy"));
    let named = named.or_else(|| env::var_os("ENVOY").filter(|it| !it.is_empty()).map(|it| (it.into(), "$ENVOY")));
    if let Some((path, by)) = named {
        return match on_path(&path) {
            Some(found) => Ok(found),
            None => Err(NotFound(format!("{by} is {}, and there is no such file", path.display()))),
        };
    }
    let installed = || {
        let here = env::current_dir().ok()?;
        here.ancestors().find_map(|above| below(&above.join("target/envoy"), DEPTH))
    };
    on_path(Path::new("envoy")).or_else(installed).ok_or_else(|| {
        NotFound("there is no envoy on the PATH; run `make setup`, or set $ENVOY to Envoy's binary".to_owned())
    })
}

/// The file itself, or that of the PATH if `name` is a bare name.
fn on_path(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return name.is_file().then(|| name.to_owned());
    }
    env::split_paths(&env::var_os("PATH")?).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// The file `envoy/_bin/envoy` at most `depth` directories below.
fn below(directory: &Path, depth: usize) -> Option<PathBuf> {
    let here = directory.join("envoy/_bin/envoy");
    if here.is_file() {
        return Some(here);
    }
    let entries = std::fs::read_dir(directory).ok()?;
    let mut directories: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|it| it.is_dir()).collect();
    directories.sort();
    (depth > 0).then(|| directories.iter().find_map(|inner| below(inner, depth - 1))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_environment_is_searched() {
        let target = tempfile::tempdir().unwrap();
        let binary = target.path().join("lib/python3.11/site-packages/envoy/_bin/envoy");
        assert_eq!(below(target.path(), DEPTH), None);
        std::fs::create_dir_all(binary.parent().unwrap()).unwrap();
        std::fs::write(&binary, "").unwrap();
        assert_eq!(below(target.path(), DEPTH), Some(binary));
    }

    #[test]
    fn what_was_asked_for_and_is_not_there_is_said() {
        let missing = find(Some(Path::new("/no/such/envoy"))).unwrap_err();
        assert_eq!(missing.to_string(), "--envoy is /no/such/envoy, and there is no such file");
    }
}
