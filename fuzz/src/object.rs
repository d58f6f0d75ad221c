//! The reader of stored renditions: what is not one is a miss, and what is one is read within its bounds.

use std::cell::OnceCell;

use tonepress::ReadAt as _;

use super::stored::{Stored, replace};
use super::take;

thread_local! {
    static STORES: OnceCell<[Stored; 2]> = const { OnceCell::new() };
}

/// Two numbers that say what to read, then the rendition.
pub fn run(mut data: &[u8]) {
    let (offset, len) = (take::long(&mut data), u16::from_le_bytes(take::bytes(&mut data)));
    STORES.with(|stores| {
        for (stored, verified) in
            stores.get_or_init(|| [false, true].map(Stored::new)).iter().zip([false, true])
        {
            replace(&stored.object, data);
            let object = stored.store.get(&stored.key()).unwrap();
            if verified {
                assert_eq!(object.is_some(), data == stored.bytes);
            }
            match object {
                Some(object) => {
                    assert!(object.as_ref() == data);
                    let rest = usize::try_from(offset)
                        .ok()
                        .and_then(|offset| data.get(offset..))
                        .unwrap_or_default();
                    let mut buffer = vec![0; len.into()];
                    let read = object.read_at(&mut buffer, offset).unwrap();
                    assert!(buffer[..read] == rest[..rest.len().min(len.into())]);
                    let end = offset.saturating_add(len.into());
                    assert_eq!(object.range(offset..end).is_some(), offset <= end && end <= object.len());
                    if let Some(start) = end.checked_add(1) {
                        assert_eq!(object.range(start..offset), None, "backwards");
                    }
                }
                None => assert!(!stored.object.exists(), "it was set aside"),
            }
            stored.restore();
        }
    });
}

pub fn seeds() -> Vec<Vec<u8>> {
    let bytes = Stored::new(false).bytes;
    [0_u64, 100, bytes.len() as u64]
        .map(|offset| [&offset.to_le_bytes()[..], &[100, 0], &bytes].concat())
        .to_vec()
}
