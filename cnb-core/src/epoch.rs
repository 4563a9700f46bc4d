//! When an image was made.

use std::str::FromStr;

/// Seconds since 1970-01-01T00:00:00Z, of a time in the years 0 to 9999: dates in the JSON of images have no others.
///
/// ```
/// use cnb_core::epoch::Epoch;
///
/// assert_eq!("1700000000".parse::<Epoch>()?.seconds(), 1_700_000_000);
/// assert!("1700000000000".parse::<Epoch>().is_err(), "these are milliseconds");
/// # Ok::<(), cnb_core::epoch::InvalidEpoch>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Epoch(i64);

impl Epoch {
    const YEAR_0: i64 = -62_167_219_200;
    const YEAR_10000: i64 = 253_402_300_800;

    /// The number of seconds.
    pub fn seconds(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Epoch {
    type Error = InvalidEpoch;

    fn try_from(seconds: i64) -> Result<Self, InvalidEpoch> {
        let is_valid = (Self::YEAR_0..Self::YEAR_10000).contains(&seconds);
        if is_valid { Ok(Self(seconds)) } else { Err(InvalidEpoch::OutOfRange(seconds)) }
    }
}

impl FromStr for Epoch {
    type Err = InvalidEpoch;

    fn from_str(text: &str) -> Result<Self, InvalidEpoch> {
        text.parse::<i64>().map_err(|_| InvalidEpoch::NotANumber(text.to_owned()))?.try_into()
    }
}

/// No image can have been made then.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEpoch {
    /// It is no whole number.
    #[error("`{0}` is not a number of seconds since 1970")]
    NotANumber(String),
    /// The year has not four digits.
    #[error("{0} seconds since 1970 are not in the years 0 to 9999, which dates of images can be in")]
    OutOfRange(i64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_have_four_digits() {
        for text in ["0", "-1", "-62167219200", "253402300799"] {
            assert_eq!(text.parse::<Epoch>().map(|epoch| epoch.seconds().to_string()).as_deref(), Ok(text));
        }
        for seconds in [-62_167_219_201, 253_402_300_800, i64::MIN, i64::MAX] {
            assert_eq!(Epoch::try_from(seconds), Err(InvalidEpoch::OutOfRange(seconds)));
        }
        for text in ["", "1.5", "2024-01-01", "99999999999999999999"] {
            assert_eq!(text.parse::<Epoch>(), Err(InvalidEpoch::NotANumber(text.to_owned())));
        }
    }
}
