//! Vorbis comments, native and in Ogg (RFC 9639, section 8.6), and the one of them that says how the audio is to be
//! played: where the channels stand.

/// The comments of a block, in their order: a name, "=" and a value each, most often in UTF-8.
pub(crate) struct Comments<'a> {
    rest: &'a [u8],
    /// How many there are to be, and how many were read.
    count: u32,
    read: u32,
}

impl<'a> Comments<'a> {
    /// Those of `block`: the name of a program, their number, and they, each with its length before it.
    ///
    /// # Errors
    /// How the block ends too early.
    pub(crate) fn new(mut block: &'a [u8]) -> Result<Self, String> {
        let rest = &mut block;
        string(rest).ok_or("they end within the name of their program")?;
        let count = number(rest).ok_or("they end before their number")?;
        Ok(Self { rest: block, count, read: 0 })
    }
}

/// After an error, which says how the block ends too early, there is none.
impl<'a> Iterator for Comments<'a> {
    type Item = Result<&'a [u8], String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.read == self.count {
            return None;
        }
        if let Some(comment) = string(&mut self.rest) {
            self.read += 1;
            return Some(Ok(comment));
        }
        let error = format!("they end after {} of {}", self.read, self.count);
        self.count = self.read;
        Some(Err(error))
    }
}

/// The channel mask that a block of comments states (RFC 9639, section 8.6.2).
pub(in crate::master) fn channel_mask(block: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=";
    let value = Comments::new(block).ok()?.flatten().find_map(|comment| {
        let (name, value) = comment.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then_some(value)
    })?;
    let value = str::from_utf8(value).ok()?.trim();
    let digits = value.strip_prefix("0x").or_else(|| value.strip_prefix("0X"));
    digits.map_or_else(|| value.parse().ok(), |digits| u32::from_str_radix(digits, 16).ok())
}

/// Bytes with their number before them, which are taken off.
fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(number(rest)?).ok()?;
    let (bytes, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(bytes)
}

/// A number at the begin, which is taken off.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(u32::from_le_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(comments: &[&str]) -> Vec<u8> {
        let mut block = [&3_u32.to_le_bytes()[..], b"abc", &(comments.len() as u32).to_le_bytes()].concat();
        for comment in comments {
            block.extend((comment.len() as u32).to_le_bytes());
            block.extend(comment.as_bytes());
        }
        block
    }

    #[test]
    fn comments_are_told_apart() {
        let whole = block(&["TITLE=x", "", "A=b=c"]);
        let read =
            |block: &[u8]| Comments::new(block).map(|all| all.map(|one| one.map(<[u8]>::to_vec)).collect());
        let wanted: Vec<Result<Vec<u8>, String>> =
            vec![Ok(b"TITLE=x".into()), Ok(vec![]), Ok(b"A=b=c".into())];
        assert_eq!(read(&whole), Ok(wanted.clone()));
        // Cut anywhere, those before are read, and one error says where they end.
        let starts = [11, 22, 26, 35];
        for cut in 0..whole.len() {
            let there = starts.iter().filter(|start| **start <= cut).count();
            let read: Result<Vec<_>, _> = read(&whole[..cut]);
            match there.checked_sub(1) {
                None if cut < 7 => assert_eq!(read, Err("they end within the name of their program".into())),
                None => assert_eq!(read, Err("they end before their number".into())),
                Some(there) => {
                    let error = Err(format!("they end after {there} of 3"));
                    assert_eq!(read, Ok([&wanted[..there], &[error]].concat()));
                }
            }
        }
    }

    #[test]
    fn masks_are_found() {
        let mask = |value: &str| {
            channel_mask(&block(&["TITLE=x", &format!("WaveFormatExtensible_Channel_Mask={value}"), "A=b"]))
        };
        assert_eq!(mask("0x60F"), Some(0x60f));
        assert_eq!(mask("0X0000000b"), Some(0xb));
        assert_eq!(mask(" 63 "), Some(63));
        for wrong in ["", "0x", "0x1ffffffff", "front", "-1"] {
            assert_eq!(mask(wrong), None, "{wrong}");
        }
        assert_eq!(channel_mask(&block(&["TITLE=x"])), None);
        let whole = block(&["WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x3"]);
        for cut in 0..whole.len() {
            assert_eq!(channel_mask(&whole[..cut]), None);
        }
    }
}
