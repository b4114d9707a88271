//! Reading a column that was written as templates: a text is put together when it is asked for.

use std::borrow::Cow;
use std::ops::Range;

use super::cut::{Kind, PIECES_MAX};
use super::pieces::Pieces;
use super::{Texts, read_plain};
use crate::block::Malformed;
use crate::block::numbers::Numbers;
use crate::block::varint::Reader;

/// A column of texts as templates and pieces.
#[derive(Debug)]
pub(super) struct Templated {
    pub(super) rows: Vec<Row>,
    pub(super) templates: Vec<Template>,
    /// The fixed texts of all templates.
    pub(super) fixed: String,
    pub(super) columns: Vec<Column>,
    /// The texts that have no template.
    pub(super) whole: Texts,
}

/// A text: its template, counted from 1, and how many texts of the same template stand before it. Template 0 is
/// that of the texts that have none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) template: u32,
    pub(super) rank: u32,
}

#[derive(Debug)]
pub(super) struct Template {
    pub(super) slots: Vec<Slot>,
    /// The fixed text after the last piece.
    pub(super) last: Range<usize>,
}

/// A piece's place in a template.
#[derive(Debug)]
pub(super) struct Slot {
    /// The fixed text before the piece.
    pub(super) fixed: Range<usize>,
    pub(super) column: usize,
    /// Where the template's pieces of this place begin in the column.
    start: usize,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) kind: Kind,
    pieces: Pieces,
}

// === impl Templated ===

impl Templated {
    pub(super) fn read(reader: &mut Reader<'_>, count: usize, may_nest: bool) -> Result<Self, Malformed> {
        let kinds = (0..reader.count()?).map(|_| {
            let code = [reader.byte()?, reader.byte()?];
            Kind::of_code(code).ok_or(Malformed("pieces are of a kind that is not known here"))
        });
        let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
        let (mut templates, fixed) = read_templates(reader, kinds.len())?;
        let codes = Numbers::read(reader, count)?.into_vec(count);
        let (rows, texts) = rank(&codes, templates.len())?;
        let mut lengths = vec![0; kinds.len()];
        for (template, texts) in templates.iter_mut().zip(&texts[1..]) {
            for slot in &mut template.slots {
                slot.start = lengths[slot.column];
                lengths[slot.column] += *texts as usize;
            }
        }
        let columns = kinds.into_iter().zip(lengths).map(|(kind, length)| {
            let pieces = Pieces::read(reader, kind, length, may_nest)?;
            Ok(Column { kind, pieces })
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let whole = Texts::read_whole(reader, texts[0] as usize)?;
        Ok(Self { rows, templates, fixed, columns, whole })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn get(&self, row: usize) -> Cow<'_, str> {
        let Row { template, rank } = self.rows[row];
        if template == 0 {
            return self.whole.get(rank as usize);
        }
        let mut text = Vec::with_capacity(128);
        self.append_to(&mut text, row);
        Cow::Owned(String::from_utf8(text).expect("fixed texts and pieces are UTF-8"))
    }

    pub(super) fn append_to(&self, out: &mut Vec<u8>, row: usize) {
        let Row { template, rank } = self.rows[row];
        let Some(template) = (template as usize).checked_sub(1) else {
            return self.whole.append_to(out, rank as usize);
        };
        let (template, fixed) = (&self.templates[template], self.fixed.as_bytes());
        for slot in &template.slots {
            out.extend_from_slice(&fixed[slot.fixed.clone()]);
            self.columns[slot.column].pieces.append_to(out, slot.start + rank as usize);
        }
        out.extend_from_slice(&fixed[template.last.clone()]);
    }
}

impl Texts {
    /// Reads the texts of a column that have no template.
    fn read_whole(reader: &mut Reader<'_>, count: usize) -> Result<Self, Malformed> {
        match reader.byte()? {
            super::ALL_EMPTY => Ok(Self(super::Form::AllEmpty(count))),
            super::PLAIN => Ok(Self(super::Form::Plain(read_plain(reader, count)?))),
            _ => Err(Malformed("texts without a template are not plain")),
        }
    }
}

/// Reads the templates, with columns below `columns`, and the fixed texts.
fn read_templates(reader: &mut Reader<'_>, columns: usize) -> Result<(Vec<Template>, String), Malformed> {
    const TOO_LONG: Malformed = Malformed("fixed texts are too long");
    let mut templates = Vec::new();
    let mut end: usize = 0;
    let mut next = |length: usize| {
        let start = end;
        end = start.checked_add(length).ok_or(TOO_LONG)?;
        Ok(start..end)
    };
    for _ in 0..reader.count()? {
        let mut slots = Vec::new();
        let count = reader.count()?;
        if count > PIECES_MAX {
            return Err(Malformed("a template has too many pieces"));
        }
        for _ in 0..count {
            let fixed = next(reader.usize()?)?;
            let column = reader.usize()?;
            if column >= columns {
                return Err(Malformed("a piece lies in no column"));
            }
            slots.push(Slot { fixed, column, start: 0 });
        }
        templates.push(Template { slots, last: next(reader.usize()?)? });
    }
    let fixed =
        String::from_utf8(reader.bytes(end)?.to_vec()).map_err(|_| Malformed("a text is not UTF-8"))?;
    let mut ends = templates.iter().flat_map(|t| t.slots.iter().map(|s| s.fixed.end).chain([t.last.end]));
    if ends.all(|end| fixed.is_char_boundary(end)) {
        Ok((templates, fixed))
    } else {
        Err(Malformed("a fixed text is not UTF-8"))
    }
}

/// Counts the texts of each template.
fn rank(codes: &[u64], templates: usize) -> Result<(Vec<Row>, Vec<u32>), Malformed> {
    let mut texts = vec![0_u32; templates + 1];
    let mut rows = Vec::with_capacity(codes.len());
    for template in codes {
        let Some(rank) = usize::try_from(*template).ok().and_then(|template| texts.get_mut(template)) else {
            return Err(Malformed("a text has a template that is not there"));
        };
        rows.push(Row { template: *template as u32, rank: *rank });
        *rank += 1;
    }
    Ok((rows, texts))
}
