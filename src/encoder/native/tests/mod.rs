//! Tests of what is written, by reading it again: here, and in decoders that others wrote.

mod coding;
mod encoder;
mod format;
mod golden;
mod reader;
