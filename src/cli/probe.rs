//! `tonepress probe`: what masters are, and whether they are sound.
