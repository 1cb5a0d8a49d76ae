//! The pages: what they tell people to type works, what it prints is what they say, and what they link to is there.
//!
//! The blocks of a page marked `sh` are one script, in their order. A comment on the line before a block says more of it:
//!
//! - `<!-- not run here: why -->`
//! - `<!-- runs until ctrl-C -->`: a `serin up`; the blocks after it find its ports in `$PORT` and `$ADMIN`
//! - `<!-- ports 9080 9101 -->`: ports of the page that others may have here; free ones stand in for them
//! - `<!-- prints -->`: of a block marked `text`: the script has printed these lines, in this order; `…` is any text

use crate::files::repository;
use regex::Regex;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A block between two fences.
struct Block {
    language: String,
    /// The comment on the line before it.
    note: String,
    text: String,
}

struct Page {
    /// Its path in the repository.
    name: String,
    text: String,
}

impl Page {
    fn read(name: &str) -> Self {
        Self { name: name.to_owned(), text: fs::read_to_string(repository().join(name)).unwrap() }
    }

    fn blocks(&self) -> Vec<Block> {
        let (mut blocks, mut open, mut before): (Vec<Block>, Option<Block>, &str) = (Vec::new(), None, "");
        for line in self.text.lines() {
            match (&mut open, line.strip_prefix("```")) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => block.text += &format!("{line}\n"),
                (None, Some(language)) => {
                    let note = before.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->"));
                    let note = note.unwrap_or_default().trim().to_owned();
                    open = Some(Block { language: language.to_owned(), note, text: String::new() });
                }
                (None, None) => {}
            }
            before = line;
        }
        assert!(open.is_none(), "{}: a block has no end", self.name);
        blocks
    }

    /// The page without its blocks.
    fn prose(&self) -> String {
        self.text.split("```").step_by(2).collect()
    }
}

/// All pages of the repository.
fn pages() -> Vec<Page> {
    let listed = Command::new("git").args(["ls-files", "*.md"]).current_dir(repository()).output().unwrap();
    let names = String::from_utf8(listed.stdout).unwrap();
    let pages: Vec<Page> = names.lines().filter(|name| repository().join(name).is_file()).map(Page::read).collect();
    assert!(pages.iter().any(|page| page.name == "README.md") && pages.len() > 10, "{names}");
    pages
}

/// A place that looks like a clone of the repository to the commands of a page, and may be written to.
struct Clone {
    directory: tempfile::TempDir,
    /// The ports that the page names, and those that stand in for them.
    ports: Vec<(String, String)>,
}

impl Clone {
    fn new(blocks: &[Block]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ports = blocks.iter().filter_map(|block| block.note.strip_prefix("ports ")).flat_map(str::split_whitespace);
        // All are taken before one is given back, so no two are the same.
        let ports: Vec<_> = ports.map(|port| (port.to_owned(), TcpListener::bind("127.0.0.1:0").unwrap())).collect();
        let ports =
            ports.into_iter().map(|(port, free)| (port, free.local_addr().unwrap().port().to_string())).collect();
        let clone = Self { directory, ports };
        for folder in ["examples", "docs", "deploy"] {
            clone.copy(&repository().join(folder), &clone.path().join(folder));
        }
        let commands = clone.path().join("commands");
        fs::create_dir(&commands).unwrap();
        let envoy = serin::envoy::find(None).unwrap();
        symlink(envoy, commands.join("envoy")).unwrap();
        let mut serin = format!("#!/bin/bash\nexec {} \"$@\"", env!("CARGO_BIN_EXE_serin"));
        for (port, free) in &clone.ports {
            write!(serin, " | sed 's/\\b{port}\\b/{free}/g'").unwrap();
        }
        if !clone.ports.is_empty() {
            serin = serin.replace("exec ", "set -o pipefail; ");
        }
        clone.command("serin", &serin);
        clone.command("curl", CURL);
        clone
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn command(&self, name: &str, text: &str) {
        let file = self.path().join("commands").join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn copy(&self, from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            if from.is_dir() {
                self.copy(&from, &to);
            } else if let Ok(text) = fs::read_to_string(&from) {
                fs::write(to, self.with_free_ports(&text)).unwrap();
            }
        }
    }

    fn with_free_ports(&self, text: &str) -> String {
        self.ports.iter().fold(text.to_owned(), |text, (port, free)| {
            Regex::new(&format!(r"\b{port}\b")).unwrap().replace_all(&text, free).into_owned()
        })
    }

    /// Runs the script, which ends what it has started.
    fn run(&self, script: &str) -> Output {
        let here = format!("{}/", self.path().display());
        // The checkout may lie in /tmp itself.
        let serin = env!("CARGO_BIN_EXE_serin");
        let script = self.with_free_ports(script);
        let script = script.split(serin).map(|part| part.replace("/tmp/", &here)).collect::<Vec<_>>().join(serin);
        let path = format!("{}/commands:{}", self.path().display(), std::env::var("PATH").unwrap());
        let mut bash = Command::new("timeout");
        bash.args(["600", "bash", "-c", &script]).current_dir(self.path()).env("PATH", path);
        bash.output().unwrap()
    }
}

/// As much of curl as the pages use, for machines that have none.
const CURL: &str = r#"#!/usr/bin/env python3
import argparse, sys, time, urllib.request, urllib.error
parser = argparse.ArgumentParser()
parser.add_argument("-s", action="store_true")
parser.add_argument("-i", action="store_true")
parser.add_argument("-H", action="append", default=[])
parser.add_argument("url")
asked = parser.parse_args()
request = urllib.request.Request(asked.url, headers=dict(header.split(": ", 1) for header in asked.H))
# What was started a moment ago may listen later here than where a person types.
for attempt in range(300):
    try:
        response = urllib.request.urlopen(request, timeout=10)
        break
    except urllib.error.HTTPError as error:
        response = error
        break
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ConnectionRefusedError):
            raise
        time.sleep(0.1)
