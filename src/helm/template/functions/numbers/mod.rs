//! Functions on numbers. `add` and its like work on `int64`, `addf` and its like on exact decimals.

use super::cast::{to_float, to_int};
use super::{Answer, fixed, text, variadic};
use crate::helm::template::function::{
    Arguments, Function, FunctionError,
    Parameter::{Any, Float, Int, Str},
};
use crate::helm::template::print;
use crate::helm::template::value::{List, ListKind, Value};

mod decimal;

use decimal::Decimal;

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("int", &[Any], |_, a| Ok(Value::Int(to_int(a.value(0))))),
    fixed("int64", &[Any], |_, a| Ok(Value::Int64(to_int(a.value(0))))),
    fixed("float64", &[Any], |_, a| Ok(Value::Float(to_float(a.value(0))))),
    fixed("atoi", &[Str], |_, a| Ok(Value::Int(decimal_digits(a.text(0), 10)))),
    fixed("toDecimal", &[Any], |_, a| Ok(Value::Int64(octal(print::print(&a.0[..1]).bytes())))),
    fixed("add1", &[Any], |_, a| Ok(Value::Int64(to_int(a.value(0)).wrapping_add(1)))),
    variadic("add", &[], Any, |_, a| Ok(Value::Int64(a.0.iter().map(to_int).fold(0, i64::wrapping_add)))),
    fixed("sub", &[Any, Any], |_, a| Ok(Value::Int64(to_int(a.value(0)).wrapping_sub(to_int(a.value(1)))))),
    variadic("mul", &[Any], Any, |_, a| Ok(Value::Int64(a.0.iter().map(to_int).fold(1, i64::wrapping_mul)))),
    fixed("div", &[Any, Any], |_, a| Ok(Value::Int64(to_int(a.value(0)).wrapping_div(divisor(a)?)))),
    fixed("mod", &[Any, Any], |_, a| Ok(Value::Int64(to_int(a.value(0)).wrapping_rem(divisor(a)?)))),
    variadic("max", &[Any], Any, |_, a| Ok(Value::Int64(a.0.iter().map(to_int).max().unwrap_or(0)))),
    variadic("biggest", &[Any], Any, |_, a| Ok(Value::Int64(a.0.iter().map(to_int).max().unwrap_or(0)))),
    variadic("min", &[Any], Any, |_, a| Ok(Value::Int64(a.0.iter().map(to_int).min().unwrap_or(0)))),
    variadic("maxf", &[Any], Any, |_, a| Ok(Value::Float(extreme(a.0, f64::INFINITY, f64::max)))),
    variadic("minf", &[Any], Any, |_, a| Ok(Value::Float(extreme(a.0, f64::NEG_INFINITY, f64::min)))),
    fixed("add1f", &[Any], |_, a| {
        decimals(to_float(a.value(0)), &[Value::Int(1)], |one, other| Some(one.add(other)))
    }),
    variadic("addf", &[], Any, |_, a| decimals(0.0, a.0, |one, other| Some(one.add(other)))),
    variadic("subf", &[Any], Any, |_, a| {
        decimals(to_float(a.value(0)), a.rest(1), |one, other| Some(one.sub(other)))
    }),
    variadic("mulf", &[Any], Any, |_, a| {
        decimals(to_float(a.value(0)), a.rest(1), |one, other| Some(one.mul(other)))
    }),
    variadic("divf", &[Any], Any, |_, a| decimals(to_float(a.value(0)), a.rest(1), Decimal::div)),
    fixed("ceil", &[Any], |_, a| Ok(Value::Float(to_float(a.value(0)).ceil()))),
    fixed("floor", &[Any], |_, a| Ok(Value::Float(to_float(a.value(0)).floor()))),
    variadic("round", &[Any, Int], Float, |_, a| Ok(Value::Float(rounded(a)))),
    fixed("until", &[Int], |_, a| counted(0, a.int(0), if a.int(0) < 0 { -1 } else { 1 })),
    fixed("untilStep", &[Int, Int, Int], |_, a| counted(a.int(0), a.int(1), a.int(2))),
    variadic("seq", &[], Int, |_, a| sequence(a)),
];

/// More numbers than anybody counts to in a template.
const MOST: usize = 4_000_000;

fn divisor(a: Arguments<'_>) -> Result<i64, FunctionError> {
    match to_int(a.value(1)) {
        0 => Err(FunctionError::said("runtime error: integer divide by zero")),
        divisor => Ok(divisor),
    }
}

/// The greatest or the least; what is not a number wins, but against the infinity that cannot be topped.
fn extreme(values: &[Value], top: f64, pick: fn(f64, f64) -> f64) -> f64 {
    let both = |one: f64, other: f64| {
        #[expect(clippy::float_cmp, reason = "infinity is exact")]
        if one == top || other == top {
            top
        } else if one.is_nan() || other.is_nan() {
            f64::NAN
        } else {
            pick(one, other)
        }
    };
    values.iter().map(to_float).reduce(both).unwrap_or(0.0)
}

