//! Files that get their name when they are complete.

use std::fs::{self, File};
use std::path::Path;

use tempfile::NamedTempFile;

/// A place for what is to be at `path`, whose folders are made.
pub(crate) fn unfinished(path: &Path) -> Result<NamedTempFile, String> {
    // The folder of "song.mp3" is "", which the system does not know.
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let file = fs::create_dir_all(folder).and_then(|()| {
        // Made here, for its errors would name a file that nobody asked for.
        tempfile::Builder::new()
            .prefix(".tonepress-")
            .suffix(".tmp")
            .make_in(folder, |path| File::options().read(true).write(true).create_new(true).open(path))
    });
    file.map_err(|error| format!("writing to {}: {error}", folder.display()))
}

/// Gives it its name, in place of what was there.
pub(crate) fn name(file: NamedTempFile, path: &Path) -> Result<(), String> {
    file.persist(path).map(drop).map_err(|error| format!("writing {}: {}", path.display(), error.error))
}
