//! The command `serin`.

use std::process::ExitCode;

fn main() -> ExitCode {
    serin::command::main()
}
