//! A shop's colour, so that it can be read: on light and on dark ground.

/// The grounds of the page.
const LIGHT: Colour = Colour([0xf7, 0xf5, 0xf1]);
const DARK: Colour = Colour([0x12, 0x11, 0x10]);
const WHITE: Colour = Colour([255; 3]);
const BLACK: Colour = Colour([0x14, 0x0c, 0x08]);
/// WCAG 2, AA, with something to spare: there are tinted grounds, too.
const CONTRAST: f64 = 5.2;

/// Red, green and blue, sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour([u8; 3]);

impl Colour {
    /// A colour as `#c2410c`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let channel = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Self([channel(0)?, channel(2)?, channel(4)?]))
    }

    /// The style sheet that makes this the page's accent.
    pub(crate) fn css(self) -> String {
        let theme = |ground: Self, towards: Self| {
            let accent = self.readable_on(ground, towards);
            let on = if accent.contrast(WHITE) >= accent.contrast(BLACK) { WHITE } else { BLACK };
            format!(":root{{--accent:{};--on-accent:{};--tint:{}16}}", accent.hex(), on.hex(), accent.hex())
        };
        let (light, dark) = (theme(LIGHT, BLACK), theme(DARK, WHITE));
        format!("{light}\n@media (prefers-color-scheme:dark){{{dark}}}\n")
    }

    /// This colour, or as near to it as can be read on `ground`.
    fn readable_on(self, ground: Self, towards: Self) -> Self {
        let steps = (0..=20).map(|step| self.mixed(towards, f64::from(step) / 20.0));
        steps.into_iter().find(|colour| colour.contrast(ground) >= CONTRAST).unwrap_or(towards)
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between two bytes
    fn mixed(self, with: Self, part: f64) -> Self {
        let mix =
            |at: usize| (f64::from(self.0[at]) * (1.0 - part) + f64::from(with.0[at]) * part).round() as u8;
        Self([mix(0), mix(1), mix(2)])
    }

    /// WCAG 2's contrast ratio, 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// WCAG 2's relative luminance.
    fn luminance(self) -> f64 {
        let linear = self.0.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    fn hex(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_becomes_readable() {
        for text in ["#c2410c", "#ffff00", "#000000", "#ffffff", "#808080", "#0000ff", "#1d6f5c", "#6d4bd8"] {
            let colour = Colour::parse(text).unwrap();
            for (ground, towards) in [(LIGHT, BLACK), (DARK, WHITE)] {
                assert!(colour.readable_on(ground, towards).contrast(ground) >= CONTRAST, "{text}");
            }
        }
        assert!((WHITE.contrast(Colour([0; 3])) - 21.0).abs() < 0.01);
    }

    #[test]
    fn only_colours_are_colours() {
        for text in ["", "#fff", "red", "#12345g", "#1234567", "#ü1234", "#12345;}"] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
    }
}
