//! What is written in front of MP3s, as typed; and how tags are shown.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use tonepress::master::Master;
use tonepress::tags::id3::{Id3Options, Version};
use tonepress::tags::{LinkKind, Picture, PictureKind, Tags};
use tonepress::{Error, Overlay, Store};

use super::albums::album_of;
use super::report::Failure;
use super::text::{megabytes, plain};

/// Changes to a master's tags on their way into an MP3.
#[derive(Debug, clap::Args)]
pub(crate) struct TagOptions {
    /// Set a text, such as TITLE='Für Elise'; given again it gets another value
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = name_and_value)]
    texts: Vec<(String, String)>,
    /// The front cover, in place of the master's
    #[arg(long, value_name = "FILE")]
    cover: Option<PathBuf>,
    /// Leave texts out, such as comment; also pictures, lyrics, links
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    strip: Vec<String>,
    /// Write ID3v2.3 for old players, not ID3v2.4
    #[arg(long)]
    id3v23: bool,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a text is NAME=VALUE".to_owned()),
    }
}

impl TagOptions {
    /// Whether tags are to be changed at all.
    pub(crate) fn any(&self) -> bool {
        let Self { texts, cover, strip, id3v23 } = self;
        !texts.is_empty() || cover.is_some() || !strip.is_empty() || *id3v23
    }

    /// Makes ready to tag, reading the cover once.
    pub(crate) fn tagger(&self) -> Result<Tagger, Failure> {
        let cover = self.cover.as_ref().map(|path| {
            let data = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            Picture::new(PictureKind::FRONT_COVER, data)
                .ok_or_else(|| format!("{}: not a picture (JPEG, PNG, GIF, WebP or BMP)", path.display()))
        });
        let mut options = Id3Options::default();
        if self.id3v23 {
            options.version = Version::V23;
        }
        let cover = cover.transpose().map_err(Failure::Usage)?;
        let mut texts: Vec<(String, Vec<String>)> = Vec::new();
        for (name, value) in &self.texts {
            match texts.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
                Some((_, values)) => values.push(value.clone()),
                None => texts.push((name.clone(), vec![value.clone()])),
            }
        }
        Ok(Tagger { texts, strip: self.strip.clone(), cover, options })
    }
}

/// Makes overlays for masters.
pub(crate) struct Tagger {
    texts: Vec<(String, Vec<String>)>,
    strip: Vec<String>,
    cover: Option<Picture>,
    options: Id3Options,
}

/// An overlay and what was left out of it.
#[derive(Default)]
pub(crate) struct Tagged {
    pub(crate) overlay: Overlay,
    pub(crate) notes: Vec<String>,
}

impl Tagger {
    /// The tags that an MP3 of `master` is to have, with `ReplayGain` if `store` knows it already.
    fn tags(&self, master: &Master, store: Option<&Store>) -> Result<Tags, Error> {
        let mut tags = master.tags()?;
        if let Some(store) = store {
            let album = album_of(master, &tags).key;
            store.masters().set_gain(&store.masters().identify(master)?, &album, &mut tags);
        }
        for name in &self.strip {
            match name.to_lowercase().as_str() {
                "pictures" | "cover" => tags.remove_pictures(),
                "links" => tags.remove_links(),
                "lyrics" => {
                    tags.set_synced_lyrics([]);
                    tags.remove(name);
                }
                _ => tags.remove(name),
            }
        }
        for (name, values) in &self.texts {
            tags.set(name, values);
        }
        if let Some(cover) = &self.cover {
            tags.set_picture(cover.clone());
        }
        Ok(tags)
    }

    /// The overlay of an MP3 of `master`.
    pub(crate) fn overlay(&self, master: &Master, store: Option<&Store>) -> Result<Tagged, Error> {
        let tags = self.tags(master, store)?;
        let overlay = Overlay::new(&tags, &self.options);
        let notes = tags.notes().iter().chain(overlay.notes()).map(ToString::to_string).collect();
        Ok(Tagged { overlay, notes })
    }
}

/// Tags as JSON has them.
#[derive(Serialize)]
pub(crate) struct TagsJson<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<&'a str, &'a [String]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pictures: Vec<PictureJson<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    links: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    synced_lyrics: Vec<SyncedJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tag_notes: Vec<String>,
}

#[derive(Serialize)]
struct PictureJson<'a> {
    kind: String,
    mime: &'a str,
    description: &'a str,
    bytes: usize,
}

#[derive(Serialize)]
struct SyncedJson<'a> {
    language: &'a str,
    lines: &'a [(u32, String)],
}

impl<'a> TagsJson<'a> {
    pub(crate) fn new(tags: &'a Tags) -> Self {
        let picture = |picture: &'a Picture| PictureJson {
            kind: picture.kind.to_string(),
            mime: &picture.mime,
            description: &picture.description,
            bytes: picture.data.len(),
        };
        let lyrics = tags.synced_lyrics().iter();
        Self {
            tags: tags.texts().collect(),
            pictures: tags.pictures().iter().map(picture).collect(),
            links: tags.links().map(|(kind, url)| (link_name(kind), url)).collect(),
            synced_lyrics: lyrics.map(|l| SyncedJson { language: &l.language, lines: &l.lines }).collect(),
            tag_notes: tags.notes().iter().map(ToString::to_string).collect(),
        }
    }
}

fn link_name(kind: &LinkKind) -> &str {
    match kind {
        LinkKind::AudioFile => "audio file",
        LinkKind::Artist => "artist",
        LinkKind::Source => "source",
        LinkKind::Publisher => "publisher",
        LinkKind::Shop => "shop",
        LinkKind::Payment => "payment",
        LinkKind::Copyright => "copyright",
        LinkKind::Other(description) => description,
        _ => "link",
    }
}

/// Tags for people: a line each, long ones cut.
pub(crate) fn lines(tags: &Tags) -> Vec<(String, String)> {
    let mut lines: Vec<_> =
        tags.texts().map(|(name, values)| (plain(name).into_owned(), brief(&values.join("; ")))).collect();
    for picture in tags.pictures() {
        let described =
            if picture.description.is_empty() { String::new() } else { format!(", {}", picture.description) };
        let bytes = megabytes(picture.data.len() as u64);
        lines.push((picture.kind.to_string(), brief(&format!("{}, {bytes}{described}", picture.mime))));
    }
    for (kind, url) in tags.links() {
        lines.push((link_name(kind).to_owned(), brief(url)));
    }
    for lyrics in tags.synced_lyrics() {
        lines.push(("synchronised lyrics".to_owned(), format!("{} lines", lyrics.lines.len())));
    }
    lines.extend(tags.notes().iter().map(|note| ("note".to_owned(), plain(&note.to_string()).into_owned())));
    lines
}

/// The first line, cut after as many characters as people want to read.
fn brief(text: &str) -> String {
    const MOST: usize = 100;
    let line = text.lines().next().unwrap_or_default();
    let short: String = line.chars().take(MOST).collect();
    let end = if short.len() < text.len() { "…" } else { "" };
    format!("{}{end}", plain(&short))
}
