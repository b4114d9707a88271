//! Finding the shapes that many texts share, and writing a column as templates.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::{FixedState, RandomState};

use super::cut::{Cutter, Kind, MARK, Mode, Span};
use super::pieces::put_pieces;
use super::{Source, TEMPLATED, put_plain};
use crate::block::frame::Content;
use crate::block::numbers::put_numbers;
use crate::block::varint;

/// Fewest texts of a shape that becomes a template: below, its fixed text costs more than it saves.
const TEMPLATE_MIN_TEXTS: u32 = 4;

/// Most columns of pieces; texts of shapes that could need more stay whole.
const COLUMNS_MAX: usize = 512;

/// Fewest texts that are worth the search.
const TEXTS_MIN: usize = 16;

/// How much of the fixed text before a piece tells which column the piece belongs to.
const CONTEXT_BYTES: usize = 8;
const CONTEXT_MIN_BYTES: usize = 3;

/// The number of texts that are left whole.
const WHOLE: u32 = u32::MAX;

/// The texts of a column, cut.
#[derive(Default)]
struct CutTexts {
    shapes: Vec<Shape>,
    places: HashMap<Box<[u8]>, u32, RandomState>,
    /// The shape of each text, or [`WHOLE`].
    shape_of: Vec<u32>,
    /// The pieces of all texts.
    pieces: Vec<Span>,
}

#[derive(Default)]
struct Shape {
    texts: u32,
    pieces: u32,
}

/// A shape that becomes a template, taken apart.
struct Template {
    shape: u32,
    /// The fixed text before each piece, and after the last one.
    fixed: Vec<u8>,
    lengths: Vec<usize>,
    /// The column of each piece.
    columns: Vec<usize>,
}

/// A column of pieces, of whatever templates.
struct PieceColumn {
    kind: Kind,
    pieces: Vec<Span>,
}

/// The columns by what their pieces look like and what stands before them.
#[derive(Default)]
struct Columns {
    columns: Vec<PieceColumn>,
    places: HashMap<(Kind, u64), usize, RandomState>,
}

/// Writes texts as templates; writes nothing and returns false where half of them have no template.
pub(super) fn put_templated(out: &mut Content, texts: Source<'_>, mode: Mode) -> bool {
    if texts.spans.len() < TEXTS_MIN {
        return false;
    }
    let cut = CutTexts::of(texts, mode);
    let mut columns = Columns::default();
    let templates = cut.templates(&mut columns, mode);
    let split: u32 = templates.iter().map(|template| cut.shapes[template.shape as usize].texts).sum();
    if (split as usize) * 2 < texts.spans.len() {
        return false;
    }
    let (codes, whole) = cut.distribute(&templates, &mut columns, texts.spans);
    out.bytes.push(TEMPLATED);
    put_templates(out, &templates, &columns);
    put_numbers(out, &codes);
    for column in &columns.columns {
        let pieces = Source { joined: texts.joined, spans: &column.pieces };
        put_pieces(out, column.kind, pieces);
    }
    put_plain(out, Source { joined: texts.joined, spans: &whole });
    true
}

fn put_templates(out: &mut Content, templates: &[Template], columns: &Columns) {
    varint::put_usize(&mut out.bytes, columns.columns.len());
    for column in &columns.columns {
        out.bytes.extend_from_slice(&column.kind.code());
    }
    varint::put_usize(&mut out.bytes, templates.len());
    for template in templates {
        varint::put_usize(&mut out.bytes, template.columns.len());
        for (length, column) in template.lengths.iter().zip(&template.columns) {
            varint::put_usize(&mut out.bytes, *length);
            varint::put_usize(&mut out.bytes, *column);
        }
        varint::put_usize(&mut out.bytes, template.lengths[template.columns.len()]);
    }
    let fixed: Vec<u8> = templates.iter().flat_map(|template| template.fixed.iter().copied()).collect();
    out.put_part(&fixed);
}

// === impl CutTexts ===

impl CutTexts {
    fn of(texts: Source<'_>, mode: Mode) -> Self {
        let mut cut = Self::default();
        let mut cutter = Cutter::default();
        cut.shape_of.reserve(texts.spans.len());
        for span in texts.spans {
            let shape =
                if cutter.cut(texts.joined.as_bytes(), *span, mode) { cut.add(&cutter) } else { WHOLE };
            cut.shape_of.push(shape);
        }
        cut
    }

    /// Adds a text that was cut; returns its shape.
    fn add(&mut self, cutter: &Cutter) -> u32 {
        let shape = match self.places.get(&cutter.shape[..]) {
            Some(shape) => *shape,
            None => {
                let shape = self.shapes.len() as u32;
                self.places.insert(cutter.shape.as_slice().into(), shape);
                self.shapes.push(Shape { texts: 0, pieces: cutter.pieces.len() as u32 });
                shape
            }
        };
        self.shapes[shape as usize].texts += 1;
        self.pieces.extend_from_slice(&cutter.pieces);
        shape
    }

