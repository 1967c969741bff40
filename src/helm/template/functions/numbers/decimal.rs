//! Exact decimal numbers, as Go's `shopspring/decimal` calculates.

use num_bigint::{BigInt, Sign};

/// A quotient has this many digits after the point.
const DIVISION_DIGITS: i32 = 16;

/// `digits` times ten to the `exponent`.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    digits: BigInt,
    exponent: i32,
}

impl Decimal {
    /// The shortest decimal that stands for the float; none for what is not a number.
    pub(super) fn from_float(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        let exponent = exponent.parse::<i32>().ok()? - i32::try_from(fraction.len()).ok()?;
        Some(Self { digits, exponent })
    }

    /// The nearest float.
    pub(super) fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(0.0)
    }

    /// The digits with a smaller exponent.
    fn digits_at(&self, exponent: i32) -> BigInt {
        let shift = self.exponent.saturating_sub(exponent).max(0).unsigned_abs();
        &self.digits * BigInt::from(10).pow(shift)
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { digits: self.digits_at(exponent) + other.digits_at(exponent), exponent }
    }

    pub(super) fn sub(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { digits: self.digits_at(exponent) - other.digits_at(exponent), exponent }
    }

    pub(super) fn mul(&self, other: &Self) -> Self {
        Self { digits: &self.digits * &other.digits, exponent: self.exponent.saturating_add(other.exponent) }
    }

    /// Rounded half away from zero; none for a division by zero.
    pub(super) fn div(&self, other: &Self) -> Option<Self> {
        if other.digits.sign() == Sign::NoSign {
            return None;
        }
        let shift = self.exponent - other.exponent + DIVISION_DIGITS;
        let power = BigInt::from(10).pow(shift.unsigned_abs());
        let (dividend, divisor) = if shift >= 0 {
            (&self.digits * power, other.digits.clone())
        } else {
            (self.digits.clone(), &other.digits * power)
        };
        let (quotient, rest) = (&dividend / &divisor, &dividend % &divisor);
        let up = rest.magnitude() * 2_u8 >= *divisor.magnitude();
        let away = if (dividend.sign() == Sign::Minus) == (divisor.sign() == Sign::Minus) { 1 } else { -1 };
        Some(Self { digits: if up { quotient + away } else { quotient }, exponent: -DIVISION_DIGITS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divided(one: f64, other: f64) -> String {
        Decimal::from_float(one)
            .unwrap()
            .div(&Decimal::from_float(other).unwrap())
            .unwrap()
            .to_float()
            .to_string()
    }

    #[test]
    fn quotients_have_sixteen_digits() {
        assert_eq!(divided(1.0, 3.0), "0.3333333333333333");
        assert_eq!(divided(2.0, -3.0), "-0.6666666666666667");
        assert_eq!(divided(10.0, 4.0), "2.5");
        assert_eq!(divided(1e-20, 1.0), "0");
        assert_eq!(divided(1e300, 1e-300), "inf");
    }
}
