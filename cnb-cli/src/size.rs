//! Bytes as people write and read them.

/// Bytes with at most one decimal: `1.5 kB`.
pub(crate) fn shown(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut tenths = u128::from(bytes) * 10;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]) }
}

/// Reads what [`shown`] and Docker print: `2GB`, `1.5 kB`, `512MiB`, `100`. Units count in thousands, those with an `i` in
/// 1024s.
pub(crate) fn read(text: &str) -> Result<u64, String> {
    let unlike = || format!("`{text}` is no size: it is a number with a unit, like 2GB, 500MB or 1.5GiB");
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start().to_ascii_lowercase();
    let (prefix, base) = match unit.strip_suffix("ib") {
        Some(prefix) => (prefix, 1024_u64),
        None => (unit.strip_suffix('b').unwrap_or(&unit), 1000),
    };
    let exponent = match prefix {
        "" if base == 1000 => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(unlike()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let scale = u128::from(base.pow(exponent));
    let digits: u128 = format!("{whole}{fraction}").parse().map_err(|_| unlike())?;
    let divisor = u32::try_from(fraction.len()).ok().and_then(|digits| 10_u128.checked_pow(digits));
    let bytes = digits.checked_mul(scale).zip(divisor).map(|(bytes, divisor)| bytes / divisor);
    bytes.and_then(|bytes| u64::try_from(bytes).ok()).filter(|_| !whole.is_empty()).ok_or_else(unlike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1_500, "1.5 kB"),
            (12_345_678, "12.3 MB"),
            (2_000_000_000, "2.0 GB"),
            (u64::MAX, "18446744.0 TB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(shown(bytes), expected);
        }
    }

    #[test]
    fn sizes_are_read() {
        let cases = [
            ("0", Ok(0)),
            ("100", Ok(100)),
            ("100B", Ok(100)),
            ("1.5kB", Ok(1_500)),
            ("1.5 kB", Ok(1_500)),
            ("2GB", Ok(2_000_000_000)),
            ("2g", Ok(2_000_000_000)),
            ("2GiB", Ok(2 << 30)),
            ("0.5KiB", Ok(512)),
            ("1TB", Ok(1_000_000_000_000)),
            ("", Err(())),
            ("GB", Err(())),
            ("-1", Err(())),
            (".5", Err(())),
            ("1.2.3", Err(())),
            ("1iB", Err(())),
            ("2 parsecs", Err(())),
            ("99999999999TB", Err(())),
            ("1.00000000000000000000000000000000000000001", Err(())),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).map_err(drop), expected, "{text}");
        }
        for bytes in [0, 7, 1_500, 3_000_000] {
            assert_eq!(read(&shown(bytes)), Ok(bytes));
        }
    }
}
