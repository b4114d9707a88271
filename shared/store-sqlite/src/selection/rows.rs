//! What heads and texts say: a block's rows, narrowed down until only the selected ones are left.
//!
//! A condition is asked of all rows of a chunk together, clause by clause, the cheap ones first; each only of the rows
//! that still depend on it. So a column of texts is inflated only where a row does.

use std::cell::OnceCell;
use std::ops::Range;

use domain::condition::{AttributePath, AttributeTest, Clause, Condition, TextField, TextTest};
use domain::{Severity, TextMatch, Verdict};

use super::{Coverage, Selection};
use crate::block::{Head, Malformed, Rest, Texts, decode_messages, decode_rest};
use crate::blocks::BlockRow;

/// So many rows are tested one by one, rather than by a search through all texts of the chunk.
const FEW_ROWS: usize = if cfg!(test) { 1 } else { 64 };

/// A row that the head leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) row: usize,
    /// Whether it is selected for sure; otherwise its texts have to tell.
    pub(crate) is_sure: bool,
}

/// The texts of a chunk, decoded when they are needed.
pub(crate) struct ChunkTexts<'a> {
    payload: &'a [u8],
    records: usize,
    messages: OnceCell<Texts>,
    rest: OnceCell<Rest>,
}

impl<'a> ChunkTexts<'a> {
    pub(crate) fn new(payload: &'a [u8], records: usize) -> Self {
        Self { payload, records, messages: OnceCell::new(), rest: OnceCell::new() }
    }

    pub(crate) fn messages(&self) -> Result<&Texts, Malformed> {
        get_or_decode(&self.messages, || decode_messages(self.payload, self.records))
    }

    pub(crate) fn rest(&self) -> Result<&Rest, Malformed> {
        get_or_decode(&self.rest, || decode_rest(self.payload, self.records))
    }
}

fn get_or_decode<T>(
    cell: &OnceCell<T>,
    decode: impl FnOnce() -> Result<T, Malformed>,
) -> Result<&T, Malformed> {
    if cell.get().is_none() {
        let decoded = decode()?;
        return Ok(cell.get_or_init(|| decoded));
    }
    Ok(cell.get().expect("it was there a moment ago"))
}

impl Selection {
    /// Returns the rows that are not deleted and that the head does not rule out, in order.
    pub(crate) fn candidates(&self, block: &BlockRow, head: &Head, coverage: &Coverage) -> Vec<Candidate> {
        let verdicts = verdicts_by_code(block, coverage);
        let (timestamp, received_at) = (&self.filter.timestamp, &self.filter.received_at);
        let mut candidates = Vec::new();
        for row in 0..head.ids.len() {
            let verdict = verdicts[head.service_codes[row] as usize][head.severities[row].number() as usize];
            let is_meant = verdict != Verdict::No
                && timestamp.contains(head.timestamps[row])
                && received_at.contains(head.received[row])
                && block.is_live(row);
            if is_meant {
                candidates.push(Candidate { row, is_sure: verdict == Verdict::Yes });
            }
        }
        candidates
    }

    /// Returns which of these rows of a chunk are selected, in order. `rows` are the chunk's rows in the block.
    pub(crate) fn selected(
        &self,
        block: &BlockRow,
        head: &Head,
        rows: Range<usize>,
        texts: &ChunkTexts<'_>,
        candidates: &[Candidate],
    ) -> Result<Vec<usize>, Malformed> {
        let mut among = vec![false; rows.len()];
        let unsure = candidates.iter().filter(|candidate| !candidate.is_sure);
        unsure.for_each(|candidate| among[candidate.row - rows.start] = true);
        let chunk = Chunk { block, head, first: rows.start, texts };
        let mut is_selected = chunk.select(&self.filter.condition, among)?;
        let sure = candidates.iter().filter(|candidate| candidate.is_sure);
        sure.for_each(|candidate| is_selected[candidate.row - rows.start] = true);
        Ok(rows.zip(is_selected).filter(|(_, is_selected)| *is_selected).map(|(row, _)| row).collect())
    }
}

/// Returns what is known of each service and severity of a block.
fn verdicts_by_code(block: &BlockRow, coverage: &Coverage) -> Vec<[Verdict; Severity::COUNT]> {
    let mut verdicts = vec![[Verdict::No; Severity::COUNT]; block.summary.services.len()];
    for (cell, verdict) in block.summary.cells.iter().zip(&coverage.cells) {
        verdicts[cell.service_code as usize][cell.severity.number() as usize] = *verdict;
    }
    verdicts
}

/// A chunk of a block whose rows are selected.
struct Chunk<'a> {
    block: &'a BlockRow,
    head: &'a Head,
    /// The chunk's first row in the block.
    first: usize,
    texts: &'a ChunkTexts<'a>,
}