    /// Makes templates of the shapes that are common, the most common ones first, and columns for their pieces.
    fn templates(&self, columns: &mut Columns, mode: Mode) -> Vec<Template> {
        let texts = |shape: &u32| self.shapes[*shape as usize].texts;
        let common = self.places.iter().filter(|(_, shape)| texts(shape) >= TEMPLATE_MIN_TEXTS);
        let mut common: Vec<_> = common.collect();
        common.sort_unstable_by_key(|(_, shape)| (u32::MAX - texts(shape), **shape));
        let mut templates = Vec::new();
        for (bytes, shape) in common {
            let pieces = self.shapes[*shape as usize].pieces as usize;
            if columns.columns.len() + pieces <= COLUMNS_MAX {
                templates.push(Template::new(bytes, *shape, columns, mode));
            }
        }
        templates
    }

    /// Gives each piece to its column, template by template; returns each text's template, counted from 1, and
    /// the texts that have none.
    fn distribute(
        &self,
        templates: &[Template],
        columns: &mut Columns,
        spans: &[Span],
    ) -> (Vec<u64>, Vec<Span>) {
        let mut template_of = vec![WHOLE; self.shapes.len()];
        // Where the next piece goes of each template's piece.
        let mut next: Vec<Vec<usize>> = Vec::with_capacity(templates.len());
        for (place, template) in templates.iter().enumerate() {
            template_of[template.shape as usize] = place as u32;
            let texts = self.shapes[template.shape as usize].texts as usize;
            next.push(template.columns.iter().map(|column| columns.columns[*column].grow(texts)).collect());
        }
        let (mut codes, mut whole) = (Vec::with_capacity(spans.len()), Vec::new());
        let mut pieces = &self.pieces[..];
        for (shape, span) in self.shape_of.iter().zip(spans) {
            let mut template = WHOLE;
            if *shape != WHOLE {
                let mine;
                (mine, pieces) = pieces.split_at(self.shapes[*shape as usize].pieces as usize);
                template = template_of[*shape as usize];
                if template != WHOLE {
                    let places = &mut next[template as usize];
                    for ((piece, place), column) in
                        mine.iter().zip(places).zip(&templates[template as usize].columns)
                    {
                        columns.columns[*column].pieces[*place] = *piece;
                        *place += 1;
                    }
                }
            }
            if template == WHOLE {
                whole.push(*span);
            }
            codes.push(u64::from(template.wrapping_add(1)));
        }
        (codes, whole)
    }
}

// === impl Template ===

impl Template {
    fn new(shape_bytes: &[u8], shape: u32, columns: &mut Columns, mode: Mode) -> Self {
        let mut template = Self { shape, fixed: Vec::new(), lengths: Vec::new(), columns: Vec::new() };
        let mut rest = shape_bytes;
        let mut context = 0;
        while let Some(end) = memchr::memchr(MARK, rest) {
            let (fixed, marked) = rest.split_at(end);
            context = context_of(fixed, context, mode);
            let kind = Kind::of_code([marked[1], marked[2]]).expect("the cutter writes whole marks");
            template.columns.push(columns.place(kind, context));
            template.lengths.push(fixed.len());
            template.fixed.extend_from_slice(fixed);
            rest = &marked[3..];
        }
        template.lengths.push(rest.len());
        template.fixed.extend_from_slice(rest);
        template
    }
}

/// Says what stands before a piece: pieces with the same before them are alike, in whatever template.
fn context_of(fixed: &[u8], before: u64, mode: Mode) -> u64 {
    let hasher = FixedState::default();
    match mode {
        Mode::Numbers if fixed.len() < CONTEXT_MIN_BYTES => hasher.hash_one((before, fixed)),
        Mode::Numbers => hasher.hash_one(&fixed[fixed.len().saturating_sub(CONTEXT_BYTES)..]),
        // The key; the items of an array are alike.
        Mode::Json => match memchr::memrchr(b':', fixed) {
            Some(colon) => {
                let start = fixed[..colon].iter().rposition(|byte| matches!(byte, b',' | b'{' | b'['));
                hasher.hash_one(&fixed[start.map_or(0, |start| start + 1)..colon])
            }
            None => before,
        },
    }
}

// === impl PieceColumn, Columns ===

impl PieceColumn {
    /// Makes room for so many more pieces; returns where they begin.
    fn grow(&mut self, pieces: usize) -> usize {
        let start = self.pieces.len();
        self.pieces.resize(start + pieces, Span::default());
        start
    }
}

impl Columns {
    fn place(&mut self, kind: Kind, context: u64) -> usize {
        *self.places.entry((kind, context)).or_insert_with(|| {
            self.columns.push(PieceColumn { kind, pieces: Vec::new() });
            self.columns.len() - 1
        })
    }
}
