//! Numbers as JSON and people write them, and spans of values that can be compared.

use std::cmp::Ordering;
use std::ops::Bound;

/// A number: exact where it is an integer.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// An integer.
    Integer(i128),
    /// Anything else; never NaN.
    Float(f64),
}

/// The values from one bound to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval<T> {
    /// Where it starts.
    pub lower: Bound<T>,
    /// Where it ends.
    pub upper: Bound<T>,
}

impl Number {
    /// Reads a decimal number: digits, perhaps with a sign, a fraction and an exponent. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(integer) = text.parse() {
            return Some(Self::Integer(integer));
        }
        let is_decimal = |byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
        if !text.bytes().any(|byte| byte.is_ascii_digit()) || !text.bytes().all(is_decimal) {
            return None;
        }
        text.parse().ok().filter(|float: &f64| !float.is_nan()).map(Self::Float)
    }

    /// Returns the integer that it is, however it is written; `None` where it is none, or one beyond 2^53, up to which
    /// every number with a fraction is exact.
    #[must_use]
    pub fn as_integer(self) -> Option<i128> {
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        match self {
            Self::Integer(integer) => Some(integer),
            Self::Float(float) if float.fract() == 0.0 && float.abs() <= EXACT_MAX => Some(float as i128),
            Self::Float(_) => None,
        }
    }

    /// Says whether both are one number, however they are written. An integer beyond 2^53 is only the same as an integer:
    /// a number with a fraction or an exponent may stand for several there.
    #[must_use]
    pub fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Float(one), Self::Float(two)) => one == two,
            _ => self.as_integer().is_some() && self.as_integer() == other.as_integer(),
        }
    }

    fn as_float(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => left.cmp(right),
            _ => self.as_float().partial_cmp(&other.as_float()).expect("no number is NaN"),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl<T: Ord> Interval<T> {
    /// Says whether `value` lies inside.
    pub fn contains<V: ?Sized + PartialOrd>(&self, value: &V) -> bool
    where
        T: std::borrow::Borrow<V>,
    {
        let is_behind_lower = match &self.lower {
            Bound::Included(lower) => lower.borrow() <= value,
            Bound::Excluded(lower) => lower.borrow() < value,
            Bound::Unbounded => true,
        };
        let is_before_upper = match &self.upper {
            Bound::Included(upper) => value <= upper.borrow(),
            Bound::Excluded(upper) => value < upper.borrow(),
            Bound::Unbounded => true,
        };
        is_behind_lower && is_before_upper
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_as_numbers_however_they_are_written() {
        for (text, other) in [("500", "500.0"), ("5e2", "500"), ("-0", "0"), ("+7", "7"), ("007", "7")] {
            assert_eq!(Number::parse(text), Number::parse(other), "{text}");
        }
        let is_same = |one, two| Number::parse(one).unwrap().is_same(Number::parse(two).unwrap());
        assert!(
            is_same("500", "5e2")
                && is_same("-7.0", "-7")
                && is_same("2.50", "2.5")
                && is_same("1e20", "1e20")
        );
        assert!(
            !is_same("100000000000000000000", "1e20") && !is_same("9007199254740993", "9007199254740993.0")
        );
        let exact = (Number::parse("9007199254740993").unwrap(), Number::parse("9007199254740992").unwrap());
        assert!(exact.0 > exact.1, "integers are exact beyond 2^53");
        assert!(Number::parse("-1.5") < Number::parse("1e400") && Number::parse("9") < Number::parse("10"));
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in ["", "-", ".", "e", "inf", "NaN", "infinity", "0x10", "1_000", "1 ", "1.2.3", "1-2", "٣"]
        {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_interval_has_bounds_of_every_kind() {
        let interval = |lower, upper| Interval { lower, upper };
        let cases = [
            (interval(Bound::Included(1), Bound::Included(3)), [true, true, true]),
            (interval(Bound::Excluded(1), Bound::Excluded(3)), [false, true, false]),
            (interval(Bound::Unbounded, Bound::Included(2)), [true, true, false]),
            (interval(Bound::Included(2), Bound::Unbounded), [false, true, true]),
        ];
        for (interval, expected) in cases {
            assert_eq!([1, 2, 3].map(|value| interval.contains(&value)), expected, "{interval:?}");
        }
    }
}
