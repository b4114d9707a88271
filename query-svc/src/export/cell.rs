//! Texts that a spreadsheet would run.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and whoever can send a log could so run
//! something on the computer of whoever reads it (OWASP, "CSV Injection"). Such a text gets a `'` in front, which
//! spreadsheets take for "this is a text". Tabs and line breaks count too, because some programs drop them first; so do
//! spaces in front, and the full-width forms that some languages' versions understand.

/// What makes a text that begins with it a formula.
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// What is put in front.
const DEFUSED: u8 = b'\'';

/// Says whether a spreadsheet might run a text.
#[must_use]
pub fn is_formula(text: &str) -> bool {
    text.trim_start_matches(' ').starts_with(FORMULA_STARTS)
}

/// Returns a text as a cell that no spreadsheet runs; `room` is where it is written if it has to be changed.
pub fn defused<'a>(text: &'a str, room: &'a mut Vec<u8>) -> &'a [u8] {
    if !is_formula(text) {
        return text.as_bytes();
    }
    room.clear();
    room.push(DEFUSED);
    room.extend_from_slice(text.as_bytes());
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        String::from_utf8(defused(text, &mut Vec::new()).to_vec()).unwrap()
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_a_text_to_it() {
        for formula in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1+1", "＝1", "＋1", "－1", "＠a",
            "=", "   @",
        ] {
            assert_eq!(cell(formula), format!("'{formula}"), "{formula:?}");
        }
    }

    #[test]
    fn every_other_text_stays_as_it_is() {
        for text in ["", " ", "a=1", "'=1", "{\"a\":\"=1\"}", "1-1", "ü", "  a", "\"=1\"", ";=1"] {
            assert_eq!(cell(text), text, "{text:?}");
        }
    }
}
