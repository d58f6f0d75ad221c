//! LAME behind a safe face: the only file that touches the C library.
//!
//! Everything that LAME would otherwise decide for itself is set explicitly by [`Lame::new`] from
//! a [`Resolved`]; [`choose`] asks a throw-away handle what LAME's decisions would be.
//!
//! On threads: handles are independent of each other, except that `lame_init_params` fills a few
//! static tables of powers. Every call writes the values that are already there, which is why
//! encoding in many threads has always worked with this library; the first fill is done under a
//! lock here, so that no encoder ever sees a half-filled table.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::ptr::NonNull;
use std::sync::Once;

use mp3lame_encoder::ffi;

use super::processor;
use super::resolved::{Resolved, ResolvedCoding};
use super::{EncoderFacts, FrameEncoder};
use crate::error::{Error, Result};
use crate::mp3::frame::Mode;
use crate::mp3::info::{Method, TagFacts};
use crate::profile::{Channels, Coding, Encoder, Profile};
use crate::units::SampleRate;

/// What one call can put out at most: LAME's own bit buffer, `LAME_MAXMP3BUFFER` in `lame.h`.
const MAX_OUTPUT: usize = 16_384;
/// Full scale of `lame_encode_buffer_float`.
const FULL_SCALE: f32 = 32_768.0;
/// The samples of the longest frame.
const MAX_FRAME: usize = 1_152;

/// Pre-roll: with 0 frames the first kept one has 22 dB more noise, with 1 it has 13 dB; 4 are as good as any more.
pub(super) const FACTS: EncoderFacts = EncoderFacts { delay: 576, look_ahead: 1, pre_roll: 4 };

/// The packages that LAME comes in.
pub(super) const COMPONENTS: [(&str, &str); 2] = [("mp3lame-encoder", "0.2.5"), ("mp3lame-sys", "0.1.11")];

/// The highest bitrate whose preset has coarse scale factors: nearer to 160 than to 192 in `abr_switch_map`.
const COARSE_SCALE_UP_TO: u16 = 175;

/// An open handle whose parameters may not be settled yet.
struct Handle(NonNull<ffi::lame_global_flags>);

// SAFETY: a handle owns all its state and LAME keeps no thread-local data, so it may move to
// another thread; without Sync it is never used by two at once.
unsafe impl Send for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the pointer came from lame_init, is closed only here, and no copy of it outlives self.
        unsafe { ffi::lame_close(self.0.as_ptr()) };
    }
}

impl Handle {
    fn new(rate: SampleRate, channels: usize, coding: ResolvedCoding, effort: u8) -> Result<Self> {
        processor::require()?;
        // SAFETY: lame_init has no preconditions; null (out of memory) is handled.
        let handle = NonNull::new(unsafe { ffi::lame_init() }).map(Self);
        let handle = handle.ok_or_else(|| refused("lame_init", -10))?;
        handle.set("in_samplerate", ffi::lame_set_in_samplerate, rate.hz().cast_signed())?;
        handle.set("num_channels", ffi::lame_set_num_channels, if channels == 1 { 1 } else { 2 })?;
        handle.set("quality", ffi::lame_set_quality, i32::from(effort))?;
        // The Info frame is ours, loudness is measured elsewhere, and a library prints nothing.
        handle.set("bWriteVbrTag", ffi::lame_set_bWriteVbrTag, 0)?;
        handle.set("findReplayGain", ffi::lame_set_findReplayGain, 0)?;
        handle.set("errorf", ffi::lame_set_errorf, None)?;
        match coding {
            ResolvedCoding::Cbr(kbps) => {
                handle.set("VBR", ffi::lame_set_VBR, ffi::vbr_mode::vbr_off)?;
                handle.set("brate", ffi::lame_set_brate, i32::from(kbps.0))?;
            }
            ResolvedCoding::Abr(kbps) => {
                handle.set("VBR", ffi::lame_set_VBR, ffi::vbr_mode::vbr_abr)?;
                handle.set("VBR_mean", ffi::lame_set_VBR_mean_bitrate_kbps, i32::from(kbps.0))?;
            }
            ResolvedCoding::Vbr(quality) => {
                handle.set("VBR", ffi::lame_set_VBR, ffi::vbr_mode::vbr_default)?;
                handle.set("VBR_quality", ffi::lame_set_VBR_quality, quality)?;
            }
        }
        Ok(handle)
    }

