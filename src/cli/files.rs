//! Files that get their name when they are complete.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

/// A place for what is to be at `path`, whose folders are made.
pub(crate) fn unfinished(path: &Path) -> Result<NamedTempFile, String> {
    // The folder of "song.mp3" is "", which the system does not know.
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let file = fs::create_dir_all(folder).and_then(|()| {
        // What the user's umask leaves of this, as for any other new file.
        let all = Permissions::from_mode(0o666);
        tempfile::Builder::new().prefix(".tonepress-").suffix(".tmp").permissions(all).tempfile_in(folder)
    });
    file.map_err(|error| format!("writing to {}: {error}", folder.display()))
}

/// Gives it its name, in place of what was there.
pub(crate) fn name(file: NamedTempFile, path: &Path) -> Result<(), String> {
    file.persist(path).map(drop).map_err(|error| format!("writing {}: {}", path.display(), error.error))
}
