//! Opening a master, identifying and verifying it: errors at worst, and the same ones each time.

use super::masters::open;

/// More samples than this are not decoded: the time goes into many inputs, not into long ones.
const SHORT: u64 = 1 << 18;

pub fn run(data: &[u8]) {
    let Ok(master) = open(data) else { return };
    let info = master.info().clone();
    assert!(info.samples.0 > 0 && (1..=64).contains(&info.bits), "{info:?}");
    let id = master.id();
    if info.samples.0 <= SHORT {
        let _ = master.verify();
    }
    let again = open(data).expect("it could be opened before");
    assert_eq!(*again.info(), info);
    assert_eq!(again.id().ok(), id.ok());
}
