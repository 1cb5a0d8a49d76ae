//! The filters' lines in the proxy's log.

use crate::hostcall;
use log::{Level, LevelFilter, Log, Metadata, Record};
use serin_traffic::Printable;

/// Every line that a filter logs goes through here: what clients and configurations have put into it is made printable, and
/// a proxy that takes no lines has none. (The SDK's own logger panics then, and hands bytes on as they are.)
struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        // The numbers are the specification's `proxy_log_level_t`.
        let level = match record.level() {
            Level::Trace => 0,
            Level::Debug => 1,
            Level::Info => 2,
            Level::Warn => 3,
            Level::Error => 4,
        };
        if self.enabled(record.metadata()) {
            write(level, &record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// The specification's level of a line that says why a module ended.
const CRITICAL: u32 = 5;

/// Has the proxy's log be the one of `log`'s macros and of panics.
pub(crate) fn start() {
    // It fails if there is a logger, which then is this one.
    let _ = log::set_logger(&Logger);
    log::set_max_level(LevelFilter::Info);
    std::panic::set_hook(Box::new(|panic| write(CRITICAL, &panic.to_string())));
}

fn write(level: u32, text: &str) {
    hostcall::log(level, &Printable(text.as_bytes()).to_string());
}