else:
    sys.exit("connection refused")
if asked.i:
    print("HTTP/1.1", response.status)
    for name, value in response.headers.items():
        print(f"{name}: {value}")
    print()
sys.stdout.write(response.read().decode())
"#;

/// Ends the `serin up` that runs, if one does.
const STOP_UP: &str = "if [[ -n ${UP:-} ]]; then kill -INT $UP; wait $UP; UP=; fi\n";

/// What the blocks that can be run here do, as one script, and the lines that it should print.
fn script(blocks: &[Block]) -> (String, Vec<&str>) {
    let mut script = String::from("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
    let mut printed = Vec::new();
    for block in blocks {
        match (block.language.as_str(), block.note.as_str()) {
            ("text", "prints") => printed.extend(block.text.lines()),
            ("sh", note) if note.starts_with("not run here: ") => {}
            ("sh", "runs until ctrl-C") => {
                let command = block.text.trim_end();
                script += STOP_UP;
                // Not of a shell: it would not pass the signal on.
                let command = command.replacen("serin", &format!("exec {}", env!("CARGO_BIN_EXE_serin")), 1);
                write!(
                    script,
                    "({command}) >/tmp/up 2>&1 & UP=$!\n\
                     for _ in $(seq 600); do if grep -q '^ctrl-C stops' /tmp/up; then break; fi; kill -0 $UP; sleep 0.1; done\n\
                     PORT=$(grep -o 'http://127.0.0.1:[0-9]*' /tmp/up | head -n 1 | cut -d: -f3)\n\
                     ADMIN=$(grep -o '127.0.0.1:[0-9]*/stats' /tmp/up | grep -o ':[0-9]*' | cut -d: -f2)\n"
                )
                .unwrap();
            }
            ("sh", note) => {
                assert!(note.is_empty() || note.starts_with("ports "), "a comment before a block says {note:?}");
                script += &block.text;
            }
            _ => {}
        }
    }
    (script + STOP_UP, printed)
}

/// Whether each of the lines `expected` is there, in this order; `…` is any text.
fn first_missing<'a>(expected: &[&'a str], printed: &str) -> Option<&'a str> {
    let mut lines = printed.lines();
    expected.iter().copied().find(|expected| {
        let pattern: Vec<String> = expected.split('…').map(regex::escape).collect();
        let pattern = Regex::new(&format!("^{}$", pattern.join(".*"))).unwrap();
        !lines.any(|line| pattern.is_match(line.trim_end()))
    })
}

#[test]
fn what_the_pages_tell_people_to_type_works() {
    let mut run = 0;
    for page in pages() {
        let blocks = page.blocks();
        let (script, expected) = script(&blocks);
        if script.lines().count() <= 3 {
            assert!(expected.is_empty(), "{}: nothing prints that", page.name);
            continue;
        }
        run += 1;
        let output = Clone::new(&blocks).run(&script);
        let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {:?}\n{script}\n{printed}\n{errors}", page.name, output.status);
        let missing = first_missing(&expected, &printed);
        assert_eq!(missing, None, "{}: is not printed; this is:\n{printed}\n{errors}", page.name);
    }
    assert!(run >= 9, "{run} pages have something to type");
}

#[test]
fn the_page_of_an_example_runs_its_scenarios() {
    for folder in fs::read_dir(repository().join("examples")).unwrap() {
        let folder = folder.unwrap();
        if folder.path().join("scenarios.yaml").is_file() {
            let page = Page::read(&format!("examples/{}/README.md", folder.file_name().to_str().unwrap()));
            let (script, _) = script(&page.blocks());
            assert!(script.contains("serin test scenarios.yaml"), "{} runs no scenarios", page.name);
        }
    }
}

