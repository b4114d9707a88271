//! Columns of texts: plain, or as templates and what varies in them.
//!
//! * `cut` cutting a text into what is fixed and what varies
//! * `dictionary` finding the shapes that many texts share, and writing such a column
//! * `pieces` columns of what varies: numbers, hexadecimal numbers, texts again
//! * `templated` reading such a column, row by row
//! * `matching` finding the rows that hold a text

use std::borrow::Cow;

use domain::batch::TextColumn;

use super::Malformed;
use super::frame::Content;
use super::varint::{self, Reader};

mod cut;
mod dictionary;
mod matching;
mod pieces;
mod templated;
#[cfg(test)]
mod tests;

pub(super) use cut::{Mode, Span};
use templated::Templated;

const ALL_EMPTY: u8 = 0;
const PLAIN: u8 = 1;
const TEMPLATED: u8 = 2;

/// Texts that are to be written: places in a longer one.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) joined: &'a str,
    pub(super) spans: &'a [Span],
}

/// A column of texts, decoded as far as that is cheap: a text is put together when it is asked for.
#[derive(Debug)]
pub struct Texts(Form);

#[derive(Debug)]
enum Form {
    AllEmpty(usize),
    Plain(TextColumn),
    Templated(Box<Templated>),
}

// === impl Source ===

impl<'a> Source<'a> {
    fn get(self, at: usize) -> &'a str {
        &self.joined[self.spans[at].range()]
    }

    fn is_all_empty(self) -> bool {
        self.spans.iter().all(|span| span.len() == 0)
    }
}

/// Writes texts that are all empty.
pub(super) fn put_empty(out: &mut Content) {
    out.bytes.push(ALL_EMPTY);
}

/// Writes texts as they are.
pub(super) fn put_plain(out: &mut Content, texts: Source<'_>) {
    if texts.is_all_empty() {
        return put_empty(out);
    }
    out.bytes.push(PLAIN);
    let (mut end, mut are_in_one) = (0, true);
    for span in texts.spans {
        varint::put_usize(&mut out.bytes, span.len());
        are_in_one &= span.range().start == end;
        end = span.range().end;
    }
    if are_in_one {
        return out.bytes.extend_from_slice(&texts.joined.as_bytes()[..end]);
    }
    for span in texts.spans {
        out.bytes.extend_from_slice(&texts.joined.as_bytes()[span.range()]);
    }
}

/// Writes texts as templates and what varies, unless hardly any have a template.
pub(super) fn put_split(out: &mut Content, texts: Source<'_>, mode: Mode) {
    if texts.is_all_empty() || !dictionary::put_templated(out, texts, mode) {
        put_plain(out, texts);
    }
}

// === impl Texts ===

impl Texts {
    /// Reads a column of so many texts.
    pub(super) fn read(reader: &mut Reader<'_>, count: usize) -> Result<Self, Malformed> {
        Self::read_within(reader, count, true)
    }

    fn read_within(reader: &mut Reader<'_>, count: usize, may_nest: bool) -> Result<Self, Malformed> {
        match reader.byte()? {
            ALL_EMPTY => Ok(Self(Form::AllEmpty(count))),
            PLAIN => Ok(Self(Form::Plain(read_plain(reader, count)?))),
            TEMPLATED => Ok(Self(Form::Templated(Box::new(Templated::read(reader, count, may_nest)?)))),
            _ => Err(Malformed("a column is written in a form that is not known here")),
        }
    }

    /// Returns how many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::AllEmpty(count) => *count,
            Form::Plain(column) => column.len(),
            Form::Templated(templated) => templated.len(),
        }
    }

    /// Says whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the text of `row`, which has to be below [`Self::len`].
    #[must_use]
    pub fn get(&self, row: usize) -> Cow<'_, str> {
        match &self.0 {
            Form::AllEmpty(_) => Cow::Borrowed(""),
            Form::Plain(column) => Cow::Borrowed(column.get(row)),
            Form::Templated(templated) => templated.get(row),
        }
    }

    /// Appends the text of `row`: all of it is UTF-8.
    fn append_to(&self, out: &mut Vec<u8>, row: usize) {
        match &self.0 {
            Form::AllEmpty(_) => {}
            Form::Plain(column) => out.extend_from_slice(column.get(row).as_bytes()),
            Form::Templated(templated) => templated.append_to(out, row),
        }
    }
}

fn read_plain(reader: &mut Reader<'_>, count: usize) -> Result<TextColumn, Malformed> {
    let lengths = (0..count).map(|_| reader.usize()).collect::<Result<Vec<_>, _>>()?;
    let mut column = TextColumn::default();
    for length in lengths {
        let text = std::str::from_utf8(reader.bytes(length)?);
        column.push(text.map_err(|_| Malformed("a text is not UTF-8"))?);
    }
    Ok(column)
}
