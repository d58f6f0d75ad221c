//! How MP3s are named.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use tonepress::tags::Tags;

use super::text::is_hostile;

/// How many bytes a name may have on every file system in use.
const LONGEST: usize = 255;

/// A path with `{stem}`, `{profile}`, `{dir}` and tags in it.
#[derive(Debug, Clone)]
pub(crate) struct NameTemplate(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Stem,
    Profile,
    Dir,
    /// With at least so many digits, if it is a number.
    Tag(Tag, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Artist,
    AlbumArtist,
    Album,
    Title,
    Track,
    Disc,
    Date,
    Year,
    Genre,
    Composer,
}

/// What a tag is called in templates, and where its value is looked for.
const TAGS: [(&str, Tag, &[&str]); 10] = [
    ("artist", Tag::Artist, &["ARTIST", "ALBUMARTIST"]),
    ("albumartist", Tag::AlbumArtist, &["ALBUMARTIST", "ARTIST"]),
    ("album", Tag::Album, &["ALBUM"]),
    ("title", Tag::Title, &["TITLE"]),
    ("track", Tag::Track, &["TRACKNUMBER"]),
    ("disc", Tag::Disc, &["DISCNUMBER"]),
    ("date", Tag::Date, &["DATE"]),
    ("year", Tag::Year, &["DATE", "YEAR"]),
    ("genre", Tag::Genre, &["GENRE"]),
    ("composer", Tag::Composer, &["COMPOSER"]),
];

impl Default for NameTemplate {
    fn default() -> Self {
        let text = |text: &str| Part::Text(text.to_owned());
        Self(vec![Part::Dir, text("/"), Part::Stem, text("."), Part::Profile, text(".mp3")])
    }
}

impl FromStr for NameTemplate {
    type Err = String;

    fn from_str(template: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a '{' without its '}'")?;
            parts.push(Part::Text(text.to_owned()));
            parts.push(part(name)?);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        if template.is_empty() || template.ends_with('/') {
            return Err("it must end with the name of a file".to_owned());
        }
        if template.split('/').any(|part| part == "..") {
            return Err("it may not leave the folder with '..'; see --output".to_owned());
        }
        if !rest.contains('.') {
            parts.push(Part::Text(".mp3".to_owned()));
        }
        Ok(Self(parts))
    }
}

fn part(name: &str) -> Result<Part, String> {
    let (name, digits) = name.split_once(':').map_or((name, None), |(name, digits)| (name, Some(digits)));
    let known = TAGS.iter().find(|(called, ..)| *called == name);
    let part = match (name, known, digits) {
        ("stem", _, None) => Part::Stem,
        ("profile", _, None) => Part::Profile,
        ("dir", _, None) => Part::Dir,
        (_, Some((_, tag, _)), None) => Part::Tag(*tag, 0),
        (_, Some((_, tag @ (Tag::Track | Tag::Disc), _)), Some(digits)) => {
            let digits = digits.strip_prefix('0').and_then(|digits| digits.parse().ok()).filter(|&n| n <= 9);
            Part::Tag(
                *tag,
                digits.ok_or_else(|| format!("{{{name}:02}} has two digits; up to 9 can be had"))?,
            )
        }
        (_, Some(_), Some(_)) | ("stem" | "profile" | "dir", _, Some(_)) => {
            return Err(format!("{{{name}}} is no number: digits are for {{track:02}} and {{disc:02}}"));
        }
        _ => {
            let tags: Vec<_> = TAGS.iter().map(|(name, ..)| format!("{{{name}}}")).collect();
            return Err(format!(
                "there is no {{{name}}}, only {{stem}}, {{profile}}, {{dir}}, {}",
                tags.join(", ")
            ));
        }
    };
    Ok(part)
}

/// What a name is made of.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    /// Where the master lies below the folder that was given.
    pub(crate) dir: &'a Path,
    pub(crate) stem: &'a OsStr,
    pub(crate) profile: &'a str,
    pub(crate) tags: &'a Tags,
}

/// A part of one name, without slashes.
struct Piece {
    text: OsString,
    tag: bool,
    missing: bool,
}

