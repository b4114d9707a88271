//! Finding the rows that hold a text.
//!
//! Plain texts are searched as one. Of a column of templates, the fixed texts decide for all rows of a template at
//! once, unless the needle could reach into a piece: only then its rows are put together and searched.

use std::ops::Range;

use domain::TextMatch;
use domain::batch::TextColumn;
use domain::text::fold;
use memchr::memmem::Finder;

use super::cut::Kind;
use super::templated::{Row, Template, Templated};
use super::{Form, Texts};

/// How many bytes of rows are put together before they are searched.
const BATCH_BYTES: usize = 64 * 1024;

/// What a template's fixed texts say of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    None,
    All,
    /// The needle could reach into a piece.
    Some,
}

/// A part of a text that is not known in full: what its next byte may be, folded.
#[derive(Debug, Clone, Copy)]
enum Step {
    Byte(u8),
    /// One or more of these.
    Piece(Kind),
}

/// A needle, ready to be looked for.
struct Search<'a> {
    text: &'a TextMatch,
    finder: Finder<'a>,
}

/// Texts that are searched as one.
#[derive(Default)]
struct Batch {
    folded: Vec<u8>,
    /// Each text's row, and where it ends.
    rows: Vec<(usize, usize)>,
}

impl Texts {
    /// Says of each row whether its text is selected: what `text` itself says of it.
    #[must_use]
    pub fn matching_rows(&self, text: &TextMatch) -> Vec<bool> {
        let search = Search { text, finder: Finder::new(text.needle()) };
        match &self.0 {
            Form::AllEmpty(count) => vec![false; *count],
            Form::Plain(column) => search.in_column(column),
            Form::Templated(templated) => search.in_templated(templated),
        }
    }
}

// === impl Search ===

impl Search<'_> {
    fn in_column(&self, column: &TextColumn) -> Vec<bool> {
        let mut matches = vec![false; column.len()];
        let mut batch = Batch::default();
        for (row, text) in column.iter().enumerate() {
            batch.folded.extend_from_slice(text.as_bytes());
            batch.end_row(row);
            if batch.folded.len() > BATCH_BYTES {
                batch.search(self, &mut matches);
            }
        }
        batch.search(self, &mut matches);
        matches
    }

    fn in_templated(&self, texts: &Templated) -> Vec<bool> {
        let whole = texts.whole.matching_rows(self.text);
        let verdicts: Vec<Verdict> =
            texts.templates.iter().map(|template| self.verdict(texts, template)).collect();
        let mut matches = vec![false; texts.len()];
        let mut batch = Batch::default();
        for (row, Row { template, rank }) in texts.rows.iter().enumerate() {
            let Some(template) = (*template as usize).checked_sub(1) else {
                matches[row] = whole[*rank as usize];
                continue;
            };
            match verdicts[template] {
                Verdict::None => {}
                Verdict::All => matches[row] = true,
                Verdict::Some => {
                    texts.append_to(&mut batch.folded, row);
                    batch.end_row(row);
                    if batch.folded.len() > BATCH_BYTES {
                        batch.search(self, &mut matches);
                    }
                }
            }
        }
        batch.search(self, &mut matches);
        matches
    }

    fn verdict(&self, texts: &Templated, template: &Template) -> Verdict {
        let mut steps = Vec::new();
        for slot in &template.slots {
            if self.is_in_fixed(&texts.fixed[slot.fixed.clone()], &steps, true) {
                return Verdict::All;
            }
            steps.extend(fold(&texts.fixed[slot.fixed.clone()]).bytes().map(Step::Byte));
            steps.push(Step::Piece(texts.columns[slot.column].kind));
        }
        let last = &texts.fixed[template.last.clone()];
        if self.is_in_fixed(last, &steps, false) {
            return Verdict::All;
        }
        steps.extend(fold(last).bytes().map(Step::Byte));
        if may_hold(&steps, self.text.needle().as_bytes()) { Verdict::Some } else { Verdict::None }
    }

    /// Says whether a fixed text between pieces is a match whatever the pieces are. `before` is what stands before
    /// it.
    fn is_in_fixed(&self, fixed: &str, before: &[Step], has_piece_after: bool) -> bool {
        let fixed = fold(fixed);
        if self.finder.find(fixed.as_bytes()).is_none() {
            return false;
        }
        // A piece begins and ends with a digit or a letter, as this stand-in does. A text may be anything: taken for
        // such a piece it may hide a match, which is then found by putting the rows together.
        let before = if before.is_empty() { "" } else { "0" };
        let after = if has_piece_after { "0" } else { "" };
        let needle = self.text.needle();
        let around = format!("{before}{fixed}{after}");
        let inside = before.len()..around.len() - after.len();
        self.finder.find_iter(around.as_bytes()).any(|start| {
            inside.start <= start
                && start + needle.len() <= inside.end
                && self.text.stands_free(&around, start)
        })
    }
}

