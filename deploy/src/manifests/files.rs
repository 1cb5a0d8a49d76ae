//! Files: where manifests come from.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A text of YAML, and what people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The file's path; `-` for the standard input.
    pub name: String,
    /// What it holds.
    pub text: String,
}

impl Text {
    /// The text that people know as `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// A file that could not be read.
#[derive(Debug)]
pub struct Unreadable {
    path: PathBuf,
    reason: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for Unreadable {}

/// Reads the files at `paths`: of a directory those that end in `.yaml`, `.yml` or `.json`, by name; `-` is the standard input.
///
/// # Errors
///
/// [`Unreadable`] for a path that is not there, that is not UTF-8, or a directory without a manifest.
pub fn load(paths: &[PathBuf]) -> Result<Vec<Text>, Unreadable> {
    let mut texts = Vec::new();
    for path in paths {
        let unreadable = |error: io::Error| Unreadable { path: path.clone(), reason: describe(&error) };
        if path.as_os_str() == "-" {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map_err(unreadable)?;
            texts.push(Text::new("-", text));
        } else if path.is_dir() {
            let files = manifests_in(path).map_err(unreadable)?;
            if files.is_empty() {
                let reason = "no file in this directory ends in .yaml, .yml or .json".to_owned();
                return Err(Unreadable { path: path.clone(), reason });
            }
            for file in files {
                texts.push(read(&file)?);
            }
        } else {
            texts.push(read(path)?);
        }
    }
    Ok(texts)
}

fn read(path: &Path) -> Result<Text, Unreadable> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Unreadable { path: path.to_owned(), reason: describe(&error) })?;
    Ok(Text::new(path.display().to_string(), text))
}

fn manifests_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let is_manifest =
            path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|y| extension == *y));
        if is_manifest && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read by this user".to_owned(),
        io::ErrorKind::InvalidData => "is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}
