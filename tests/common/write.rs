//! Writers of small masters, independent of the library's readers.

/// Noise-like but repeatable samples over the full range of `bits`, for `channels` channels.
pub fn samples(frames: usize, channels: usize, bits: u32) -> Vec<i32> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut last = vec![0_i64; channels];
    let full = 1_i64 << (bits - 1);
    (0..frames * channels)
        .map(|i| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Small steps compress somewhat; a rare jump reaches the extremes.
            let value = &mut last[i % channels];
            let step = (state >> 40).cast_signed() - (1 << 23);
            let jump = state.trailing_zeros() >= 8;
            *value = if jump { (step * full) >> 23 } else { *value + ((step * (full / 64 + 1)) >> 23) };
            *value = (*value).clamp(-full, full - 1);
            *value as i32
        })
        .collect()
}

/// Interleaved integers as little-endian bytes of `bits` (a multiple of 8; 8 is unsigned).
pub fn pcm_le(samples: &[i32], bits: u32) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|&s| {
            let s = if bits == 8 { s + 128 } else { s };
            s.to_le_bytes().into_iter().take(bits as usize / 8)
        })
        .collect()
}

/// The same, big-endian and always signed.
pub fn pcm_be(samples: &[i32], bits: u32) -> Vec<u8> {
    samples.iter().flat_map(|&s| s.to_be_bytes().into_iter().skip(4 - bits as usize / 8)).collect()
}

fn chunk(id: &str, body: &[u8]) -> Vec<u8> {
    let pad = &[0][..body.len() % 2];
    [id.as_bytes(), &u32::try_from(body.len()).unwrap().to_le_bytes(), body, pad].concat()
}

/// The body of a plain format chunk.
pub fn wav_format(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let block = channels * bits.div_ceil(8);
    let mut body = Vec::new();
    body.extend(tag.to_le_bytes());
    body.extend(channels.to_le_bytes());
    body.extend(rate.to_le_bytes());
    body.extend((rate * u32::from(block)).to_le_bytes());
    body.extend(block.to_le_bytes());
    body.extend(bits.to_le_bytes());
    body
}

/// The body of an extensible format chunk: `bits` of each container of `container` bits are valid.
pub fn wav_extensible(tag: u16, channels: u16, rate: u32, container: u16, bits: u16, mask: u32) -> Vec<u8> {
    let mut body = wav_format(0xfffe, channels, rate, container);
    body.extend(22_u16.to_le_bytes());
    body.extend(bits.to_le_bytes());
    body.extend(mask.to_le_bytes());
    body.extend(tag.to_le_bytes());
    body.extend(*b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71");
    body
}

/// A WAV file with chunks before and behind the audio.
pub fn wav(format: &[u8], data: &[u8]) -> Vec<u8> {
    let body = [
        b"WAVE".to_vec(),
        chunk("LIST", b"INFOINAM\x04\0\0\0abc\0"),
        chunk("fmt ", format),
        chunk("data", data),
        chunk("id3 ", b"odd"),
    ]
    .concat();
    chunk("RIFF", &body)
}

/// An RF64 file, whose sizes stand in a chunk of their own.
pub fn rf64(format: &[u8], data: &[u8]) -> Vec<u8> {
    let mut file = b"RF64\xff\xff\xff\xffWAVE".to_vec();
    let mut ds64 = Vec::new();
    ds64.extend((data.len() as u64 + 100).to_le_bytes());
    ds64.extend((data.len() as u64).to_le_bytes());
    ds64.extend([0; 12]);
    file.extend(chunk("ds64", &ds64));
    file.extend(chunk("fmt ", format));
    file.extend(b"data\xff\xff\xff\xff");
    file.extend(data);
    file.extend(&[0][..data.len() % 2]);
    file.extend(chunk("id3 ", b"odd"));
    file
}

/// An AIFF file, or AIFF-C with `compression`. `data` is big-endian unless the compression says otherwise.
pub fn aiff(compression: Option<&[u8; 4]>, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let be = |id: &[u8; 4], body: &[u8]| {
        let pad = &[0][..body.len() % 2];
        [id, &u32::try_from(body.len()).unwrap().to_be_bytes()[..], body, pad].concat()
    };
    let frames = data.len() / usize::from(channels * bits.div_ceil(8));
    let mut comm = Vec::new();
    comm.extend(channels.to_be_bytes());
    comm.extend(u32::try_from(frames).unwrap().to_be_bytes());
    comm.extend(bits.to_be_bytes());
    // 80-bit extended: an exponent and a mantissa whose first bit is the integer part.
    let shift = rate.leading_zeros();
    comm.extend(u16::try_from(16383 + 31 - shift).unwrap().to_be_bytes());
    comm.extend((u64::from(rate << shift) << 32).to_be_bytes());
    if let Some(compression) = compression {
        comm.extend(compression);
        comm.extend([0, 0]);
    }
    let body = [
        if compression.is_some() { b"AIFC".to_vec() } else { b"AIFF".to_vec() },
        be(b"NAME", b"a name"),
        be(b"COMM", &comm),
        be(b"SSND", &[&[0; 8], data].concat()),
        be(b"ANNO", b"odd"),
    ]
    .concat();
    be(b"FORM", &body)
}