/// Says whether some text of these steps could hold the needle: keeps every place where the needle's next byte
/// could be.
fn may_hold(steps: &[Step], needle: &[u8]) -> bool {
    if steps.iter().any(|step| matches!(step, Step::Piece(Kind::Text))) {
        return true;
    }
    let mut places: Vec<usize> = (0..steps.len()).collect();
    let mut next = Vec::new();
    for byte in needle {
        for place in &places {
            match steps[*place] {
                Step::Byte(expected) if expected == *byte => next.push(place + 1),
                Step::Piece(kind) if may_have(kind, *byte) => next.extend([*place, place + 1]),
                Step::Byte(_) | Step::Piece(_) => {}
            }
        }
        next.dedup();
        // After the last step nothing can follow.
        std::mem::swap(&mut places, &mut next);
        next.clear();
        if places.is_empty() {
            return false;
        }
        places.retain(|place| *place < steps.len());
    }
    true
}

fn may_have(kind: Kind, byte: u8) -> bool {
    match kind {
        Kind::Digits => byte.is_ascii_digit(),
        Kind::Hex { .. } => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        Kind::Uuid { .. } => matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'),
        Kind::Text => true,
    }
}

// === impl Batch ===

impl Batch {
    fn end_row(&mut self, row: usize) {
        self.rows.push((row, self.folded.len()));
    }

    /// Marks the rows that match, and empties the batch.
    fn search(&mut self, search: &Search<'_>, matches: &mut [bool]) {
        if self.folded.is_ascii() {
            self.folded.make_ascii_lowercase();
        } else {
            self.fold_rows();
        }
        let mut rows = self.rows.iter();
        let (mut row, mut text) = (0, 0..0);
        let mut from = 0;
        while let Some(found) = search.finder.find(&self.folded[from..]) {
            let start = from + found;
            while text.end <= start {
                let Some((next, end)) = rows.next() else { break };
                (row, text) = (*next, text.end..*end);
            }
            let is_match =
                start + search.text.needle().len() <= text.end && self.is_free(search, &text, start);
            matches[row] |= is_match;
            from = if is_match { text.end } else { start + 1 };
        }
        self.folded.clear();
        self.rows.clear();
    }

    fn is_free(&self, search: &Search<'_>, text: &Range<usize>, start: usize) -> bool {
        if !search.text.is_whole_words() {
            return true;
        }
        let row = std::str::from_utf8(&self.folded[text.clone()]).expect("rows are UTF-8");
        search.text.stands_free(row, start - text.start)
    }

    /// Folds row by row: a letter's lower case may be longer.
    fn fold_rows(&mut self) {
        let texts = std::mem::take(&mut self.folded);
        let mut start = 0;
        for (_, end) in &mut self.rows {
            let text = std::str::from_utf8(&texts[start..*end]).expect("rows are UTF-8");
            start = *end;
            self.folded.extend_from_slice(fold(text).as_bytes());
            *end = self.folded.len();
        }
    }
}
