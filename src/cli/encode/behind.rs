//! A file whose first bytes are there already.

use std::io::{self, Seek, SeekFrom, Write};

use tempfile::NamedTempFile;
use tonepress::Overlay;

/// A file with an overlay in front, as if it began behind that.
pub(super) struct Behind {
    pub(super) file: NamedTempFile,
    /// Where it seems to begin.
    pub(super) start: u64,
}

impl Behind {
    /// Writes `overlay` into `file`, which is empty.
    pub(super) fn new(mut file: NamedTempFile, overlay: &Overlay) -> io::Result<Self> {
        file.write_all(overlay.bytes())?;
        Ok(Self { file, start: overlay.len() })
    }
}

impl Write for Behind {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Behind {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(position) => SeekFrom::Start(self.start + position),
            other => other,
        };
        let position = self.file.seek(to)?;
        position.checked_sub(self.start).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }
}
