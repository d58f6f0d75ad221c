//! The command line program: see `tonepress --help`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
