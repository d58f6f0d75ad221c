//! The one comment that says how the audio is to be played: where the channels stand.

const NAME: &[u8] = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=";

/// The channel mask that a block of comments states (RFC 9639, section 8.6.2).
pub(in crate::master) fn channel_mask(mut block: &[u8]) -> Option<u32> {
    let program = number(&mut block)?;
    block = block.get(program..)?;
    for _ in 0..number(&mut block)? {
        let len = number(&mut block)?;
        let (comment, rest) = block.split_at_checked(len)?;
        block = rest;
        if let Some((name, value)) = comment.split_at_checked(NAME.len())
            && name.eq_ignore_ascii_case(NAME)
        {
            let value = str::from_utf8(value).ok()?.trim();
            let digits = value.strip_prefix("0x").or_else(|| value.strip_prefix("0X"));
            return digits.map_or_else(|| value.parse().ok(), |digits| u32::from_str_radix(digits, 16).ok());
        }
    }
    None
}

/// A number at the begin, which is taken off.
fn number(rest: &mut &[u8]) -> Option<usize> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    usize::try_from(u32::from_le_bytes(*head)).ok()
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
