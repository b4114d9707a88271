//! Which line belongs to the record of the line before: what loggers write over several lines. The rules are those that
//! shippers of this field have in common (indentation; the words around stack traces of Java, Python, Go, Rust, Node and .NET),
//! and each is about a line that hardly begins a record of its own.

/// Beginnings of lines that go on with a record.
const BEGINNINGS: [&[u8]; 17] = [
    b" ",
    b"\t",
    b")",
    b"}",
    b"]",
    b"Caused by: ",
    b"Suppressed: ",
    b"Wrapped by: ",
    b"... ",
    b"Stack trace:",
    b"stack backtrace:",
    b"note: run with `RUST_BACKTRACE",
    b"--- End of ",
    b"created by ",
    b"[signal ",
    b"The above exception was the direct cause of the following exception:",
    b"During handling of the above exception, another exception occurred:",
];

/// How Python begins a trace.
const PYTHON_TRACE: &[u8] = b"Traceback (most recent call last):";

/// How Go begins the trace of a goroutine.
const GOROUTINE: &[u8] = b"goroutine ";

/// Where in a trace the record so far has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    within: Within,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Within {
    /// In none.
    #[default]
    Nothing,
    /// In Python's: the line that is not indented is its last, and says what was raised.
    Python,
    /// In a goroutine's: calls are not indented.
    Go,
}

impl Trace {
    /// Begins a record with a line.
    pub(crate) fn of(line: &[u8]) -> Self {
        let mut trace = Self::default();
        trace.enter(line);
        trace
    }

    /// Says whether a line belongs to the record, and takes it in if it does.
    pub(crate) fn takes(&mut self, line: &[u8]) -> bool {
        if self.enter(line) || BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)) {
            return true;
        }
        match std::mem::take(&mut self.within) {
            Within::Python => is_raised(line),
            Within::Go if line.ends_with(b")") => {
                self.within = Within::Go;
                true
            }
            _ => is_class_of_exception(line) || is_php_frame(line),
        }
    }

    /// Says whether a line begins a trace.
    fn enter(&mut self, line: &[u8]) -> bool {
        if line.starts_with(PYTHON_TRACE) {
            self.within = Within::Python;
        } else if line.starts_with(GOROUTINE) && line.ends_with(b":") {
            self.within = Within::Go;
        } else {
            return false;
        }
        true
    }
}

/// Says whether a line is `ValueError: no such key`, or a name alone.
fn is_raised(line: &[u8]) -> bool {
    let name = line.iter().position(|&byte| byte == b':').map_or(line, |colon| &line[..colon]);
    is_dotted_name(name)
}

/// Says whether a line is `java.lang.IllegalStateException: no connection`.
fn is_class_of_exception(line: &[u8]) -> bool {
    let name = line.iter().position(|&byte| byte == b':').map_or(line, |colon| &line[..colon]);
    let is_exception = name.ends_with(b"Exception") || name.ends_with(b"Error");
    is_exception && name.contains(&b'.') && is_dotted_name(name)
}

/// Says whether a line is `#3 /srv/app/index.php(12): main()`.
fn is_php_frame(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"#") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=4).contains(&digits) && rest.get(digits) == Some(&b' ')
}

fn is_dotted_name(name: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.$".contains(byte);
    name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') && name.iter().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the records that lines make.
    fn records(text: &str) -> usize {
        let (mut trace, mut records): (Option<Trace>, _) = (None, 0);
        for line in text.lines().map(str::as_bytes) {
            if line.is_empty() || trace.as_mut().is_some_and(|trace| trace.takes(line)) {
                continue;
            }
            trace = Some(Trace::of(line));
            records += 1;
        }
        records
    }

    #[test]
    fn traces_of_the_usual_languages_are_one_record() {
        for text in [
            "ERROR failed\njava.lang.RuntimeException: boom\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: x\n\t... 5 more",
            "ERROR:root:failed\nTraceback (most recent call last):\n  File \"a.py\", line 1\n    f()\nValueError: no\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"b.py\"\nKeyboardInterrupt",
            "panic: runtime error\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/a.go:5 +0x1d\ncreated by main.start\n\t/src/a.go:9",
            "thread 'main' panicked at src/main.rs:2:5:\nstack backtrace:\n   0: rust_begin_unwind\nnote: run with `RUST_BACKTRACE=full` for more",
            "TypeError: x is not a function\n    at Object.<anonymous> (a.js:1:1) {\n  code: 1\n}",
            "PHP Fatal error: Uncaught Exception\nStack trace:\n#0 /a.php(3): f()\n#1 {main}\n  thrown in /a.php on line 3",
            "sent {\n  \"a\": 1\n}",
        ] {
            assert_eq!(records(text), 1, "{text}");
        }
    }

    #[test]
    fn what_begins_a_record_of_its_own_stays_one() {
        for text in [
            "2025-10-23 INFO a\n2025-10-23 INFO b",
            "{\"a\":1}\n{\"a\":2}",
            "#1 in line\n# comment",
            "Traceback (most recent call last):\n  File \"a.py\"\nValueError: x\nnext: record",
            "goroutine 1 [running]:\nmain.main()\nlevel=info msg=next",
            "failed\njava.lang.Thread: no exception",
            "Traceback (most recent call last):\n  x\n2025-10-23 no exception",
        ] {
            assert_eq!(records(text), 2, "{text}");
        }
    }
}
