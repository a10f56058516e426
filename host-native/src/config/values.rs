//! How values are written by hand: `10ms`, `256MiB`, `on`.

use std::time::Duration;

/// The factors of byte sizes, largest first.
const UNITS: [(&str, u64); 4] = [
    ("GiB", 1024 * 1024 * 1024),
    ("MiB", 1024 * 1024),
    ("KiB", 1024),
    ("B", 1),
];

/// Reads a number of bytes: `1048576`, `1024KiB`, `1MiB`.
///
/// # Errors
///
/// What a size looks like.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text[digits.len()..].trim();
    let factor = match unit {
        "" => Some(1),
        unit => UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .map(|&(_, factor)| factor),
    };
    digits
        .parse::<u64>()
        .ok()
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or_else(|| "use a whole number with B, KiB, MiB or GiB, such as 256MiB".into())
}

/// Writes a number of bytes in the largest unit that fits it exactly.
pub fn format_bytes(bytes: u64) -> String {
    UNITS
        .iter()
        .find(|&&(_, factor)| bytes >= factor && bytes.is_multiple_of(factor))
        .map_or_else(
            || bytes.to_string(),
            |&(name, factor)| format!("{}{name}", bytes / factor),
        )
}

pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "use a number with its unit, such as 10ms, 5s or 2m".into())
}

pub(super) fn format_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// Reads one of two words.
pub(super) fn parse_switch<T>(text: &str, off: T, on: T) -> Result<T, String> {
    match text {
        "true" => Ok(on),
        "false" => Ok(off),
        _ => Err("use true or false".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown_in_binary_units() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("4KiB", 4096),
            ("256MiB", 268_435_456),
            ("256 mib", 268_435_456),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
            assert_eq!(parse_bytes(&format_bytes(bytes)), Ok(bytes));
        }
        assert_eq!(format_bytes(268_435_456), "256MiB");
        assert_eq!(format_bytes(1025), "1025B");
        for text in ["", "MiB", "-1", "1.5MiB", "1MB", "18446744073709551615GiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("10ms"), Ok(Duration::from_millis(10)));
        assert_eq!(parse_duration("1s 500ms"), Ok(Duration::from_millis(1500)));
        assert_eq!(format_duration(Duration::from_millis(1500)), "1s 500ms");
        assert!(parse_duration("10").is_err());
        assert!(parse_duration("soon").is_err());
    }
}
