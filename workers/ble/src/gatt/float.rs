//! IEEE 11073-20601's decimal numbers: a mantissa and a power of ten.
//!
//! SFLOAT has 12 + 4 bits, FLOAT 24 + 8. Five mantissas around the ends of the range are no numbers, but only with
//! exponent 0: `0x17FF` is 20470.

/// What such a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decimal {
    Number(f64),
    NotANumber,
    NotAtThisResolution,
    PositiveInfinity,
    NegativeInfinity,
    Reserved,
}

impl Decimal {
    /// The number, if it is one.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::NotANumber
            | Self::NotAtThisResolution
            | Self::PositiveInfinity
            | Self::NegativeInfinity
            | Self::Reserved => None,
        }
    }
}

/// 12 bits of mantissa, 4 of exponent.
pub fn sfloat(raw: u16) -> Decimal {
    // Shifted through the sign bit, so that both halves keep their sign.
    let mantissa = i32::from((raw << 4).cast_signed() >> 4);
    let exponent = i32::from(raw.cast_signed() >> 12);
    decimal(mantissa, exponent, 0x07FF)
}

/// 24 bits of mantissa, 8 of exponent.
#[cfg_attr(not(test), expect(dead_code, reason = "thermometers and glucose meters send it; none is read yet"))]
pub fn float(raw: u32) -> Decimal {
    let mantissa = (raw << 8).cast_signed() >> 8;
    let exponent = raw.cast_signed() >> 24;
    decimal(mantissa, exponent, 0x007F_FFFF)
}

fn decimal(mantissa: i32, exponent: i32, largest: i32) -> Decimal {
    if exponent == 0 {
        // Counted from the ends: largest, largest - 1, and as two's complement -largest-1, -largest, -largest+1.
        match mantissa {
            _ if mantissa == largest => return Decimal::NotANumber,
            _ if mantissa == largest - 1 => return Decimal::PositiveInfinity,
            _ if mantissa == -largest - 1 => return Decimal::NotAtThisResolution,
            _ if mantissa == -largest => return Decimal::Reserved,
            _ if mantissa == -largest + 1 => return Decimal::NegativeInfinity,
            _ => {}
        }
    }
    Decimal::Number(scaled(mantissa, exponent))
}

/// Read as decimal text, because 364 × 10⁻¹ computed in binary is not 36.4.
fn scaled(mantissa: i32, exponent: i32) -> f64 {
    format!("{mantissa}e{exponent}").parse().unwrap_or_default()
}