    /// Calls one of LAME's setters.
    fn set<T>(
        &self,
        name: &str,
        setter: unsafe extern "C" fn(*mut ffi::lame_global_flags, T) -> i32,
        value: T,
    ) -> Result<()> {
        // SAFETY: the handle is open, and each setter of lame.h takes any value of its type: it
        // stores or refuses it.
        match unsafe { setter(self.0.as_ptr(), value) } {
            status if status < 0 => Err(refused(name, status)),
            _ => Ok(()),
        }
    }

    /// Calls one of LAME's getters.
    fn get<T>(&self, getter: unsafe extern "C" fn(*const ffi::lame_global_flags) -> T) -> T {
        // SAFETY: the handle is open; getters only read it.
        unsafe { getter(self.0.as_ptr()) }
    }

    /// Settles all parameters. To be called once.
    fn init(&self) -> Result<()> {
        static FIRST: Once = Once::new();
        // SAFETY: the handle is open and not yet initialised. For the tables that it fills, see above.
        let init = || unsafe { ffi::lame_init_params(self.0.as_ptr()) };
        let mut status = None;
        FIRST.call_once(|| status = Some(init()));
        match status.unwrap_or_else(init) {
            0 => Ok(()),
            status => Err(refused("lame_init_params", status)),
        }
    }
}

fn refused(what: &str, status: i32) -> Error {
    Error::Internal { detail: format!("LAME refused {what} (status {status})") }
}

/// What LAME would choose for `profile`, given PCM at `rate` with `channels` channels.
///
/// The bitrate is returned as asked for: whether the chosen rate allows it is the caller's to check,
/// since LAME would silently take another.
pub(super) fn choose(profile: &Profile, rate: SampleRate, channels: usize) -> Result<Resolved> {
    let asked = match profile.coding {
        Coding::Cbr(kbps) => ResolvedCoding::Cbr(kbps),
        Coding::Abr(kbps) => ResolvedCoding::Abr(kbps),
        Coding::Vbr(quality) => ResolvedCoding::Vbr(quality.value()),
    };
    let handle = Handle::new(rate, channels, asked, profile.effort)?;
    if let Some(rate) = profile.rate {
        handle.set("out_samplerate", ffi::lame_set_out_samplerate, rate.hz().cast_signed())?;
    }
    // LAME looks at the mode, not at the number of channels, when it widens the low-pass of mono.
    let mode = match (channels, profile.channels) {
        (1, _) => ffi::MPEG_mode::MONO,
        (_, Some(Channels::Stereo)) => ffi::MPEG_mode::STEREO,
        _ => ffi::MPEG_mode::NOT_SET,
    };
    handle.set("mode", ffi::lame_set_mode, mode)?;
    handle.init()?;

    let rate = handle.get(ffi::lame_get_out_samplerate);
    let rate = u32::try_from(rate).ok().and_then(SampleRate::new);
    Ok(Resolved {
        encoder: Encoder::Lame,
        rate: rate.ok_or_else(|| refused("to choose a rate", -1))?,
        mode: match handle.get(ffi::lame_get_mode) {
            ffi::MPEG_mode::MONO => Mode::Mono,
            ffi::MPEG_mode::STEREO => Mode::Stereo,
            _ => Mode::Joint,
        },
        coding: match asked {
            ResolvedCoding::Vbr(_) => ResolvedCoding::Vbr(handle.get(ffi::lame_get_VBR_quality)),
            constant => constant,
        },
        // -1 is LAME's "none".
        lowpass: u32::try_from(handle.get(ffi::lame_get_lowpassfreq)).ok(),
        effort: u8::try_from(handle.get(ffi::lame_get_quality)).unwrap_or(profile.effort),
        whole: profile.whole,
        salvage: profile.salvage,
    })
}

/// What the Info frame says of LAME with these settings.
pub(super) fn tag_facts(settings: &Resolved) -> Result<TagFacts> {
    let lame = Lame::new(settings)?;
    // The rest has no getters: the rules are those of lame_init_qval and presets.c, and a test
    // compares with the tags that LAME itself writes.
    let (method, vbr_quality, coarse, preset) = match settings.coding {
        // LAME writes 4, its default quality of VBR, for CBR and ABR too.
        ResolvedCoding::Cbr(kbps) => (Method::Cbr(kbps), 4, kbps.0 <= COARSE_SCALE_UP_TO, kbps.0),
        ResolvedCoding::Abr(kbps) => (Method::Abr(kbps), 4, kbps.0 <= COARSE_SCALE_UP_TO, kbps.0),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 9: LAME drops the fraction
        ResolvedCoding::Vbr(quality) => (Method::Vbr, quality as u32, false, 500 - 10 * quality as u16),
    };
    Ok(TagFacts {
        encoder: *b"LAME3.100",
        method,
        quality: 100 - 10 * vbr_quality - u32::from(settings.effort),
        lowpass: settings.lowpass,
        ath_type: u8::try_from(lame.handle.get(ffi::lame_get_ATHtype)).unwrap_or_default(),
        safe_joint: settings.mode == Mode::Joint && lame.handle.get(ffi::lame_get_exp_nspsytune) & 2 != 0,
        noise_shaping: match (settings.effort, coarse) {
            (7.., _) => 0,
            (_, false) => 1,
            (_, true) => 2,
        },
        preset,
    })
}

