//! Renditions read as tokio's programs read files.

use std::future::poll_fn;
use std::io::SeekFrom;
use std::pin::Pin;

use futures_core::Stream;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tonepress::aio::{Chunks, Reader};

use crate::{engine, long, profile, wait};

#[test]
fn a_reader_seeks_and_reads_what_is_being_pressed() {
    for name in ["64", "v7"] {
        let (master, profile) = (long(), profile(name));
        let object = engine(2).request(&master, &profile).unwrap().wait().unwrap();
        let size = object.len();
        wait(async {
            let engine = engine(2);
            let mut reader = Reader::new(engine.request(&master, &profile).unwrap());
            for (to, at) in [
                (SeekFrom::Start(size / 2), size / 2),
                (SeekFrom::Current(-1_000), size / 2 - 900),
                (SeekFrom::End(-100), size - 100),
                (SeekFrom::End(5), size + 5),
                (SeekFrom::Start(0), 0),
            ] {
                assert_eq!(reader.seek(to).await.unwrap(), at);
                let mut some = vec![0; 100.min(size.saturating_sub(at)) as usize];
                reader.read_exact(&mut some).await.unwrap();
                assert_eq!(
                    object.as_ref().get(at as usize..).unwrap_or_default()[..some.len()],
                    some,
                    "{at}"
                );
            }
            assert!(reader.seek(SeekFrom::Current(-1_000)).await.is_err());
            reader.rewind().await.unwrap();
            let mut all = Vec::new();
            reader.read_to_end(&mut all).await.unwrap();
            assert!(all == object.as_ref());
        });
    }
}

#[test]
fn a_stream_gives_a_range_and_ends() {
    let (master, profile) = (long(), profile("64"));
    let object = engine(2).request(&master, &profile).unwrap().wait().unwrap();
    let half = object.len() / 2;
    for (range, expected) in [(half..half + 9_999, half..half + 9_999), (half..u64::MAX, half..object.len())]
    {
        let mut chunks = Chunks::new(engine(1).request(&master, &profile).unwrap(), range);
        let mut all = Vec::new();
        while let Some(chunk) = wait(poll_fn(|context| Pin::new(&mut chunks).poll_next(context))) {
            all.extend_from_slice(&chunk.unwrap());
        }
        assert!(all == object.as_ref()[expected.start as usize..expected.end as usize]);
    }
}
