//! `tonepress man`: manual pages, made of what `--help` says.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory};

use super::args::Args;
use super::report::{self, Failure};
use super::text::several;
use super::{Outcome, args};

pub(crate) fn run(args: &args::Man) -> Result<Outcome, Failure> {
    let mut root = Args::command();
    root.build();
    if let Some(folder) = &args.output {
        let failed = |error: io::Error| Failure::Other(format!("writing {}: {error}", folder.display()));
        fs::create_dir_all(folder).map_err(failed)?;
        let mut written = 0;
        write_all(&root, folder, &mut written).map_err(failed)?;
        report::note(&format!("{} written to {}", several(written, "page"), folder.display()));
        return Ok(Outcome::Done);
    }
    let mut command = &root;
    for name in &args.commands {
        let found = command.get_subcommands().find(|command| command.get_name() == name);
        command = found.ok_or_else(|| Failure::Usage(format!("there is no command '{name}'")))?;
    }
    io::stdout().lock().write_all(&page(command)?)?;
    Ok(Outcome::Done)
}

/// Writes the page of a command, and those of the commands below it.
fn write_all(command: &Command, folder: &Path, written: &mut u64) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    fs::write(folder.join(format!("{name}.1")), page(command)?)?;
    *written += 1;
    let below = command.get_subcommands().filter(|command| command.get_name() != "help");
    below.into_iter().try_for_each(|command| write_all(command, folder, written))
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_uppercase();
    let program = concat!("tonepress ", env!("CARGO_PKG_VERSION"));
    // The whole version is several lines, which the heading of a page has no room for.
    let command = command.clone().version(env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(command).title(name).source(program).manual("User commands").render(&mut page)?;
    Ok(page)
}
