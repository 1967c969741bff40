//! `printf`: the format string, with widths, precisions and argument numbers, as Go reads it.

use super::{Flags, MAX_SIZE, Printer};
use crate::helm::template::text::Text;
use crate::helm::template::value::Value;

/// Widths and argument numbers beyond this are not read.
const MAX_NUMBER: usize = 1_000_000;

/// `fmt.Sprintf`.
pub fn printf(format: &[u8], arguments: &[Value]) -> Text {
    let mut reader =
        Reader { format, at: 0, arguments, next: 0, reordered: false, good_number: true, out: Vec::new() };
    reader.read();
    Text::from(reader.out)
}

struct Reader<'a> {
    format: &'a [u8],
    at: usize,
    arguments: &'a [Value],
    next: usize,
    reordered: bool,
    good_number: bool,
    out: Vec<u8>,
}

impl Reader<'_> {
    fn read(&mut self) {
        while self.at < self.format.len() && self.out.len() <= MAX_SIZE {
            let rest = self.format.get(self.at..).unwrap_or_default();
            let plain = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
            self.out.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            if self.at < self.format.len() {
                self.at += 1;
                self.directive();
            }
        }
        if !self.reordered && self.next < self.arguments.len() {
            self.extra();
        }
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn directive(&mut self) {
        self.good_number = true;
        let mut flags = self.flags();
        let mut after_index = self.argument_number();
        if self.peek() == Some(b'*') {
            self.at += 1;
            self.star_width(&mut flags);
            after_index = false;
        } else {
            flags.width = self.number();
            if after_index && flags.width.is_some() {
                self.good_number = false;
            }
        }
        if self.peek() == Some(b'.') && self.at + 1 < self.format.len() {
            self.at += 1;
            if after_index {
                self.good_number = false;
            }
            after_index = self.precision(&mut flags);
        }
        if !after_index {
            self.argument_number();
        }
        match self.verb() {
            Some(verb) => self.argument(flags, verb),
            None => self.out.extend_from_slice(b"%!(NOVERB)"),
        }
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        flags
    }

    fn star_width(&mut self, flags: &mut Flags) {
        match self.star() {
            Some(width) => {
                flags.width = usize::try_from(width.unsigned_abs()).ok();
                if width < 0 {
                    flags.minus = true;
                    flags.zero = false;
                }
            }
            None => self.out.extend_from_slice(b"%!(BADWIDTH)"),
        }
    }

    /// Reads what follows the point; whether an argument number was the last thing read.
    fn precision(&mut self, flags: &mut Flags) -> bool {
        let after_index = self.argument_number();
        if self.peek() != Some(b'*') {
            flags.precision = Some(self.number().unwrap_or(0));
            return after_index;
        }
        self.at += 1;
        let star = self.star();
        flags.precision = star.and_then(|precision| usize::try_from(precision).ok());
        if flags.precision.is_none() {
            self.out.extend_from_slice(b"%!(BADPREC)");
        }
        false
    }

    /// The argument that a `*` stands for.
    fn star(&mut self) -> Option<i64> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        match argument {
            Value::Int(number) | Value::Int64(number) if number.unsigned_abs() <= MAX_NUMBER as u64 => {
                Some(*number)
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            if number.is_some_and(|number| number > MAX_NUMBER) {
                self.at = self.format.len();
                return None;
            }
            number = Some(number.unwrap_or(0) * 10 + usize::from(digit - b'0'));
            self.at += 1;
        }
        number
    }

    /// `[3]`: whether there was one, good or bad.
    fn argument_number(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = self.format.get(self.at..).unwrap_or_default();
        let Some(end) = rest.iter().position(|byte| *byte == b']').filter(|_| rest.len() >= 3) else {
            self.at += 1;
            self.good_number = false;
            return false;
        };
        let digits = rest.get(1..end).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default();
        let number =
            digits.parse::<usize>().ok().filter(|number| *number <= MAX_NUMBER && !digits.starts_with('+'));
        self.at += end + 1;
        match number {
            Some(number @ 1..) if number <= self.arguments.len() => self.next = number - 1,
            _ => self.good_number = false,
        }
        number.is_some()
    }

    fn verb(&mut self) -> Option<char> {
        let rest = self.format.get(self.at..).filter(|rest| !rest.is_empty())?;
        let chunk = rest.utf8_chunks().next()?;
        let verb = chunk.valid().chars().next();
        self.at += verb.map_or(1, char::len_utf8);
        Some(verb.unwrap_or('\u{fffd}'))
    }

    fn argument(&mut self, mut flags: Flags, verb: char) {
        if verb == '%' {
            return self.out.push(b'%');
        }
        if !self.good_number {
            return self.out.extend_from_slice(format!("%!{verb}(BADINDEX)").as_bytes());
        }
        let Some(argument) = self.arguments.get(self.next) else {
            return self.out.extend_from_slice(format!("%!{verb}(MISSING)").as_bytes());
        };
        if matches!(verb, 'v' | 'w') {
            (flags.sharp_v, flags.plus_v) = (flags.sharp, flags.plus);
            (flags.sharp, flags.plus) = (false, false);
        }
        Printer::new(&mut self.out, flags).argument(argument, verb);
        self.next += 1;
    }

    fn extra(&mut self) {
        self.out.extend_from_slice(b"%!(EXTRA ");
        for (index, argument) in self.arguments.iter().skip(self.next).enumerate() {
            if index > 0 {
                self.out.extend_from_slice(b", ");
            }
            if !matches!(argument, Value::Nil) {
                self.out.extend_from_slice(format!("{}=", argument.type_name()).as_bytes());
            }
            super::write(&mut self.out, argument);
        }
        self.out.push(b')');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sprintf(format: &str, arguments: &serde_json::Value) -> String {
        let arguments: Vec<Value> = arguments.as_array().unwrap().iter().map(Value::from).collect();
        printf(format.as_bytes(), &arguments).lossy().into_owned()
    }

    #[test]
    fn verbs_and_flags_as_go_reads_them() {
        let cases = [
            ("%s-%s", json!(["a", "b"]), "a-b"),
            ("%d", json!([1.0]), "%!d(float64=1)"),
            ("%d %d", json!([1]), "1 %!d(MISSING)"),
            ("%s", json!([null]), "%!s(<nil>)"),
            ("%v %T", json!([null, null]), "<nil> <nil>"),
            ("%v|%5d|%-5d|%05d|%+d|% d", json!([1, 2, 3, 4, 5, 6]), "1|    2|3    |00004|+5| 6"),
            ("%x %X %o %O %b %#x", json!([255, 255, 8, 8, 5, 255]), "ff FF 10 0o10 101 0xff"),
            ("%c %q %U %#U", json!([65, 65, 65, 8364]), "A 'A' U+0041 U+20AC '\u{20ac}'"),
            ("%q %#q %x % x", json!(["a\"b", "a\"b", "hi", "hi"]), "\"a\\\"b\" `a\"b` 6869 68 69"),
            (
                "%.2f %8.3f %e %g %G",
                json!([1.005, 2.5, 1234.5, 1e21, 1e-7]),
                "1.00    2.500 1.234500e+03 1e+21 1E-07",
            ),
            ("%08.2f|%-8.1f|%+.1f", json!([-3.25, 2.0, 1.0]), "-0003.25|2.0     |+1.0"),
            ("%t %t", json!([true, "x"]), "true %!t(string=x)"),
            ("%5s|%-5s|%.2s|%5t", json!(["a", "b", "h\u{e9}llo", true]), "    a|b    |h\u{e9}| true"),
            ("%%|%", json!([]), "%|%!(NOVERB)"),
            ("x", json!(["y", 1, null]), "x%!(EXTRA string=y, int64=1, <nil>)"),
            ("%[2]d %[1]d", json!([1, 2]), "2 1"),
            ("%[3]d", json!([1]), "%!d(BADINDEX)"),
            ("%*d|%-*d|%.*f", json!([4, 1, 4, 2, 1, 2.55]), "   1|2   |2.5"),
            ("%*d", json!(["x", 1]), "%!(BADWIDTH)1"),
            ("%v %v %s", json!([{"a": 1}, ["b", null], ["x", 1]]), "map[a:1] [b <nil>] [x %!s(int64=1)]"),
            (
                "%#v %#v",
                json!([{"a": "x"}, ["b", 1.0]]),
                "map[string]interface {}{\"a\":\"x\"} []interface {}{\"b\", 1}",
            ),
            ("%z %!", json!([1]), "%!z(int64=1) %!!(MISSING)"),
            ("%[1]*d|%[5]d|%[2]d %d", json!([4, 2, 3]), "   2|%!d(BADINDEX)|2 3"),
            ("%[x]d %[]d %[1 d", json!([1]), "%!d(BADINDEX) %!d(BADINDEX) %! (BADINDEX)d"),
            (
                "%5v|%-5v|%05d",
                json!([[1, "b"], {"k": 1}, [1, 2]]),
                "[    1     b]|map[k    :1    ]|[00001 00002]",
            ),
            ("%x|% x|%#x|% #x", json!(["hi", "hi", "hi", "hi"]), "6869|68 69|0x6869|0x68 0x69"),
            ("%#g %#.3g %#v %#e", json!([1.0, 1.5, 2.0, 3.0]), "1.00000 1.50 2 3.000000e+00"),
            ("%.*f|%*d", json!([-1, 2.5, -4, 3]), "%!(BADPREC)2.500000|3   "),
            ("%c|%q|%+.3d|%-010d|", json!([-1, 1_114_112, 7, 5]), "\u{fffd}|'\u{fffd}'|+007|5         |"),
            ("%T %T %T", json!([1, 1.5, "x"]), "int64 float64 string"),
        ];
        for (format, arguments, text) in cases {
            assert_eq!(sprintf(format, &arguments), text, "{format}");
        }
    }
}
