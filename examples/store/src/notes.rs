//! What a release has to tell: stories, links and tour dates, in a `notes.toml` beside its masters.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tonepress::tags::{LinkKind, Tags};

const MAX_BYTES: u64 = 256 << 10;

/// Notes on a release.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Notes {
    /// A text, in paragraphs.
    pub(crate) story: String,
    pub(crate) links: Vec<Link>,
    pub(crate) dates: Vec<TourDate>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Link {
    pub(crate) title: String,
    pub(crate) url: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TourDate {
    /// As 2026-12-31.
    pub(crate) day: String,
    pub(crate) place: String,
    #[serde(default)]
    pub(crate) url: String,
}

impl Notes {
    /// The notes in a folder; none if there are none, or (which is said) none that can be understood.
    pub(crate) fn read(folder: &Path) -> Self {
        let path = folder.join("notes.toml");
        match std::fs::metadata(&path) {
            Ok(file) if file.is_file() && file.len() <= MAX_BYTES => {}
            _ => return Self::default(),
        }
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        let notes = text.and_then(|text| Self::parse(&text));
        notes.unwrap_or_else(|error| {
            eprintln!("left out: {}: {error}", path.display());
            Self::default()
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut notes: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        notes.links.retain(|link| is_web(&link.url));
        for date in notes.dates.iter_mut().filter(|date| !is_web(&date.url)) {
            date.url.clear();
        }
        Ok(notes)
    }

    /// Notes that tags have of their own.
    pub(crate) fn of_tags(tags: &Tags) -> Option<Self> {
        let link = |(_, url): (&LinkKind, &str)| Link { title: shown(url), url: url.to_owned() };
        let date = |text: &String| {
            let (day, place) = text.split_once(' ')?;
            Some(TourDate { day: day.to_owned(), place: place.to_owned(), url: String::new() })
        };
        let notes = Self {
            story: tags.get("STORY").join("\n\n"),
            links: tags.links().filter(|(_, url)| is_web(url)).map(link).collect(),
            dates: tags.get("TOURDATE").iter().filter_map(date).collect(),
        };
        Some(notes).filter(|notes| *notes != Self::default())
    }

    /// These, and where they say nothing, the others.
    pub(crate) fn or(self, other: &Self) -> Self {
        Self {
            story: if self.story.is_empty() { other.story.clone() } else { self.story },
            links: if self.links.is_empty() { other.links.clone() } else { self.links },
            dates: if self.dates.is_empty() { other.dates.clone() } else { self.dates },
        }
    }

    /// Writes them into a download's tags.
    pub(crate) fn write(&self, tags: &mut Tags) {
        if !self.story.is_empty() {
            tags.set("STORY", [self.story.as_str()]);
        }
        if !self.dates.is_empty() {
            tags.set("TOURDATE", self.dates.iter().map(|date| format!("{} {}", date.day, date.place)));
        }
        if let Some(first) = self.links.first() {
            tags.set_link(LinkKind::Artist, &first.url);
        }
        if self.links.len() > 1 {
            tags.set("LINK", self.links.iter().map(|link| format!("{}: {}", link.title, link.url)));
        }
    }
}

/// Whether an address is one of the web: whatever else it may begin with, a browser may run it.
fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// An address without what all addresses begin with.
fn shown(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.trim_start_matches("www.").trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_and_travel_in_tags() {
        let notes = Notes::parse(
            "story = 'Once.'\n[[links]]\ntitle = 'Site'\nurl = 'https://a.example/'\n\
             [[links]]\ntitle = 'Bad'\nurl = 'javascript:alert(1)'\n\
             [[dates]]\nday = '2026-12-05'\nplace = 'Berlin, Lido'\nurl = 'data:x'\n",
        )
        .unwrap();
        assert_eq!((notes.links.len(), &*notes.dates[0].url), (1, ""));
        let mut tags = Tags::default();
        notes.write(&mut tags);
        assert_eq!(tags.get("TOURDATE"), ["2026-12-05 Berlin, Lido"]);
        let back = Notes::default().or(&Notes::of_tags(&tags).unwrap());
        assert_eq!((&back.story, &back.dates), (&notes.story, &notes.dates));
        assert_eq!(back.links[0].title, "a.example");
    }

    #[test]
    fn what_is_misspelt_is_told() {
        assert!(Notes::parse("storey = 'x'").unwrap_err().contains("storey"));
    }
}
