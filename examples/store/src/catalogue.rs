//! What is for sale: the masters in a folder, their albums and artists.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::thread;

use tonepress::Error;
use tonepress::Store;
use tonepress::master::Master;
use walkdir::WalkDir;

use crate::notes::Notes;
use crate::search::Index;
use crate::track::{Track, id};

/// All tracks, found once, when the program starts.
pub(crate) struct Catalogue {
    /// Album by album, in their order.
    tracks: Vec<Track>,
    albums: Vec<Album>,
    artists: Vec<Artist>,
    by_id: HashMap<String, Place>,
    index: Index,
}

#[derive(Clone, Copy)]
enum Place {
    Track(usize),
    Album(usize),
    Artist(usize),
}

pub(crate) struct Album {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) artist: usize,
    pub(crate) year: String,
    /// Positions in the catalogue.
    pub(crate) tracks: std::ops::Range<usize>,
    pub(crate) notes: Notes,
}

pub(crate) struct Artist {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) albums: Vec<usize>,
}

impl Catalogue {
    /// Opens all masters below `folder`. What is none is left out; what cannot be opened or followed is said on standard error.
    pub(crate) fn open(folder: &Path) -> Result<Self, String> {
        if !folder.is_dir() {
            return Err(format!("{} is no folder", folder.display()));
        }
        let mut tracks = Vec::new();
        for entry in WalkDir::new(folder).follow_links(true) {
            let entry = match entry {
                Ok(entry) => entry,
                // Such as a link that leads nowhere.
                Err(error) => {
                    let path = error.path().unwrap_or(folder).display();
                    match error.io_error() {
                        Some(error) => eprintln!("left out: {path}: {error}"),
                        None => eprintln!("left out: {path}: a link that leads in a circle"),
                    }
                    continue;
                }
            };
            if !entry.file_type().is_file() {
                continue;
            }
            match Track::open(folder, entry.path()) {
                Ok(track) => tracks.push(track),
                // A cover, a text, an MP3 from before.
                Err(Error::Unrecognised { .. } | Error::Lossy { .. }) => {}
                Err(error) => eprintln!("left out: {error}"),
            }
        }
        Ok(Self::new(tracks))
    }

    fn new(mut tracks: Vec<Track>) -> Self {
        tracks.sort_by_cached_key(|track| {
            let lower = |text: &str| text.to_lowercase();
            let (artist, album) = (lower(&track.album_artist), lower(&track.album));
            (
                artist,
                track.year.clone(),
                album,
                track.disc,
                track.number,
                lower(&track.title),
                track.id.clone(),
            )
        });
        let mut albums: Vec<Album> = Vec::new();
        let mut artists: Vec<Artist> = Vec::new();
        let mut named: BTreeMap<String, usize> = BTreeMap::new();
        for (at, track) in tracks.iter().enumerate() {
            let same = albums.last().is_some_and(|album| {
                let first = &tracks[album.tracks.start];
                first.album == track.album
                    && first.album_artist == track.album_artist
                    && first.year == track.year
            });
            if let Some(album) = albums.last_mut().filter(|_| same) {
                album.tracks.end = at + 1;
                continue;
            }
            let artist = *named.entry(track.album_artist.clone()).or_insert_with(|| {
                let name = track.album_artist.clone();
                artists.push(Artist {
                    id: id(format!("artist\0{name}").as_bytes()),
                    name,
                    albums: Vec::new(),
                });
                artists.len() - 1
            });
            artists[artist].albums.push(albums.len());
            let key = format!("album\0{}\0{}\0{}", track.album_artist, track.album, track.year);
            let mut notes = Notes::read(track.folder());
            if let Some(tagged) = &track.notes {
                notes = notes.or(tagged);
            }
            let (title, year) = (track.album.clone(), track.year.clone());
            albums.push(Album { id: id(key.as_bytes()), title, artist, year, tracks: at..at + 1, notes });
        }
        let index = Index::new(
            tracks
                .iter()
                .map(|track| [track.title.as_str(), &track.artist, &track.album, &track.album_artist]),
        );
        let by_id = (tracks.iter().enumerate().map(|(at, track)| (track.id.clone(), Place::Track(at))))
            .chain(albums.iter().enumerate().map(|(at, album)| (album.id.clone(), Place::Album(at))))
            .chain(artists.iter().enumerate().map(|(at, artist)| (artist.id.clone(), Place::Artist(at))))
            .collect();
        Self { tracks, albums, artists, by_id, index }
    }

    pub(crate) fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    pub(crate) fn albums(&self) -> &[Album] {
        &self.albums
    }

    pub(crate) fn artists(&self) -> &[Artist] {
        &self.artists
    }

    pub(crate) const fn index(&self) -> &Index {
        &self.index
    }

    pub(crate) fn track(&self, id: &str) -> Option<&Track> {
        let Place::Track(at) = *self.by_id.get(id)? else { return None };
        self.tracks.get(at)
    }

    pub(crate) fn album(&self, id: &str) -> Option<&Album> {
        let Place::Album(at) = *self.by_id.get(id)? else { return None };
        self.albums.get(at)
    }

    pub(crate) fn artist(&self, id: &str) -> Option<&Artist> {
        let Place::Artist(at) = *self.by_id.get(id)? else { return None };
        self.artists.get(at)
    }

    /// The album that a track is on.
    pub(crate) fn album_of(&self, track: &Track) -> Option<&Album> {
        let Place::Track(at) = *self.by_id.get(&track.id)? else { return None };
        let album = self.albums.partition_point(|album| album.tracks.end <= at);
        self.albums.get(album)
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
