//! What Envoy's log says.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// How many lines of Envoy's log are shown if it does not start.
const LINES: usize = 12;

/// What Envoy puts before the lines of a filter, behind time and place.
const OF_A_FILTER: &str = "wasm log";

/// What filters log, line by line, as it comes.
#[derive(Debug)]
pub struct Filters {
    log: File,
    /// The beginning of a line of which the rest is still to come.
    begun: Vec<u8>,
}

impl Filters {
    pub(super) fn from_now_on(path: &Path) -> io::Result<Self> {
        let mut log = File::open(path)?;
        log.seek(SeekFrom::End(0))?;
        Ok(Self { log, begun: Vec::new() })
    }

    /// The lines since it was asked last, without time and place: `shadow-mirror: default/reviews/all …`.
    ///
    /// # Errors
    ///
    /// What the system says if the log cannot be read.
    pub fn lines(&mut self) -> io::Result<Vec<String>> {
        self.log.read_to_end(&mut self.begun)?;
        let whole = self.begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.begun.drain(..whole).collect();
        Ok(String::from_utf8_lossy(&lines).lines().filter_map(of_a_filter).collect())
    }
}

fn of_a_filter(line: &str) -> Option<String> {
    let said = without_stamp(line).strip_prefix(OF_A_FILTER)?;
    Some(said.trim_start_matches([' ', ':']).to_owned())
}

/// The lines of a log that say why: errors and worse, without time and thread; all lines if there are none.
pub(super) fn reasons(log: &str) -> Vec<String> {
    let is_severe = |line: &&str| line.contains("[critical]") || line.contains("[error]");
    let severe: Vec<&str> = log.lines().filter(is_severe).collect();
    let lines = if severe.is_empty() { log.lines().collect() } else { severe };
    let mut reasons: Vec<String> = Vec::new();
    for line in lines {
        let line = without_stamp(line);
        // A configuration is tried more than once, and each time it is refused for the same reason.
        if !line.is_empty() && !reasons.iter().any(|reason| reason == line) {
            reasons.push(line.to_owned());
        }
    }
    reasons.split_off(reasons.len().saturating_sub(LINES))
}

/// `[2026-11-21 02:00:00.000][1234][error][wasm] [source/…:170] what` without time, thread and place.
fn without_stamp(line: &str) -> &str {
    let behind_place = line.split_once("] [source/").and_then(|(_, rest)| rest.split_once("] ")).map(|(_, what)| what);
    let what = behind_place.unwrap_or(line);
    // Envoy repeats its configuration here, on as many lines as it has.
    what.split_once(" initializing config '").map_or(what, |(what, _)| what).trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_log_is_reduced_to_what_went_wrong() {
        let log = "[2026-11-21 02:00:00.000][12][warning][main] [source/server/server.cc:1] about to start\n\
            [2026-11-21 02:00:00.001][12][error][wasm] [source/extensions/common/wasm/context.cc:1] wasm log: gatway: unknown field\n\
            [2026-11-21 02:00:00.002][12][error][wasm] [source/extensions/common/wasm/context.cc:1] wasm log: gatway: unknown field\n\
            [2026-11-21 02:00:00.003][12][critical][main] [source/server/server.cc:2] error initializing configuration\n";
        assert_eq!(reasons(log), ["wasm log: gatway: unknown field", "error initializing configuration"]);
        assert_eq!(reasons("no such option\n"), ["no such option"]);
    }

    #[test]
    fn what_filters_log_is_read_as_it_comes() {
        let mut log = tempfile::NamedTempFile::new().unwrap();
        writeln!(log, "[2026-11-21 02:00:00.000][12][warning][wasm] [source/x.cc:1] wasm log canary: long ago")
            .unwrap();
        let mut filters = Filters::from_now_on(log.path()).unwrap();
        assert_eq!(filters.lines().unwrap(), [""; 0]);
        write!(log, "[2026-11-21 02:00:01.000][12][warning][wasm] [source/x.cc:1] wasm log canary: default/").unwrap();
        assert_eq!(filters.lines().unwrap(), [""; 0], "half a line is none");
        writeln!(
            log,
            "reviews/all v2: share withdrawn\n[2026-11-21 02:00:02.000][1][warning][main] [source/y.cc:2] else"
        )
        .unwrap();
        assert_eq!(filters.lines().unwrap(), ["canary: default/reviews/all v2: share withdrawn"]);
        assert_eq!(filters.lines().unwrap(), [""; 0]);
    }
}
