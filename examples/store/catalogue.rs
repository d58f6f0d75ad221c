//! What is for sale: the masters in a folder.

use std::collections::HashMap;
use std::path::Path;
use std::thread;

use tonepress::master::{Master, MasterId};
use tonepress::tags::id3;
use tonepress::tags::{Picture, PictureKind};
use tonepress::{Error, Overlay, Store};
use walkdir::WalkDir;

/// Larger pictures are left out of downloads, and of this program's memory.
const PICTURE_BYTES: u64 = 1 << 20;

/// All tracks, found once, when the program starts.
pub(crate) struct Catalogue {
    tracks: Vec<Track>,
    by_id: HashMap<String, usize>,
}

/// A master and what is said of it.
pub(crate) struct Track {
    /// What URLs call it: no path ever gets into one, or out of one.
    pub(crate) id: String,
    pub(crate) master: Master,
    pub(crate) title: String,
    pub(crate) artist: String,
    pub(crate) album: String,
    pub(crate) lyrics: String,
    pub(crate) cover: Option<Picture>,
    /// The tag that downloads begin with.
    pub(crate) overlay: Overlay,
}

impl Catalogue {
    /// Opens all masters below `folder`. What is none is left out; what cannot be opened is said on standard
    /// error.
    pub(crate) fn open(folder: &Path) -> Result<Self, walkdir::Error> {
        let mut tracks = Vec::new();
        for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
            let path = entry?.into_path();
            if path.is_dir() {
                continue;
            }
            match Track::open(folder, &path) {
                Ok(track) => tracks.push(track),
                // A cover, a text, an MP3 from before.
                Err(Error::Unrecognised { .. } | Error::Lossy { .. }) => {}
                Err(error) => eprintln!("left out: {error}"),
            }
        }
        let by_id = tracks.iter().enumerate().map(|(at, track)| (track.id.clone(), at)).collect();
        Ok(Self { tracks, by_id })
    }

    pub(crate) fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    pub(crate) fn track(&self, id: &str) -> Option<&Track> {
        self.by_id.get(id).map(|&at| &self.tracks[at])
    }

    /// Has all masters hashed in the background, unless the store knows them: then no customer has to wait
    /// for it.
    pub(crate) fn identify_all(&self, store: &Store) {
        let masters: Vec<Master> = self.tracks.iter().map(|track| track.master.clone()).collect();
        let store = store.clone();
        thread::spawn(move || {
            for master in masters {
                if let Err(error) = store.masters().identify(&master) {
                    eprintln!("error: {error}");
                }
            }
        });
    }
}

impl Track {
    fn open(folder: &Path, path: &Path) -> Result<Self, Error> {
        let master = Master::open(path)?;
        let tags = master.tags()?;
        let text = |name| tags.get(name).join(", ");
        let mut title = text("TITLE");
        if title.is_empty() {
            title = path.file_stem().unwrap_or_default().to_string_lossy().replace('_', " ");
        }
        let mut options = id3::Id3Options::default();
        options.picture_bytes = PICTURE_BYTES;
        let cover = tags.pictures().iter().find(|picture| picture.kind == PictureKind::FRONT_COVER);
        let place = path.strip_prefix(folder).unwrap_or(path);
        Ok(Self {
            id: blake3::hash(place.as_os_str().as_encoded_bytes()).to_hex()[..16].to_owned(),
            title,
            artist: text("ARTIST"),
            album: text("ALBUM"),
            lyrics: text("LYRICS"),
            cover: cover.filter(|picture| picture.data.len() as u64 <= PICTURE_BYTES).cloned(),
            overlay: Overlay::new(&tags, &options),
            master,
        })
    }

    /// Which audio it is. Hashes the master if nobody has yet.
    pub(crate) async fn identify(&self, store: &Store) -> Result<MasterId, Error> {
        if let Some(id) = self.master.known_id() {
            return Ok(id);
        }
        let (master, store) = (self.master.clone(), store.clone());
        let hashed = tokio::task::spawn_blocking(move || store.masters().identify(&master)).await;
        hashed.unwrap_or_else(|panic| Err(Error::Internal { detail: panic.to_string() }))
    }

    /// What a download is called.
    pub(crate) fn file_name(&self) -> String {
        if self.artist.is_empty() { self.title.clone() } else { format!("{} - {}", self.artist, self.title) }
    }
}
