//! The names of texts: what each is called in every kind of tag.

use std::borrow::Cow;

/// How a text is written in `ID3v2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame {
    /// In this text frame.
    Text(&'static str),
    /// In a TXXX frame of this description.
    User(&'static str),
    /// As the name of somebody with this role (TIPL, or IPLS in v2.3).
    Role(&'static str),
    /// In a form of its own.
    Special,
}

/// A text that is known, by its name in Vorbis comments.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// Other names in Vorbis comments, TXXX frames and MP4's free-form atoms.
    pub(crate) aliases: &'static [&'static str],
    pub(crate) frame: Frame,
    /// The atoms of MP4.
    pub(crate) atoms: &'static [[u8; 4]],
    /// The chunks of RIFF INFO.
    pub(crate) info: &'static [[u8; 4]],
}

macro_rules! fields {
    ($($name:literal [$($alias:literal)*] $frame:expr, [$($atom:literal)*] [$($info:literal)*];)*) => {
        /// All known texts, in the order in which they are written.
        pub(crate) const FIELDS: &[Field] = &[$(Field {
            name: $name,
            aliases: &[$($alias),*],
            frame: $frame,
            atoms: &[$(*$atom),*],
            info: &[$(*$info),*],
        }),*];
    };
}

use Frame::{Role, Special, Text, User};

fields! {
    // Name, aliases, frame, atoms, INFO chunks.
    "TITLE" [] Text("TIT2"), [b"\xa9nam"] [b"INAM"];
    "SUBTITLE" [] Text("TIT3"), [] [];
    "ARTIST" [] Text("TPE1"), [b"\xa9ART"] [b"IART"];
    "ALBUM" [] Text("TALB"), [b"\xa9alb"] [b"IPRD"];
    "ALBUMARTIST" ["ALBUM ARTIST" "ALBUM_ARTIST"] Text("TPE2"), [b"aART"] [];
    "TRACKNUMBER" ["TRACK" "TRACK NUMBER"] Special, [] [b"IPRT" b"ITRK"];
    "TRACKTOTAL" ["TOTALTRACKS"] Special, [] [];
    "DISCNUMBER" ["DISC"] Special, [] [];
    "DISCTOTAL" ["TOTALDISCS"] Special, [] [];
    "DISCSUBTITLE" [] Text("TSST"), [] [];
    "DATE" ["YEAR" "RECORDED DATE"] Text("TDRC"), [b"\xa9day"] [b"ICRD"];
    "ORIGINALDATE" ["ORIGINALYEAR" "ORIGINAL YEAR"] Text("TDOR"), [] [];
    "RELEASEDATE" ["RELEASETIME"] Text("TDRL"), [] [];
    "GENRE" [] Text("TCON"), [b"\xa9gen"] [b"IGNR"];
    "COMPOSER" [] Text("TCOM"), [b"\xa9wrt"] [b"IMUS"];
    "LYRICIST" [] Text("TEXT"), [] [b"IWRI"];
    "PERFORMER" [] Special, [] [];
    "CONDUCTOR" [] Text("TPE3"), [b"\xa9con"] [];
    "REMIXER" ["MIXARTIST"] Text("TPE4"), [] [];
    "ARRANGER" [] Role("arranger"), [b"\xa9arg"] [];
    "ENGINEER" [] Role("engineer"), [] [b"IENG"];
    "PRODUCER" [] Role("producer"), [b"\xa9prd"] [b"IPRO"];
    "DJMIXER" [] Role("DJ-mix"), [] [];
    "MIXER" [] Role("mix"), [] [];
    "ORIGINALALBUM" [] Text("TOAL"), [] [];
    "ORIGINALARTIST" [] Text("TOPE"), [] [];
    "ORIGINALLYRICIST" [] Text("TOLY"), [] [];
    "GROUPING" [] Text("TIT1"), [b"\xa9grp"] [];
    "WORK" [] User("WORK"), [b"\xa9wrk"] [];
    "MOVEMENTNAME" [] Text("MVNM"), [b"\xa9mvn"] [];
    "MOVEMENT" ["MOVEMENTNUMBER"] Special, [b"\xa9mvi"] [];
    "MOVEMENTTOTAL" ["MOVEMENTCOUNT"] Special, [b"\xa9mvc"] [];
    "ISRC" [] Text("TSRC"), [] [];
    "BARCODE" ["UPC" "EAN/UPN"] User("BARCODE"), [] [];
    "LABEL" ["ORGANIZATION" "PUBLISHER"] Text("TPUB"), [b"\xa9pub"] [b"IPUB"];
    "CATALOGNUMBER" ["CATALOG" "LABELNO"] User("CATALOGNUMBER"), [] [];
    "COPYRIGHT" [] Text("TCOP"), [b"cprt"] [b"ICOP"];
    "BPM" ["TEMPO"] Text("TBPM"), [] [b"IBPM"];
    "KEY" ["INITIALKEY" "KEY SIGNATURE"] Text("TKEY"), [] [];
    "LANGUAGE" [] Text("TLAN"), [] [b"ILNG"];
    "MEDIA" [] Text("TMED"), [] [b"IMED"];
    "MOOD" [] Text("TMOO"), [] [];
    "ENCODEDBY" ["ENCODED-BY" "ENCODED_BY"] Text("TENC"), [] [];
    "COMPILATION" ["ITUNESCOMPILATION"] Text("TCMP"), [b"cpil"] [];
    "TITLESORT" [] Text("TSOT"), [b"sonm"] [];
    "ARTISTSORT" [] Text("TSOP"), [b"soar"] [];
    "ALBUMSORT" [] Text("TSOA"), [b"soal"] [];
    "ALBUMARTISTSORT" [] Text("TSO2"), [b"soaa"] [];
    "COMPOSERSORT" [] Text("TSOC"), [b"soco"] [];
    "MUSICBRAINZ_TRACKID" ["MUSICBRAINZ TRACK ID"] Special, [] [];
    "MUSICBRAINZ_RELEASETRACKID" ["MUSICBRAINZ RELEASE TRACK ID"] User("MusicBrainz Release Track Id"), [] [];
    "MUSICBRAINZ_ALBUMID" ["MUSICBRAINZ ALBUM ID"] User("MusicBrainz Album Id"), [] [];
    "MUSICBRAINZ_ARTISTID" ["MUSICBRAINZ ARTIST ID"] User("MusicBrainz Artist Id"), [] [];
    "MUSICBRAINZ_ALBUMARTISTID" ["MUSICBRAINZ ALBUM ARTIST ID"] User("MusicBrainz Album Artist Id"), [] [];
    "MUSICBRAINZ_RELEASEGROUPID" ["MUSICBRAINZ RELEASE GROUP ID"] User("MusicBrainz Release Group Id"), [] [];
    "MUSICBRAINZ_WORKID" ["MUSICBRAINZ WORK ID"] User("MusicBrainz Work Id"), [] [];
    "MUSICBRAINZ_DISCID" ["MUSICBRAINZ DISC ID"] User("MusicBrainz Disc Id"), [] [];
    "RELEASETYPE" ["MUSICBRAINZ ALBUM TYPE" "MUSICBRAINZ_ALBUMTYPE"] User("MusicBrainz Album Type"), [] [];
    "RELEASESTATUS" ["MUSICBRAINZ ALBUM STATUS" "MUSICBRAINZ_ALBUMSTATUS"] User("MusicBrainz Album Status"), [] [];
    "RELEASECOUNTRY" ["MUSICBRAINZ ALBUM RELEASE COUNTRY"] User("MusicBrainz Album Release Country"), [] [];
    "ACOUSTID_ID" ["ACOUSTID ID"] User("Acoustid Id"), [] [];
    "ACOUSTID_FINGERPRINT" ["ACOUSTID FINGERPRINT"] User("Acoustid Fingerprint"), [] [];
    "REPLAYGAIN_TRACK_GAIN" [] User("REPLAYGAIN_TRACK_GAIN"), [] [];
    "REPLAYGAIN_TRACK_PEAK" [] User("REPLAYGAIN_TRACK_PEAK"), [] [];
    "REPLAYGAIN_ALBUM_GAIN" [] User("REPLAYGAIN_ALBUM_GAIN"), [] [];
    "REPLAYGAIN_ALBUM_PEAK" [] User("REPLAYGAIN_ALBUM_PEAK"), [] [];
    "COMMENT" ["DESCRIPTION" "COMMENTS"] Special, [b"\xa9cmt" b"desc"] [b"ICMT"];
    "LYRICS" ["UNSYNCEDLYRICS" "UNSYNCED LYRICS"] Special, [b"\xa9lyr"] [];
}

