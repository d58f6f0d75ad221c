//! What is to be pressed ahead, as typed.

use std::path::PathBuf;

use tonepress::Profile;

use crate::cli::nearest::Nearest;
use crate::cli::options::{EncoderChoice, Exclude};

/// What is to be pressed ahead.
#[derive(Debug, clap::Args)]
pub(crate) struct Wants {
    /// Files, or folders to walk through; what a file is, its content tells, not its name
    #[arg(value_name = "MASTER", required_unless_present = "from", requires = "profiles")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) exclude: Exclude,
    /// Profiles, separated by commas; for what --from lists, those where it names none
    #[arg(short = 'b', long = "to", value_name = "PROFILE,…", value_delimiter = ',')]
    pub(crate) profiles: Vec<Profile>,
    #[command(flatten)]
    pub(crate) nearest: Nearest,
    #[command(flatten)]
    pub(crate) encoder: EncoderChoice,
    /// A list ("-": standard input) with a JSON object a line: "master" (a file or folder), and if
    /// need be "to" (a string or a list of them) and "priority" (a number; higher comes first, 0 unless
    /// given)
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
}
