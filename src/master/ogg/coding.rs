//! What a stream holds, by its first packet.

/// What a stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::master) enum Coding {
    Flac,
    /// FLAC as it was put into Ogg before 2004.
    OldFlac,
    Pcm,
    /// Its name.
    Lossy(&'static str),
    Unknown,
}

/// What the stream holds whose first packet this is.
pub(in crate::master) fn coding(packet: &[u8]) -> Coding {
    match packet {
        [0x7f, b'F', b'L', b'A', b'C', ..] => Coding::Flac,
        [b'f', b'L', b'a', b'C', ..] => Coding::OldFlac,
        [b'P', b'C', b'M', b' ', b' ', ..] => Coding::Pcm,
        [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => Coding::Lossy("Vorbis"),
        _ if packet.starts_with(b"OpusHead") => Coding::Lossy("Opus"),
        _ if packet.starts_with(b"Speex   ") => Coding::Lossy("Speex"),
        _ => Coding::Unknown,
    }
}

/// The STREAMINFO block in the first packet of a FLAC stream.
pub(in crate::master) fn stream_info(packet: &[u8]) -> Option<&[u8; 34]> {
    packet.get(17..)?.first_chunk()
}