/// LAME at work.
pub(super) struct Lame {
    handle: Handle,
    /// A frame at LAME's scale. It is fed one frame a call, so that none can be overshot.
    scaled: Box<[[f32; MAX_FRAME]; 2]>,
    output: Box<[u8; MAX_OUTPUT]>,
}

impl Lame {
    /// LAME with no choice left open.
    pub(super) fn new(settings: &Resolved) -> Result<Self> {
        let handle = Handle::new(settings.rate, settings.channels(), settings.coding, settings.effort)?;
        handle.set("out_samplerate", ffi::lame_set_out_samplerate, settings.rate.hz().cast_signed())?;
        let mode = match settings.mode {
            Mode::Mono => ffi::MPEG_mode::MONO,
            Mode::Stereo | Mode::Dual => ffi::MPEG_mode::STEREO,
            Mode::Joint => ffi::MPEG_mode::JOINT_STEREO,
        };
        handle.set("mode", ffi::lame_set_mode, mode)?;
        let lowpass = settings.lowpass.map_or(-1, u32::cast_signed);
        handle.set("lowpassfreq", ffi::lame_set_lowpassfreq, lowpass)?;
        handle.init()?;
        Ok(Self { handle, scaled: Box::new([[0.0; MAX_FRAME]; 2]), output: Box::new([0; MAX_OUTPUT]) })
    }

    fn take(&self, status: i32, out: &mut Vec<u8>) -> Result<()> {
        let len = usize::try_from(status).map_err(|_| refused("to encode", status))?;
        out.extend_from_slice(&self.output[..len]);
        Ok(())
    }
}

impl FrameEncoder for Lame {
    fn encode(&mut self, planes: &[&[f32]], out: &mut Vec<u8>) -> Result<()> {
        let len = planes.first().map_or(0, |plane| plane.len());
        assert!(
            (1..=2).contains(&planes.len()) && len <= MAX_FRAME && planes.iter().all(|p| p.len() == len),
            "one or two planes of at most a frame"
        );
        for (scaled, plane) in self.scaled.iter_mut().zip(planes) {
            for (scaled, sample) in scaled.iter_mut().zip(*plane) {
                *scaled = sample * FULL_SCALE;
            }
        }
        // Of mono LAME reads one plane, and wants two pointers.
        let [left, right] = [0, planes.len() - 1].map(|channel| self.scaled[channel].as_ptr());
        #[allow(clippy::cast_possible_wrap, clippy::cast_possible_truncation)] // both at most 16,384
        let (samples, space) = (len as i32, MAX_OUTPUT as i32);
        // SAFETY: the handle is initialised; both pointers lead to MAX_FRAME floats, of which `samples` are read
        // at most, and which live for the call; LAME writes at most `space` bytes to `output`, which has that
        // many, or returns -1.
        let status = unsafe {
            ffi::lame_encode_buffer_float(
                self.handle.0.as_ptr(),
                left,
                right,
                samples,
                self.output.as_mut_ptr(),
                space,
            )
        };
        self.take(status, out)
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        #[allow(clippy::cast_possible_wrap, clippy::cast_possible_truncation)] // 16,384
        let space = MAX_OUTPUT as i32;
        // SAFETY: as in `encode`.
        let status =
            unsafe { ffi::lame_encode_flush_nogap(self.handle.0.as_ptr(), self.output.as_mut_ptr(), space) };
        self.take(status, out)
    }

    fn frames(&self) -> u64 {
        self.handle.get(ffi::lame_get_frameNum).unsigned_abs().into()
    }
}

/// LAME's version, such as "3.100".
pub(super) fn version() -> String {
    // SAFETY: LAME returns a static, NUL-terminated string.
    unsafe { CStr::from_ptr(ffi::get_lame_version()) }.to_string_lossy().into_owned()
}
