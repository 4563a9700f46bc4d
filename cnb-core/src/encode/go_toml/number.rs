//! Floats as `strconv.FormatFloat(f, 'g', -1, 64)` of Go writes them.

/// The shortest digits that give the number back, with an exponent from 1e6 upwards and below 1e-4.
pub(super) fn float(number: f64) -> String {
    if number.is_nan() {
        return if number.is_sign_negative() { "-nan" } else { "nan" }.to_owned();
    }
    if number.is_infinite() {
        return if number < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    if (-4..6).contains(&exponent) {
        return with_fraction(format!("{number}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

fn with_fraction(digits: String) -> String {
    if digits.contains('.') { digits } else { digits + ".0" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::float;

    #[test]
    fn floats_are_written_as_go_writes_them() {
        let table = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (3.0, "3.0"),
            (1.5, "1.5"),
            (999_999.0, "999999.0"),
            (1e6, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (1.7e9, "1.7e+09"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (0.0001, "0.0001"),
            (0.000_012_5, "1.25e-05"),
            (-2.5e-7, "-2.5e-07"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ];
        for (number, expected) in table {
            assert_eq!(float(number), expected);
        }
    }

    proptest! {
        #[test]
        fn a_finite_float_survives(number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
            let read: f64 = float(number).parse().expect("a number");
            prop_assert_eq!(read.to_bits(), number.to_bits());
        }
    }
}
