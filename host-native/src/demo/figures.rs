//! Numbers as people read them.

use std::time::Duration;

/// `12,345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// So many a second, or nothing where there was none to measure.
pub(super) fn rate(number: u64, took: Duration) -> Option<f64> {
    (number > 0).then(|| number as f64 / took.as_secs_f64().max(1e-6))
}

/// `1,235`, or a dash for what was not measured: `0` would be a figure.
pub(super) fn rounded(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| count(figure.round() as u64))
}

/// Milliseconds, with as many places as matter: `0.42`, `7.3`, `1,204`.
pub(super) fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    match millis {
        ..1.0 => format!("{millis:.2}"),
        1.0..100.0 => format!("{millis:.1}"),
        _ => count(millis.round() as u64),
    }
}

/// `812 KiB`, rounded.
pub(super) fn bytes(number: u64) -> String {
    const KIB: u64 = 1024;
    match number {
        0 => "0".to_owned(),
        1..KIB => format!("{number} B"),
        KIB..=0xf_ffff => format!("{} KiB", number.div_ceil(KIB)),
        _ => format!("{:.1} MiB", number as f64 / (KIB * KIB) as f64),
    }
}

/// `1 write`, `2 writes`.
pub(super) fn writes(number: u64) -> String {
    match number {
        1 => "1 write".to_owned(),
        _ => format!("{} writes", count(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_a_dash_and_no_zero() {
        let second = Duration::from_secs(1);
        assert_eq!(rounded(rate(0, Duration::from_micros(3))), "–");
        assert_eq!(rounded(rate(2_469, 2 * second)), "1,235");
    }

    #[test]
    fn numbers_are_grouped_and_rounded() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(millis(Duration::from_micros(420)), "0.42");
        assert_eq!(millis(Duration::from_micros(7_310)), "7.3");
        assert_eq!(millis(Duration::from_millis(1_204)), "1,204");
        assert_eq!(bytes(0), "0");
        assert_eq!(bytes(100), "100 B");
        assert_eq!(bytes(831_488), "812 KiB");
        assert_eq!(bytes(1_572_864), "1.5 MiB");
        assert_eq!(writes(1), "1 write");
    }
}
