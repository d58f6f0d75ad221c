//! Masters that can be read only once: standard input and pipes. An engine reads a master at several places at once, and
//! plans, prices and identifies it before it presses: so they are written to a file without a name first.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tonepress::Error;
use tonepress::error::Stage;
use tonepress::master::{Limits, Master, MasterSource};

use super::report::detail;
use super::text::{megabytes, plain};

/// What is read and written at a time.
const CHUNK: usize = 256 << 10;

/// Whether something is being spooled, which may wait for ever: nothing else has begun then, and nothing is left behind.
static SPOOLING: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_spooling() -> bool {
    SPOOLING.load(Ordering::Relaxed)
}

/// Whether it is standard input ("-"), or a file that cannot be read twice.
pub(crate) fn is_stream(path: &Path) -> bool {
    let once = |meta: std::fs::Metadata| {
        let kind = meta.file_type();
        kind.is_fifo() || kind.is_char_device() || kind.is_socket()
    };
    is_stdin(path) || path.metadata().is_ok_and(once)
}

/// Whether it is standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What people call the master at `path`.
pub(crate) fn called(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Reads all of it, and opens what was read.
///
/// # Errors
/// [`Error::Limit`] if there is more than the largest master that `limits` allow; those of [`Master::open_with`].
pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Master, Error> {
    let name = called(path);
    SPOOLING.store(true, Ordering::Relaxed);
    let spooled = if is_stdin(path) {
        let input = io::stdin();
        if input.is_terminal() {
            let detail = "a terminal; send a master in: tonepress … - < song.flac".to_owned();
            return Err(Error::Unsupported { name, detail });
        }
        spool(&name, input.lock(), limits)
    } else {
        let input = File::open(path).map_err(|error| io_error(Stage::Open, &name, error));
        input.and_then(|input| spool(&name, input, limits))
    };
    SPOOLING.store(false, Ordering::Relaxed);
    let (file, bytes) = spooled?;
    detail(|| format!("{}: {} spooled to a temporary file", plain(&name), megabytes(bytes)));
    Master::from_source_with(name, Arc::new(Spooled { file, bytes }), limits)
}

fn io_error(stage: Stage, name: &str, error: io::Error) -> Error {
    Error::Io { stage, name: name.to_owned(), source: Arc::new(error) }
}

fn spool(name: &str, mut input: impl Read, limits: &Limits) -> Result<(File, u64), Error> {
    // No lossless file is larger than its PCM, but for its pictures.
    let limit = limits.pcm_bytes.saturating_add(limits.header_bytes);
    let place = format!("the temporary file of {name} (TMPDIR says where)");
    let mut file = tempfile::tempfile().map_err(|error| io_error(Stage::Write, &place, error))?;
    let (mut buf, mut bytes) = (vec![0; CHUNK], 0);
    loop {
        match input.read(&mut buf) {
            Ok(0) => return Ok((file, bytes)),
            Ok(read) => {
                bytes += read as u64;
                if bytes > limit {
                    let (name, what) = (name.to_owned(), "bytes from a pipe");
                    return Err(Error::Limit { name, what, found: bytes, limit });
                }
                file.write_all(&buf[..read]).map_err(|error| io_error(Stage::Write, &place, error))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io_error(Stage::Read, name, error)),
        }
    }
}

/// A file without a name, which nobody else can change.
struct Spooled {
    file: File,
    bytes: u64,
}

impl MasterSource for Spooled {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes)
    }

    fn version(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_cut_off_at_the_limit() {
        let limits = Limits { pcm_bytes: 1 << 20, header_bytes: 0, ..Limits::default() };
        let spooled = spool("zeros", io::repeat(0), &limits);
        assert!(matches!(spooled, Err(Error::Limit { limit: 0x10_0000, .. })), "{spooled:?}");
        let (_, bytes) = spool("zeros", io::repeat(0).take(1 << 20), &limits).unwrap();
        assert_eq!(bytes, 1 << 20);
    }
}
