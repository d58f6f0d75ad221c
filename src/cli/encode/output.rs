//! Where MP3s are written to, as -o and --name have it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tonepress::Profile;
use tonepress::tags::Tags;

use super::super::args;
use super::super::masters::Candidate;
use super::super::name::{NameTemplate, Named};
use super::super::report::Failure;

/// Where MP3s go.
pub(super) struct Output {
    place: Place,
    pub(super) name: NameTemplate,
}

enum Place {
    Beside,
    Folder(PathBuf),
    /// The one MP3 of the one master.
    File(PathBuf),
}

/// Whether the one MP3 goes to standard output.
pub(super) fn is_stdout(args: &args::Encode) -> bool {
    args.output.as_deref() == Some(Path::new("-"))
}

impl Output {
    pub(super) fn of(args: &args::Encode, profiles: &[Profile]) -> Result<Self, Failure> {
        let place = match &args.output {
            None => Place::Beside,
            Some(path) if is_file(path) => Place::File(path.clone()),
            Some(path) => Place::Folder(path.clone()),
        };
        let output = Self { place, name: args.name.clone().unwrap_or_default() };
        if let Place::File(path) = &output.place {
            if args.name.is_some() {
                let error = format!("-o {} is the name of a file already: leave --name out", path.display());
                return Err(Failure::Usage(error));
            }
            if profiles.len() > 1 {
                return Err(output.too_many(&format!("{} profiles", profiles.len())));
            }
        }
        Ok(output)
    }

    /// Says that there cannot be so many masters, if there cannot.
    pub(super) fn admit(&self, masters: usize) -> Result<(), Failure> {
        match &self.place {
            Place::File(_) if masters > 1 => Err(self.too_many("more than one master")),
            _ => Ok(()),
        }
    }

    fn too_many(&self, what: &str) -> Failure {
        let Place::File(path) = &self.place else { return Failure::Usage(what.to_owned()) };
        let path = path.display();
        Failure::Usage(format!(
            "-o {path} is one file, and there are {what}: name a folder instead, such as -o mp3/"
        ))
    }

    /// Whether tags have to be read to know the names.
    pub(super) fn needs_tags(&self) -> bool {
        !matches!(self.place, Place::File(_)) && self.name.has_tags()
    }

    /// The file for a master at a profile.
    pub(super) fn path(&self, candidate: &Candidate, tags: &Tags, profile: &Profile) -> PathBuf {
        let base = match &self.place {
            Place::File(path) => return path.clone(),
            Place::Beside => &candidate.root,
            Place::Folder(folder) => folder,
        };
        let stem = if candidate.is_stream() {
            OsStr::new("stdin")
        } else {
            candidate.path.file_stem().unwrap_or_default()
        };
        let profile = profile.to_string();
        self.name.path(base, Named { dir: &candidate.dir, stem, profile: &profile, tags })
    }

    /// Says where to, if MP3s of a master cannot lie beside it.
    pub(super) fn check(&self, candidate: &Candidate) -> Result<(), Failure> {
        if matches!(self.place, Place::Beside) && !candidate.has_folder() {
            let name = candidate.name();
            let error = format!("{name}: where to? Say -o song.mp3, -o FOLDER, or -o - for standard output");
            return Err(Failure::Usage(error));
        }
        Ok(())
    }
}

/// Whether -o means a file: it is called like an MP3, and no folder is.
fn is_file(path: &Path) -> bool {
    let named = path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("mp3"));
    named && !path.as_os_str().as_encoded_bytes().ends_with(b"/") && !path.is_dir()
}