impl Piece {
    fn typed(text: impl Into<OsString>) -> Self {
        Self { text: text.into(), tag: false, missing: false }
    }
}

impl NameTemplate {
    /// Whether tags have to be read for it.
    pub(crate) fn has_tags(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Tag(..)))
    }

    pub(crate) fn has_profile(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Profile))
    }

    /// The path below `base`.
    pub(crate) fn path(&self, base: &Path, of: Named) -> PathBuf {
        let mut names: Vec<Vec<Piece>> = vec![Vec::new()];
        let push = |names: &mut Vec<Vec<Piece>>, piece| {
            if let Some(name) = names.last_mut() {
                name.push(piece);
            }
        };
        for part in &self.0 {
            match part {
                Part::Text(text) => {
                    for (at, text) in text.split('/').enumerate() {
                        if at > 0 {
                            names.push(Vec::new());
                        }
                        push(&mut names, Piece::typed(text));
                    }
                }
                Part::Stem => push(&mut names, Piece::typed(of.stem)),
                Part::Profile => push(&mut names, Piece::typed(of.profile)),
                Part::Dir => {
                    for (at, folder) in of.dir.iter().enumerate() {
                        if at > 0 {
                            names.push(Vec::new());
                        }
                        push(&mut names, Piece::typed(folder));
                    }
                }
                Part::Tag(tag, digits) => {
                    let value = value(*tag, *digits, &of);
                    push(&mut names, Piece { missing: value.is_empty(), text: value.into(), tag: true });
                }
            }
        }
        let last = names.len() - 1;
        let relative: PathBuf = names
            .into_iter()
            .enumerate()
            .map(|(at, pieces)| name(pieces, (at == last).then_some(of.stem)))
            .collect();
        // An empty {dir} leaves nothing, which must not lead to the root of the file system; and the stem of a
        // master can be "..".
        let relative: PathBuf =
            relative.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        base.join(relative)
    }
}

/// The value of a tag, as it may be part of a name; empty if it is missing and nothing can stand for it.
fn value(tag: Tag, digits: usize, of: &Named) -> String {
    let names = TAGS.iter().find(|(_, other, _)| *other == tag).map_or(&[][..], |(.., names)| names);
    let text = of.tags.first_of(names).filter(|text| !text.trim().is_empty());
    let text = match (tag, text) {
        // "3/12" is the third of twelve.
        (Tag::Track | Tag::Disc, Some(text)) => {
            let number = text.split('/').next().unwrap_or_default().trim().to_owned();
            number.parse::<u32>().map_or(number, |number| format!("{number:0digits$}"))
        }
        (Tag::Year, Some(text)) => text.chars().take(4).collect(),
        (_, Some(text)) => text,
        (Tag::Artist | Tag::AlbumArtist, None) => "Unknown Artist".to_owned(),
        (Tag::Album, None) => "Unknown Album".to_owned(),
        (Tag::Title, None) => of.stem.to_string_lossy().into_owned(),
        (_, None) => String::new(),
    };
    let legal = |char| if is_hostile(char) || r#"/\:*?"<>|"#.contains(char) { '_' } else { char };
    text.trim().chars().map(legal).collect()
}

