//! A colour for each app.

/// The end of a colour.
pub const PLAIN: &str = "\u{1b}[0m";
/// What says that a line came from standard error.
pub const ERROR: &str = "\u{1b}[1;31m";
/// What is less important than what it stands before.
pub const FAINT: &str = "\u{1b}[2m";

/// Colours of the table of 256 that can be read on black and on white. No red: that means standard error.
const COLOURS: [u8; 10] = [32, 133, 64, 136, 30, 98, 170, 28, 103, 138];

/// The colour of the app with this number, always the same.
pub fn of(id: u32) -> String {
    let place = usize::try_from(id).unwrap_or(0) % COLOURS.len();
    format!("\u{1b}[38;5;{}m", COLOURS[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How strong a contrast is the least for text that is not small, by the Web Content Accessibility Guidelines.
    const LEAST_CONTRAST: f64 = 3.0;

    /// The brightness of a colour of the cube of 6 × 6 × 6, as those guidelines reckon it.
    fn luminance(colour: u8) -> f64 {
        const STEPS: [f64; 6] = [0.0, 95.0, 135.0, 175.0, 215.0, 255.0];
        let place = usize::from(colour - 16);
        let linear = |step: usize| {
            let part = STEPS[step] / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(place / 36) + 0.7152 * linear(place / 6 % 6) + 0.0722 * linear(place % 6)
    }

    #[test]
    fn every_colour_can_be_read_on_black_and_on_white() {
        for colour in COLOURS {
            let luminance = luminance(colour);
            let (on_black, on_white) = ((luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05));
            assert!(on_black >= LEAST_CONTRAST && on_white >= LEAST_CONTRAST, "{colour}: {on_black} {on_white}");
        }
    }

    #[test]
    fn neighbours_differ_and_an_app_keeps_its_colour() {
        assert_eq!(of(3), of(3));
        let first: std::collections::BTreeSet<String> = (0..10).map(of).collect();
        assert_eq!(first.len(), COLOURS.len());
        assert_eq!(of(u32::MAX), of(u32::MAX));
    }
}
