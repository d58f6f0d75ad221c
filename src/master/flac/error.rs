//! What can be wrong with a frame.

/// What is wrong with a frame. Each is something that RFC 9639 forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(in crate::master) enum Fault {
    /// It does not begin with a sync code.
    #[error("no sync code")]
    Sync,
    /// The checksum of its header is wrong.
    #[error("the checksum of its header is wrong")]
    HeaderSum,
    /// The checksum of the frame is wrong.
    #[error("its checksum is wrong")]
    FrameSum,
    /// A code that means nothing yet: of a block size, rate, width, channels, subframe or residual.
    #[error("a reserved {0}")]
    Reserved(&'static str),
    /// Something that may not be.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Its number of channels, width or rate is not that of the stream.
    #[error("its {what} is {found}, the stream's is {stated}")]
    OtherFormat {
        /// What differs.
        what: &'static str,
        /// What the frame says.
        found: u32,
        /// What STREAMINFO says.
        stated: u32,
    },
    /// It ends before all of its samples are there.
    #[error("it ends within its samples")]
    End,
    /// A sample is beyond what its width can hold.
    #[error("a sample is wider than its {0} bits")]
    Width(u32),
}

/// What is wrong with a frame, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{fault} ({}bit {bit} of the frame)", Channel(*.channel))]
pub(in crate::master) struct FrameError {
    /// What is wrong.
    pub(in crate::master) fault: Fault,
    /// Where: so many bits behind the frame's begin, or somewhat before.
    pub(in crate::master) bit: u64,
    /// In which channel, if in one.
    pub(in crate::master) channel: Option<usize>,
}

struct Channel(Option<usize>);

impl std::fmt::Display for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |channel| write!(f, "channel {channel}, "))
    }
}