impl Chunk<'_> {
    /// Returns which of the rows `among` have what the condition asks for.
    fn select(&self, condition: &Condition, among: Vec<bool>) -> Result<Vec<bool>, Malformed> {
        if !among.contains(&true) {
            return Ok(among);
        }
        match condition {
            Condition::All(parts) => {
                cheapest_first(parts).into_iter().try_fold(among, |left, part| self.select(part, left))
            }
            Condition::Any(parts) => {
                let (mut found, mut left) = (vec![false; among.len()], among);
                for part in cheapest_first(parts) {
                    let selected = self.select(part, left.clone())?;
                    for (row, _) in selected.iter().enumerate().filter(|(_, is_selected)| **is_selected) {
                        (found[row], left[row]) = (true, false);
                    }
                }
                Ok(found)
            }
            Condition::Not(part) => {
                let selected = self.select(part, among.clone())?;
                Ok(among
                    .iter()
                    .zip(selected)
                    .map(|(is_among, is_selected)| *is_among && !is_selected)
                    .collect())
            }
            Condition::Is(clause) => self.select_by(clause, among),
        }
    }

    fn select_by(&self, clause: &Clause, mut among: Vec<bool>) -> Result<Vec<bool>, Malformed> {
        let (head, first) = (self.head, self.first);
        match clause {
            Clause::Severity(set) => retain(&mut among, |row| set.contains(head.severities[first + row])),
            Clause::Timestamp(range) => {
                retain(&mut among, |row| range.contains(head.timestamps[first + row]));
            }
            Clause::ReceivedAt(range) => retain(&mut among, |row| range.contains(head.received[first + row])),
            Clause::Id(ids) => retain(&mut among, |row| ids.contains(&head.ids[first + row])),
            Clause::Text(TextField::Service, test) => {
                let names = self.block.summary.services.iter();
                let is_meant: Vec<bool> = names.map(|name| test.matches(name)).collect();
                retain(&mut among, |row| is_meant[head.service_codes[first + row] as usize]);
            }
            Clause::Text(TextField::Message, test) => retain_texts(&mut among, self.texts.messages()?, test),
            Clause::Text(field @ (TextField::TraceId | TextField::SpanId | TextField::Host), test) => {
                let rest = self.texts.rest()?;
                let column = match field {
                    TextField::TraceId => &rest.trace_ids,
                    TextField::SpanId => &rest.span_ids,
                    _ => &rest.hosts,
                };
                retain_identifiers(&mut among, column, &rest.attributes, *field, test);
            }
            Clause::Attribute(path, test) => {
                retain_attributes(&mut among, &self.texts.rest()?.attributes, path, test);
            }
        }
        Ok(among)
    }
}

fn cheapest_first(parts: &[Condition]) -> Vec<&Condition> {
    let mut parts: Vec<&Condition> = parts.iter().collect();
    parts.sort_by_key(|part| cost(part));
    parts
}

/// Returns what it takes to decide a condition: the head alone, the messages, or the other texts.
fn cost(condition: &Condition) -> u8 {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().map(cost).max().unwrap_or(0),
        Condition::Not(part) => cost(part),
        Condition::Is(Clause::Text(TextField::Service, _)) => 0,
        Condition::Is(Clause::Text(TextField::Message, TextTest::Holds(_))) => 1,
        Condition::Is(Clause::Text(TextField::Message, _)) => 2,
        Condition::Is(Clause::Text(_, _)) => 3,
        Condition::Is(Clause::Attribute(_, _)) => 4,
        Condition::Is(_) => 0,
    }
}

fn retain(among: &mut [bool], mut is_selected: impl FnMut(usize) -> bool) {
    for (row, is_among) in among.iter_mut().enumerate() {
        *is_among = *is_among && is_selected(row);
    }
}

fn are_few(among: &[bool]) -> bool {
    among.iter().filter(|is_among| **is_among).count() <= FEW_ROWS
}

fn retain_texts(among: &mut [bool], texts: &Texts, test: &TextTest) {
    if !are_few(among)
        && let Some(required) = test.required()
    {
        let holds = texts.matching_rows(&required);
        retain(among, |row| holds[row]);
        if matches!(test, TextTest::Holds(_)) {
            return;
        }
    }
    retain(among, |row| test.matches(&texts.get(row)));
}

/// Retains rows by a column of identifiers; of rows without one, by the attribute that stands in for it.
fn retain_identifiers(
    among: &mut [bool],
    column: &Texts,
    attributes: &Texts,
    field: TextField,
    test: &TextTest,
) {
    let mut without = among.to_vec();
    retain(&mut without, |row| column.get(row).is_empty());
    retain_texts(among, column, test);
    if let Some(path) = field.attribute() {
        retain_attributes(&mut without, attributes, &path, &AttributeTest::Text(test.clone()));
        among.iter_mut().zip(without).for_each(|(is_selected, is_too)| *is_selected |= is_too);
    }
}

fn retain_attributes(among: &mut [bool], attributes: &Texts, path: &AttributePath, test: &AttributeTest) {
    // A name or a value may be escaped: then there is a backslash.
    let escaped = TextMatch::part("\\").expect("it is not empty");
    let mut is_escaped = None;
    for required in [TextMatch::part(path.last_name()), test.required()].into_iter().flatten() {
        if are_few(among) {
            break;
        }
        let is_escaped = is_escaped.get_or_insert_with(|| attributes.matching_rows(&escaped));
        let holds = attributes.matching_rows(&required);
        retain(among, |row| holds[row] || is_escaped[row]);
    }
    retain(among, |row| test.matches(path, &attributes.get(row)));
}
