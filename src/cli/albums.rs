//! Which masters make up an album, and how loud it is as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tonepress::master::loudness::{self, Loudness};
use tonepress::master::{Master, MasterId};
use tonepress::tags::Tags;
use tonepress::{Error, Store};

use super::masters::Candidate;

/// The album that a master is of.
pub(crate) struct AlbumOf {
    /// No two albums have the same.
    pub(crate) key: String,
    /// For people.
    name: String,
}

/// The album that a master with these tags is of: what ALBUM and ALBUMARTIST say; without ALBUMARTIST, what
/// ALBUM says within its folder, for many an album is called "Greatest Hits"; without ALBUM, its folder.
pub(crate) fn album_of(master: &Master, tags: &Tags) -> AlbumOf {
    let path = Path::new(master.name());
    let folder = folder_of(path).display().to_string();
    match (tags.get("ALBUM"), tags.get("ALBUMARTIST")) {
        ([], _) => AlbumOf { key: folder, name: shown_folder(path) },
        (album, []) => {
            let album = album.join("; ");
            AlbumOf { key: format!("{folder}: {album}"), name: format!("{}: {album}", shown_folder(path)) }
        }
        (album, artist) => {
            let name = format!("{}: {}", artist.join("; "), album.join("; "));
            AlbumOf { key: name.clone(), name }
        }
    }
}

/// The folder of a file, whichever way it is named.
fn folder_of(path: &Path) -> PathBuf {
    let folder = parent(path);
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

fn shown_folder(path: &Path) -> String {
    parent(path).display().to_string()
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// The albums among the masters, each as far as it has been measured.
#[derive(Default)]
pub(crate) struct Albums {
    albums: BTreeMap<String, Album>,
    /// How many masters could not be measured, by folder: of which album they are may not be known.
    failed: BTreeMap<PathBuf, u64>,
}

pub(crate) struct Album {
    pub(crate) name: String,
    pub(crate) loudness: Loudness,
    pub(crate) masters: Vec<MasterId>,
    folders: Vec<PathBuf>,
    /// Whether some of it was named and not found in a folder: then there may be more.
    named: bool,
}

impl Albums {
    /// Adds a master that was measured.
    pub(crate) fn add(&mut self, candidate: &Candidate, master: &Master, tags: &Tags, loudness: &Loudness) {
        let Some(id) = master.known_id() else { return };
        let AlbumOf { key, name } = album_of(master, tags);
        let album = self.albums.entry(key).or_insert_with(|| Album {
            name,
            loudness: Loudness::default(),
            masters: Vec::new(),
            folders: Vec::new(),
            named: false,
        });
        album.loudness = loudness::album([&album.loudness, loudness]);
        album.masters.push(id);
        let folder = folder_of(&candidate.path);
        if !album.folders.contains(&folder) {
            album.folders.push(folder);
        }
        album.named |= !candidate.found;
    }

    /// Notes that a master could not be measured.
    pub(crate) fn fail(&mut self, candidate: &Candidate) {
        *self.failed.entry(folder_of(&candidate.path)).or_default() += 1;
    }

    /// All albums, each with how many masters failed that may be of it.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&Album, u64)> {
        self.albums.values().map(|album| (album, self.failed_of(album)))
    }

    fn failed_of(&self, album: &Album) -> u64 {
        album.folders.iter().filter_map(|folder| self.failed.get(folder)).sum()
    }

    /// Notes in the store how loud the albums are that were measured as a whole: all of the folders that they lie
    /// in, without a failure.
    pub(crate) fn note(&self, store: &Store) -> Result<(), Error> {
        for (key, album) in &self.albums {
            if !album.named && self.failed_of(album) == 0 {
                store.masters().note_album(key, &album.masters, &album.loudness)?;
            }
        }
        Ok(())
    }
}
