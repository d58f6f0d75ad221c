//! A master and what is said of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tonepress::master::{Master, MasterId};
use tonepress::tags::id3::Id3Options;
use tonepress::tags::{Limits, Picture, PictureKind, SyncedLyrics, Tags};
use tonepress::{Error, Overlay, Store};

use crate::notes::Notes;

/// Larger pictures are left out of downloads.
const PICTURE_BYTES: u64 = 1 << 20;
/// Lyrics with times are no longer than this.
const LYRICS_BYTES: u64 = 1 << 20;

/// What is kept of every track. Pictures and lyrics are read when somebody asks for them.
pub(crate) struct Track {
    /// What URLs call it: no path ever gets into one, or out of one.
    pub(crate) id: String,
    pub(crate) master: Master,
    path: PathBuf,
    pub(crate) title: String,
    pub(crate) artist: String,
    pub(crate) album: String,
    /// Whose album it is on.
    pub(crate) album_artist: String,
    pub(crate) year: String,
    pub(crate) disc: u32,
    pub(crate) number: u32,
    /// What its tags note of the release.
    pub(crate) notes: Option<Box<Notes>>,
}

/// What is read when somebody asks for it.
pub(crate) struct Details {
    /// The tag that downloads begin with.
    pub(crate) overlay: Overlay,
    pub(crate) cover: Option<Picture>,
    pub(crate) lyrics: String,
    pub(crate) sung: Option<SyncedLyrics>,
}

/// The first so many hexadecimal digits of a hash: an id for URLs.
pub(crate) fn id(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

impl Track {
    pub(crate) fn open(folder: &Path, path: &Path) -> Result<Self, Error> {
        let master = Master::open(path)?;
        let mut limits = Limits::default();
        limits.picture_bytes = 0;
        let tags = master.tags_within(&limits)?;
        let text = |name| tags.get(name).join(", ");
        let or = |text: String, other: &dyn Fn() -> String| if text.is_empty() { other() } else { text };
        // "3/12" is the third of twelve.
        let number =
            |name| text(name).split('/').next().and_then(|number| number.trim().parse().ok()).unwrap_or(0);
        let stem = || path.file_stem().unwrap_or_default().to_string_lossy().replace('_', " ");
        let place = path.strip_prefix(folder).unwrap_or(path);
        let title = or(text("TITLE"), &stem);
        let (disc, number) = (number("DISCNUMBER"), number("TRACKNUMBER"));
        // What is on no album is one by itself, or its folder is.
        let inside =
            || place.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let album = or(text("ALBUM"), &|| inside().unwrap_or_else(|| title.clone()));
        let artist = text("ARTIST");
        Ok(Self {
            id: id(place.as_os_str().as_encoded_bytes()),
            album,
            album_artist: or(text("ALBUMARTIST"), &|| artist.clone()),
            artist,
            year: text("DATE").chars().take(4).collect(),
            disc,
            number,
            title,
            notes: Notes::of_tags(&tags).map(Box::new),
            path: path.to_owned(),
            master,
        })
    }

    /// Reads all that is said of it; what is noted of its release travels in its tag.
    pub(crate) fn details(&self, notes: &Notes) -> Result<Details, Error> {
        let mut tags = self.master.tags()?;
        if tags.synced_lyrics().is_empty() {
            tags.set_synced_lyrics(lyrics_beside(&self.path));
        }
        notes.write(&mut tags);
        let mut options = Id3Options::default();
        options.picture_bytes = PICTURE_BYTES;
        let cover = tags.pictures().iter().find(|picture| picture.kind == PictureKind::FRONT_COVER);
        Ok(Details {
            overlay: Overlay::new(&tags, &options),
            cover: cover.or(tags.pictures().first()).cloned(),
            lyrics: plain_lyrics(&tags),
            sung: tags.synced_lyrics().first().cloned(),
        })
    }

    /// The folder that it lies in.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Which audio it is. Hashes the master if nobody has yet.
    pub(crate) async fn identify(&self, store: &Store) -> Result<MasterId, Error> {
        if let Some(id) = self.master.known_id() {
            return Ok(id);
        }
        let (master, store) = (self.master.clone(), store.clone());
        crate::blocking(move || store.masters().identify(&master)).await
    }

    /// What a download is called.
    pub(crate) fn file_name(&self) -> String {
        if self.artist.is_empty() { self.title.clone() } else { format!("{} - {}", self.artist, self.title) }
    }
}

fn plain_lyrics(tags: &Tags) -> String {
    tags.get("LYRICS").join("\n\n")
}

/// Lyrics with times in an LRC file of the master's name.
fn lyrics_beside(path: &Path) -> Option<SyncedLyrics> {
    let path = path.with_extension("lrc");
    let small = std::fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= LYRICS_BYTES);
    SyncedLyrics::from_lrc(&std::fs::read_to_string(path).ok().filter(|_| small)?)
}

/// Details, shared by those who ask for them.
pub(crate) type Shared = Arc<Details>;
