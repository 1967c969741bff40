//! How Go writes a `float64`: `%e`, `%f`, `%g`, `%b` and `%x`.

/// `strconv.FormatFloat`; no precision means the fewest digits that read back as the same number.
pub(super) fn format(number: f64, verb: char, precision: Option<usize>) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    match verb {
        'e' | 'E' => scientific(number, precision, verb),
        'f' => precision.map_or_else(|| format!("{number}"), |digits| format!("{number:.digits$}")),
        'b' => binary(number),
        'x' | 'X' => hexadecimal(number, precision, verb),
        _ => general(number, precision, if verb == 'G' { 'E' } else { 'e' }),
    }
}

/// Mantissa and exponent, rounded to a number of digits after the point if there is one.
fn split(number: f64, decimals: Option<usize>) -> (String, i32) {
    let text = decimals.map_or_else(|| format!("{number:e}"), |digits| format!("{number:.digits$e}"));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.to_owned(), exponent.parse().unwrap_or_default())
}

fn join(mantissa: &str, letter: char, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{letter}{sign}{:02}", exponent.abs())
}

fn scientific(number: f64, precision: Option<usize>, letter: char) -> String {
    let (mantissa, exponent) = split(number, precision);
    join(&mantissa, letter, exponent)
}

/// `%g`: with an exponent where it is below -4 or reaches the precision, and that is 6 for the fewest digits.
fn general(number: f64, precision: Option<usize>, letter: char) -> String {
    let wanted = precision.map(|digits| digits.max(1));
    let (mantissa, exponent) = split(number, wanted.map(|digits| digits - 1));
    let mantissa =
        if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { &mantissa };
    let digits = length(mantissa.bytes().filter(u8::is_ascii_digit).count());
    let limit = match wanted.map(length) {
        None => 6,
        Some(wanted) if wanted > digits && digits > exponent => digits,
        Some(wanted) => wanted,
    };
    if exponent < -4 || exponent >= limit {
        return join(mantissa, letter, exponent);
    }
    let decimals = usize::try_from(digits - 1 - exponent).unwrap_or_default();
    format!("{number:.decimals$}")
}

fn length(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// The bits of the mantissa, the power of two of the last one, and whether the number is below zero.
fn parts(number: f64) -> (u64, i32, bool) {
    let bits = number.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let exponent = i32::try_from((bits >> 52) & 0x7ff).unwrap_or_default();
    let (mantissa, exponent) =
        if exponent == 0 { (fraction, -1022) } else { (fraction | 1 << 52, exponent - 1023) };
    (mantissa, exponent - 52, number.is_sign_negative())
}

fn binary(number: f64) -> String {
    let (mantissa, exponent, negative) = parts(number);
    format!("{}{mantissa}p{exponent:+}", if negative { "-" } else { "" })
}

fn hexadecimal(number: f64, precision: Option<usize>, verb: char) -> String {
    let (mut mantissa, exponent, negative) = parts(number);
    let mut exponent = if mantissa == 0 { 0 } else { exponent + 52 };
    mantissa <<= 8;
    while mantissa != 0 && mantissa & (1 << 60) == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(digits) = precision.filter(|digits| *digits < 15) {
        let kept = 60 - digits * 4;
        let rest = mantissa & ((1 << kept) - 1);
        let half = 1 << (kept - 1);
        mantissa >>= kept;
        mantissa += u64::from(rest > half || rest == half && mantissa & 1 == 1);
        mantissa <<= kept;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let fraction = match precision {
        None => fraction.trim_end_matches('0').to_owned(),
        Some(digits) => format!("{fraction:0<digits$}")[..digits].to_owned(),
    };
    let (point, sign) = (if fraction.is_empty() { "" } else { "." }, if exponent < 0 { '-' } else { '+' });
    let text = format!(
        "{}0x{}{point}{fraction}p{sign}{:02}",
        if negative { "-" } else { "" },
        (mantissa >> 60) & 1,
        exponent.abs()
    );
    if verb == 'X' { text.to_uppercase() } else { text }
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn as_go_writes_them() {
        let cases = [
            (1.0, 'g', None, "1"),
            (0.0, 'g', None, "0"),
            (100_000.0, 'g', None, "100000"),
            (1_000_000.0, 'g', None, "1e+06"),
            (1_234_567.0, 'g', None, "1.234567e+06"),
            (12_345_678.5, 'g', None, "1.23456785e+07"),
            (0.0001, 'g', None, "0.0001"),
            (0.00001, 'g', None, "1e-05"),
            (-2.5, 'g', None, "-2.5"),
            (1e100, 'g', None, "1e+100"),
            (123.456, 'g', Some(2), "1.2e+02"),
            (100.0, 'g', Some(3), "100"),
            (100.0, 'g', Some(10), "100"),
            (1.5, 'f', Some(0), "2"),
            (2.5, 'f', Some(0), "2"),
            (1.0, 'e', Some(6), "1.000000e+00"),
            (123_456.0, 'e', None, "1.23456e+05"),
            (f64::INFINITY, 'g', None, "+Inf"),
            (f64::NAN, 'f', None, "NaN"),
            (1.0, 'b', None, "4503599627370496p-52"),
            (1.0, 'x', None, "0x1p+00"),
            (0.1, 'x', None, "0x1.999999999999ap-04"),
            (0.1, 'X', Some(2), "0X1.9AP-04"),
        ];
        for (number, verb, precision, text) in cases {
            assert_eq!(format(number, verb, precision), text, "%{verb} of {number}");
        }
    }
}
