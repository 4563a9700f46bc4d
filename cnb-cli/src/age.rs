//! Spans of time, and points in it, as people write and read them.

use cnb_core::epoch::Epoch;
use cnb_core::epoch::InvalidEpoch;

use crate::paths;

const UNITS: [(&str, &str, u64); 5] = [
    ("w", "week", 7 * 24 * 3600),
    ("d", "day", 24 * 3600),
    ("h", "hour", 3600),
    ("m", "minute", 60),
    ("s", "second", 1),
];

/// Seconds in the largest unit of which there are two, as Docker does: `3 days ago`.
pub(crate) fn ago(seconds: u64) -> String {
    let unit = UNITS.iter().find(|(_, _, of_unit)| seconds / of_unit >= 2);
    match unit {
        Some((_, name, of_unit)) => format!("{} {name}s ago", seconds / of_unit),
        None => "just now".to_owned(),
    }
}

/// Reads seconds: `7d`, `36h`, `1h30m`, `2w`.
pub(crate) fn read(text: &str) -> Result<u64, String> {
    let unlike = || format!("`{text}` is no span of time: it is a number with a unit, like 7d, 36h or 1h30m");
    let (mut seconds, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(unlike)?;
        let number: u64 = rest[..end].parse().map_err(|_| unlike())?;
        let unit = UNITS.iter().find(|(letter, ..)| rest[end..].starts_with(letter));
        let (letter, _, of_unit) = unit.ok_or_else(unlike)?;
        let more = number.checked_mul(*of_unit).and_then(|more| seconds.checked_add(more));
        seconds = more.ok_or_else(unlike)?;
        rest = &rest[end + letter.len()..];
    }
    if text.is_empty() { Err(unlike()) } else { Ok(seconds) }
}

/// Reads seconds since 1970, or `now`.
pub(crate) fn moment(text: &str) -> Result<Epoch, InvalidEpoch> {
    match text {
        "now" => i64::try_from(paths::now()).unwrap_or(i64::MAX).try_into(),
        text => text.parse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_largest_unit_that_says_enough() {
        let cases = [
            (0, "just now"),
            (1, "just now"),
            (59, "59 seconds ago"),
            (119, "119 seconds ago"),
            (120, "2 minutes ago"),
            (47 * 3600, "47 hours ago"),
            (48 * 3600, "2 days ago"),
            (15 * 24 * 3600, "2 weeks ago"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(ago(seconds), expected);
        }
    }

    #[test]
    fn spans_are_read() {
        let cases = [
            ("7d", Ok(604_800)),
            ("2w", Ok(1_209_600)),
            ("1h30m", Ok(5_400)),
            ("90s", Ok(90)),
            ("0s", Ok(0)),
            ("", Err(())),
            ("7", Err(())),
            ("d", Err(())),
            ("-1d", Err(())),
            ("1.5h", Err(())),
            ("7 days", Err(())),
            ("99999999999999999999w", Err(())),
            ("999999999999999999w", Err(())),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).map_err(drop), expected, "{text}");
        }
    }

    #[test]
    fn moments_are_read() {
        assert_eq!(moment("1700000000").map(Epoch::seconds), Ok(1_700_000_000));
        assert!(moment("now").is_ok_and(|now| now.seconds() > 1_700_000_000));
        for text in ["", "yesterday", "1.5", "2024-01-01", "1700000000000"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