/// One name of its pieces. What comes from tags is made such that every file system takes it; what was typed, and the
/// names of masters, are left alone. `instead` stands for the name of a file that would be empty.
fn name(mut pieces: Vec<Piece>, instead: Option<&OsStr>) -> OsString {
    if !pieces.iter().any(|piece| piece.tag) {
        return pieces.into_iter().map(|piece| piece.text).collect();
    }
    if pieces.iter().any(|piece| piece.missing) {
        bridge(&mut pieces);
    }
    if let Some(first) = pieces.iter_mut().find(|piece| !piece.text.is_empty()).filter(|piece| piece.tag)
        && let Some(rest) = first.text.to_string_lossy().strip_prefix('.')
    {
        first.text = format!("_{rest}").into(); // hidden files are nobody's music
    }
    if let Some(last) = pieces.iter_mut().rfind(|piece| !piece.text.is_empty()).filter(|piece| piece.tag) {
        // Windows drops these.
        last.text = last.text.to_string_lossy().trim_end_matches(['.', ' ']).into();
    }
    let ending = pieces.last().map_or(0, |last| if last.tag { 0 } else { last.text.len() });
    let length = |pieces: &[Piece]| pieces.iter().map(|piece| piece.text.len()).sum::<usize>();
    if let Some(stem) = instead.filter(|_| length(&pieces) == ending) {
        pieces.insert(0, Piece { text: stem.into(), tag: true, missing: false });
    }
    let reserved = reserved(&pieces.iter().map(|piece| &*piece.text).collect::<OsString>());
    if reserved {
        pieces.insert(0, Piece::typed("_"));
    }
    while length(&pieces) > LONGEST {
        let excess = length(&pieces) - LONGEST;
        let Some(longest) = pieces.iter_mut().filter(|piece| piece.tag).max_by_key(|piece| piece.text.len())
        else {
            break;
        };
        let text = longest.text.to_string_lossy().into_owned();
        let most = text.len().saturating_sub(excess).max(1);
        let keep = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        if keep == text.len() || keep == 0 {
            break; // told as too long when it is looked for
        }
        longest.text = text[..keep].trim_end().into();
    }
    pieces.into_iter().map(|piece| piece.text).collect()
}

/// Takes away what was typed to set a missing value off: of "{track} - {title}" there is left the title.
fn bridge(pieces: &mut Vec<Piece>) {
    const SETS_OFF: [char; 5] = [' ', '-', '_', '.', ','];
    let last = pieces.len() - 1;
    let mut at_start = true;
    for (at, piece) in pieces.iter_mut().enumerate() {
        let text = piece.text.to_string_lossy();
        let sets_off = !piece.tag && at < last && text.chars().all(|char| SETS_OFF.contains(&char));
        if at_start && (sets_off || piece.missing) {
            piece.text = OsString::new();
        } else {
            at_start = false;
        }
    }
    // In the middle: "a - - b" becomes "a - b".
    let mut after_gap = false;
    pieces.retain(|piece| {
        let text = piece.text.to_string_lossy();
        let sets_off = !piece.tag && !text.is_empty() && text.chars().all(|char| SETS_OFF.contains(&char));
        let goes = after_gap && sets_off;
        after_gap = piece.missing || (after_gap && !goes && text.is_empty());
        !goes
    });
}