/// What tells about the master's file, not about its music, and is wrong of any other file: the encoder and
/// its settings, a mask of channels, the lengths of encoder delay.
const OF_THE_FILE: [&str; 13] = [
    "ENCODER",
    "ENCODER_OPTIONS",
    "ENCODER SETTINGS",
    "ENCODERSETTINGS",
    "ENCODING APPLICATION",
    "SOURCE ENCODER",
    "NOMINAL BIT RATE",
    "CHANNEL LAYOUT",
    "APPROXIMATE DURATION IN SECONDS",
    "WAVEFORMATEXTENSIBLE_CHANNEL_MASK",
    "MAJOR_BRAND",
    "MINOR_VERSION",
    "COMPATIBLE_BRANDS",
];

/// The known text of this name or alias.
pub(crate) fn known(name: &str) -> Option<&'static Field> {
    let is = |other: &&str| other.eq_ignore_ascii_case(name);
    FIELDS.iter().find(|field| is(&field.name) || field.aliases.iter().any(is))
}

/// The name under which a text is kept: names do not differ by case.
pub(crate) fn canonical(name: &str) -> Cow<'static, str> {
    known(name).map_or_else(|| name.to_uppercase().into(), |field| field.name.into())
}

/// Whether a text by this name describes the master's file rather than its music.
pub(crate) fn is_of_the_file(name: &str) -> bool {
    OF_THE_FILE.iter().any(|other| other.eq_ignore_ascii_case(name))
        || name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("iTun")) && known(name).is_none()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_means_one_thing() {
        let mut names = HashSet::new();
        for field in FIELDS {
            for name in std::iter::once(&field.name).chain(field.aliases) {
                assert_eq!(*name, name.to_uppercase());
                assert!(names.insert(*name), "{name} is there twice");
                assert!(!is_of_the_file(name), "{name}");
            }
            if let User(description) = field.frame {
                assert_eq!(canonical(description), field.name, "what is written is read back");
            }
        }
    }

    #[test]
    fn what_describes_the_file_is_told_apart() {
        assert!(is_of_the_file("encoder") && is_of_the_file("iTunSMPB"));
        assert!(!is_of_the_file("ITUNESCOMPILATION") && !is_of_the_file("Größe"));
    }
}
