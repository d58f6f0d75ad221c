//! What all of it does together.
