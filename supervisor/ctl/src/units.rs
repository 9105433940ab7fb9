//! Times and sizes as PM2 prints them.

/// `0s 5m 3h 2D 1M 1Y`: the largest unit that fits, rounded down.
pub fn uptime(milliseconds: u64) -> String {
    const UNITS: [(u64, &str); 6] =
        [(31_536_000, "Y"), (2_592_000, "M"), (86_400, "D"), (3_600, "h"), (60, "m"), (1, "s")];
    let seconds = milliseconds / 1000;
    let unit = UNITS.iter().find(|(length, _)| seconds >= *length);
    unit.map_or_else(|| "0s".to_owned(), |(length, name)| format!("{}{name}", seconds / length))
}

/// `0b 51.6mb 1.2gb`: powers of 1024.
pub fn memory(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "tb"), (1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    let Some((size, name)) = UNITS.iter().find(|(size, _)| bytes >= *size) else { return format!("{bytes}b") };
    let tenths = (u128::from(bytes) * 10 + u128::from(*size) / 2) / u128::from(*size);
    format!("{}.{}{name}", tenths / 10, tenths % 10)
}

/// `41 ms`, `1.2 s`: how long something took.
pub fn took(milliseconds: u64) -> String {
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        longer => format!("{}.{} s", longer / 1000, longer % 1000 / 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_look_like_pm2s() {
        let uptimes = [
            (0, "0s"),
            (59_999, "59s"),
            (60_000, "1m"),
            (3_600_000, "1h"),
            (172_800_000, "2D"),
            (2_592_000_000, "1M"),
            (31_536_000_000, "1Y"),
        ];
        for (milliseconds, text) in uptimes {
            assert_eq!(uptime(milliseconds), text);
        }
        for (bytes, text) in [(0, "0b"), (1023, "1023b"), (1024, "1.0kb"), (54_106_521, "51.6mb"), (3 << 29, "1.5gb")] {
            assert_eq!(memory(bytes), text);
        }
        for (milliseconds, text) in [(0, "0 ms"), (999, "999 ms"), (1_250, "1.2 s")] {
            assert_eq!(took(milliseconds), text);
        }
    }
}