/// `strconv.ParseInt` in one base, errors ignored: nothing but digits gives 0, too many the greatest number.
pub(super) fn decimal_digits(bytes: &[u8], base: u32) -> i64 {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    match str::from_utf8(bytes).map(|text| i64::from_str_radix(text, base)) {
        Ok(Ok(number)) => number,
        Ok(Err(error)) if *error.kind() == PosOverflow => i64::MAX,
        Ok(Err(error)) if *error.kind() == NegOverflow => i64::MIN,
        Ok(Err(_)) | Err(_) => 0,
    }
}

fn octal(bytes: &[u8]) -> i64 {
    str::from_utf8(bytes).ok().and_then(|text| i64::from_str_radix(text, 8).ok()).unwrap_or(0)
}

/// Adds or multiplies without the errors of binary fractions, then gives the nearest `float64`.
fn decimals(first: f64, others: &[Value], operation: fn(&Decimal, &Decimal) -> Option<Decimal>) -> Answer {
    let mut result = exact(first)?;
    for other in others {
        result = operation(&result, &exact(to_float(other))?)
            .ok_or_else(|| FunctionError::said("decimal division by 0"))?;
    }
    Ok(Value::Float(result.to_float()))
}

fn exact(number: f64) -> Result<Decimal, FunctionError> {
    Decimal::from_float(number).ok_or_else(|| {
        FunctionError::said(format!(
            "Cannot create a Decimal from {}",
            print::display(&Value::Float(number)).lossy()
        ))
    })
}

fn rounded(a: Arguments<'_>) -> f64 {
    let round_on = a.rest(2).first().map_or(0.5, |value| match value {
        Value::Float(number) => *number,
        _ => 0.5,
    });
    #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds too")]
    let power = 10_f64.powf(a.int(1) as f64);
    let digit = power * to_float(a.value(0));
    let whole = if digit.fract() >= round_on { digit.ceil() } else { digit.floor() };
    whole / power
}

fn counted(start: i64, end: i64, step: i64) -> Answer {
    let numbers = steps(start, end, step)?.into_iter().map(Value::Int).collect();
    Ok(List::new(numbers).with_kind(ListKind::Ints).into())
}

/// From the start to the end, but without it.
fn steps(start: i64, end: i64, step: i64) -> Result<Vec<i64>, FunctionError> {
    let (mut numbers, mut current) = (Vec::new(), start);
    let goes_on =
        |current: i64| if end < start { step < 0 && current > end } else { step > 0 && current < end };
    while goes_on(current) {
        if numbers.len() == MOST {
            return Err(FunctionError::said(format!("the list would hold more than {MOST} numbers")));
        }
        numbers.push(current);
        current = match current.checked_add(step) {
            Some(next) => next,
            None => break,
        };
    }
    Ok(numbers)
}

/// Like the command: to the last number, and including it.
fn sequence(a: Arguments<'_>) -> Answer {
    let (start, step, end) = match a.0.len() {
        1 => (1, if a.int(0) < 1 { -1 } else { 1 }, a.int(0)),
        2 => (a.int(0), if a.int(1) < a.int(0) { -1 } else { 1 }, a.int(1)),
        3 => (a.int(0), a.int(1), a.int(2)),
        _ => return text(""),
    };
    let down = end < start;
    if down && step > 0 {
        return text("");
    }
    let numbers = steps(start, end.saturating_add(if down { -1 } else { 1 }), step)?;
    text(numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(answer: Answer) -> f64 {
        match answer {
            Ok(Value::Float(number)) => number,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn decimals_are_exact() {
        let numbers = [Value::Float(0.1), Value::Float(0.2)];
        assert!(
            (float(decimals(0.0, &numbers, |one, other| Some(one.add(other)))) - 0.3).abs()
                < f64::EPSILON / 8.0
        );
        assert!(decimals(1.0, &[Value::Int(0)], Decimal::div).is_err());
        assert!(decimals(f64::NAN, &[], Decimal::div).is_err());
    }

    #[test]
    fn lists_of_numbers() {
        assert_eq!(steps(0, 3, 1).unwrap(), [0, 1, 2]);
        assert_eq!(steps(0, -3, -2).unwrap(), [0, -2]);
        assert_eq!(steps(5, 0, 1).unwrap(), [0; 0]);
        assert!(steps(0, i64::MAX, 1).is_err());
    }

    #[test]
    fn digits_only() {
        assert_eq!(decimal_digits(b"12a", 10), 0);
        assert_eq!(decimal_digits(b"99999999999999999999", 10), i64::MAX);
        assert_eq!(octal(b"0777"), 511);
        assert_eq!(octal(b"8"), 0);
    }
}