/// Whether Windows keeps a name for devices.
fn reserved(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |kind: &str| {
        stem.strip_prefix(kind)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tagged(template: &str, texts: &[(&str, &str)]) -> String {
        let template: NameTemplate = template.parse().unwrap();
        let mut tags = Tags::default();
        for (name, value) in texts {
            tags.add(name, value);
        }
        let of = Named { dir: Path::new("a/b"), stem: "song".as_ref(), profile: "128", tags: &tags };
        let path = template.path(Path::new("out"), of);
        path.to_str().unwrap().strip_prefix("out/").unwrap().to_owned()
    }

    fn path(template: &str, dir: &str, stem: &str) -> PathBuf {
        let template: NameTemplate = template.parse().unwrap();
        let tags = Tags::default();
        let of = Named { dir: Path::new(dir), stem: stem.as_ref(), profile: "128", tags: &tags };
        template.path(Path::new("out"), of)
    }

    #[test]
    fn a_template_is_filled_in() {
        let plain = |template, dir| path(template, dir, "song");
        assert_eq!(plain("{dir}/{stem}.{profile}.mp3", "a/b"), Path::new("out/a/b/song.128.mp3"));
        assert_eq!(plain("{dir}/{stem}.{profile}.mp3", ""), Path::new("out/song.128.mp3"));
        assert_eq!(plain("{profile}/{dir}/{stem}.mp3", ""), Path::new("out/128/song.mp3"));
        assert_eq!(plain("{dir}-{stem}", "a/b"), Path::new("out/a/b-song.mp3"));
        let tags = Tags::default();
        let of = Named { dir: Path::new(""), stem: "x".as_ref(), profile: "v0", tags: &tags };
        assert_eq!(NameTemplate::default().path(Path::new("out"), of), Path::new("out/x.v0.mp3"));
    }

    #[test]
    fn tags_make_names() {
        let all = [
            ("ALBUMARTIST", "Wilhelm Kempff"),
            ("ARTIST", "Beethoven"),
            ("ALBUM", "Moonlight"),
            ("TITLE", "Presto"),
            ("TRACKNUMBER", "3/12"),
            ("DATE", "1965-02-03"),
        ];
        let template = "{albumartist}/{album} ({year})/{track:02} {title}";
        assert_eq!(tagged(template, &all), "Wilhelm Kempff/Moonlight (1965)/03 Presto.mp3");
        assert_eq!(tagged("{artist} - {title}.{profile}.mp3", &all), "Beethoven - Presto.128.mp3");
        assert_eq!(tagged("{track:03}", &[("TRACKNUMBER", "A1")]), "A1.mp3", "sides of records");
    }

    #[test]
    fn what_is_missing_leaves_no_trace() {
        let only = |template, name, value| tagged(template, &[(name, value)]);
        assert_eq!(
            tagged("{albumartist}/{album}/{track:02} {title}", &[]),
            "Unknown Artist/Unknown Album/song.mp3"
        );
        assert_eq!(only("{albumartist}/{title}", "ARTIST", "Björk"), "Björk/song.mp3");
        assert_eq!(only("{disc}-{track:02} - {title}", "TITLE", "x"), "x.mp3");
        assert_eq!(only("{title} - {composer} - {profile}", "TITLE", "x"), "x - 128.mp3");
        assert_eq!(only("{genre}/{title}", "TITLE", "x"), "x.mp3");
        assert_eq!(only("{genre}", "TITLE", "x"), "song.mp3");
    }

    #[test]
    fn no_value_leads_astray_or_is_too_much_for_a_file_system() {
        let title = |value: &str| tagged("{title}", &[("TITLE", value)]);
        for (value, name) in [
            ("AC/DC: a\\b?", "AC_DC_ a_b_.mp3"),
            ("..", "_..mp3"),
            ("../../etc/passwd", "_._.._etc_passwd.mp3"),
            (".hidden", "_hidden.mp3"),
            ("a\nb\u{202e}c", "a_b_c.mp3"),
            ("CON", "_CON.mp3"),
            ("com7.x", "_com7.x.mp3"),
            ("  spaced  ", "spaced.mp3"),
        ] {
            assert_eq!(title(value), name, "{value}");
        }
        assert_eq!(tagged("{album}/{title}", &[("ALBUM", "Etc. . ."), ("TITLE", "x")]), "Etc/x.mp3");
        let long = "ü".repeat(400);
        let name = title(&long);
        assert!(name.len() <= 255 && name.ends_with("ü.mp3"), "{name}");
        let both = tagged("{title} {artist}.{profile}.mp3", &[("TITLE", &long), ("ARTIST", "Björk")]);
        assert!(both.len() <= 255 && both.ends_with("ü Björk.128.mp3"), "{both}");
    }

    proptest! {
        #[test]
        fn whatever_tags_say_it_is_a_name_below_the_folder(
            values in prop::collection::vec("\\PC{0,30}|[./\\\\ ]{0,8}|\\x00\\n", 4),
            template in prop::sample::select(vec!["{artist}/{album}/{track:02} {title}", "{title}", "{date}{genre}-{title}.mp3"]),
        ) {
            let names = ["ARTIST", "ALBUM", "TITLE", "TRACKNUMBER"];
            let texts: Vec<_> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
            let name = tagged(template, &texts);
            for part in name.split('/') {
                prop_assert!(!part.is_empty() && part.len() <= 255 && !part.starts_with('.'), "{}", name);
                prop_assert!(!part.ends_with(['.', ' ']) && !part.contains(is_hostile), "{}", name);
            }
            prop_assert!(Path::new(&name).extension() == Some("mp3".as_ref()) && name.split('/').count() <= template.split('/').count());
        }
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        assert_eq!(path("{stem}/{profile}.mp3", "", ".."), Path::new("out/128.mp3"));
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused() {
        for template in
            ["{band}.mp3", "{stem", "", "{dir}/", "../{stem}.mp3", "{title:02}", "{track:x}", "{stem:02}"]
        {
            assert!(template.parse::<NameTemplate>().is_err(), "{template}");
        }
    }
}