#[test]
fn commands_stand_in_blocks_that_say_so() {
    for page in pages() {
        let indented =
            page.prose().lines().find(|line| line.starts_with("    ") && !line.trim().is_empty()).map(str::to_owned);
        assert_eq!(indented, None, "{}: an indented block is never run; use a fence", page.name);
        for block in page.blocks() {
            assert!(!block.language.is_empty(), "{}: a block has no language:\n{}", page.name, block.text);
        }
    }
}

#[test]
fn every_command_of_serin_that_a_page_names_is_there() {
    let named = Regex::new(r"\bserin ([a-z][a-z-]*)(?: (envoy|istio)\b)?").unwrap();
    let mut commands = BTreeSet::new();
    for page in pages() {
        let spans = page.prose().split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let blocks = page.blocks().into_iter().filter(|block| block.language == "sh").map(|block| block.text);
        for text in spans.into_iter().chain(blocks) {
            for found in named
                .captures_iter(&text)
                .filter(|found| text.starts_with("serin ") || found.get(0).unwrap().start() > 0)
            {
                commands.insert((
                    found[1].to_owned(),
                    found.get(2).map(|of| of.as_str().to_owned()),
                    page.name.clone(),
                ));
            }
        }
    }
    assert!(commands.len() > 5, "{commands:?}");
    for (command, of, page) in commands {
        let mut serin = Command::new(env!("CARGO_BIN_EXE_serin"));
        let output = serin.arg(&command).args(&of).arg("--help").output().unwrap();
        assert!(output.status.success(), "{page} names `serin {command}`, which is not there");
    }
}

#[test]
fn what_a_page_links_to_is_there() {
    let link = Regex::new(r"\]\(([^)#]+)(#[^)]*)?\)").unwrap();
    for page in pages() {
        let folder = PathBuf::from(&page.name).parent().unwrap().to_path_buf();
        for found in link.captures_iter(&page.prose()).filter(|found| !found[1].contains("://")) {
            let target = repository().join(&folder).join(&found[1]);
            assert!(target.exists(), "{}: {} is not there", page.name, &found[1]);
        }
    }
}

#[test]
fn the_first_screen_shows_the_outcome_of_every_scenario() {
    let readme = Page::read("README.md");
    let block = readme.blocks().into_iter().find(|block| block.text.contains("passed, 0 failed")).unwrap();
    let lines: Vec<&str> = block.text.lines().collect();
    assert!(lines.len() <= 25, "{} lines", lines.len());
    assert!(lines.iter().all(|line| line.chars().count() <= 100));
    let folders = fs::read_dir(repository().join("examples")).unwrap();
    let mut files: Vec<PathBuf> = folders.map(|folder| folder.unwrap().path().join("scenarios.yaml")).collect();
    files.retain(|file| file.is_file());
    files.sort();
    let texts = serin::manifests::load(&files).unwrap();
    let scenarios: Vec<_> = texts.iter().flat_map(|text| serin::scenario::read(text).unwrap()).collect();
    assert_eq!(lines.len(), scenarios.len() + 2);
    for (scenario, line) in scenarios.iter().zip(&lines[1..]) {
        assert!(line.trim_start().starts_with(&scenario.name) && line.ends_with("right"), "{}: {line}", scenario.name);
    }
    assert_eq!(lines.last(), Some(&format!("{} passed, 0 failed", scenarios.len()).as_str()));
    let demo = Page::read("docs/demo.md").text;
    assert!(scenarios.iter().all(|scenario| demo.contains(&scenario.name)), "docs/demo.md lacks a scenario");
}

#[test]
fn serin_needs_nothing_of_the_repository() {
    let elsewhere = tempfile::tempdir().unwrap();
    let serin = elsewhere.path().join("serin");
    fs::copy(env!("CARGO_BIN_EXE_serin"), &serin).unwrap();
    fs::copy(repository().join("examples/local-envoy/reviews.yaml"), elsewhere.path().join("reviews.yaml")).unwrap();
    let output = Command::new(&serin)
        .args(["render", "envoy", "reviews.yaml", "--output", "json"])
        .current_dir(elsewhere.path())
        .env("XDG_CACHE_HOME", elsewhere.path().join("cache"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rendered = String::from_utf8(output.stdout).unwrap();
    let modules = Regex::new(r#""filename": "([^"]+\.wasm)""#).unwrap();
    let files: BTreeSet<&str> = modules.captures_iter(&rendered).map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(!files.is_empty());
    for file in files {
        assert!(file.starts_with(elsewhere.path().to_str().unwrap()), "{file}");
        assert!(fs::read(file).unwrap().starts_with(b"\0asm"), "{file}");
    }
}
