//! The command `stridedb`: looks into store files, fills them and mends them.

#![forbid(unsafe_code)]

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
