//! Which records a filter selects, decided from cheap to dear: by a block's row, by its token filter, by its head, by
//! the texts of single records.
//!
//! * [`Selection`] a filter, prepared; [`Coverage`] what a block's row says of it
//! * `tokens` what a block's token filter says
//! * `rows` what heads and texts say
//!
//! Every step decides the same as [`Filter::matches`], or leaves it open.

mod rows;
mod tokens;

use domain::condition::{Clause, TextField};
use domain::{Filter, TimeRange, Timestamp, Verdict};

use crate::block::Summary;
use crate::blocks::BlockRow;

pub(crate) use rows::{Candidate, ChunkTexts};
use tokens::AskedClause;

/// A filter, prepared to be asked of many blocks.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    filter: Filter,
    /// Of each clause of the condition, in order.
    asked: Vec<AskedClause>,
}

/// What a block's row, and its token filter if it was asked, say of the records that are not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// Whether they lie in the filter's spans of time.
    times: Verdict,
    /// Whether everything else is true of them; of each cell of the summary.
    cells: Vec<Verdict>,
}

impl Selection {
    pub(crate) fn new(filter: &Filter) -> Self {
        Self { filter: filter.clone(), asked: AskedClause::all_of(&filter.condition) }
    }

    pub(crate) fn everything() -> Self {
        Self::new(&Filter::default())
    }

    /// Returns the same selection for records that happened within `range`.
    pub(crate) fn within(&self, range: TimeRange) -> Self {
        Self { filter: Filter { timestamp: range, ..self.filter.clone() }, asked: self.asked.clone() }
    }

    pub(crate) fn timestamp(&self) -> TimeRange {
        self.filter.timestamp
    }

    /// Says whether service and severity decide, beside the time at which a record happened.
    pub(crate) fn is_told_by_cells(&self) -> bool {
        let mut is_told = self.filter.received_at == TimeRange::default();
        self.filter.condition.for_each_clause(&mut |clause| {
            is_told &= matches!(clause, Clause::Severity(_) | Clause::Text(TextField::Service, _));
        });
        is_told
    }

    /// Says whether a service with a severity is selected; [`Self::is_told_by_cells`] has to hold.
    pub(crate) fn selects_cell(&self, service: &str, severity: domain::Severity) -> bool {
        self.verdict(service, severity, |_, _| Verdict::Unknown) == Verdict::Yes
    }

    /// Compares a block's row with the filter.
    pub(crate) fn coverage(&self, block: &BlockRow) -> Coverage {
        let span = &block.span;
        let times = within(&self.filter.timestamp, span.timestamps)
            .and(within(&self.filter.received_at, span.received));
        let of_block = |place, clause: &Clause| match clause {
            Clause::Timestamp(range) => within(range, span.timestamps),
            Clause::ReceivedAt(range) => within(range, span.received),
            Clause::Id(ids) if span.last_id < *ids.start() || *ids.end() < span.first_id => Verdict::No,
            Clause::Id(ids) if ids.contains(&span.first_id) && ids.contains(&span.last_id) => Verdict::Yes,
            _ if block.lacks(place) => Verdict::No,
            _ => Verdict::Unknown,
        };
        let verdict =
            |cell: &crate::block::Cell| self.verdict(block.summary.service_of(cell), cell.severity, of_block);
        Coverage { times, cells: block.summary.cells.iter().map(verdict).collect() }
    }

    /// Says what is known of the records of a service with a severity; `of` says it of clauses about anything else.
    fn verdict(
        &self,
        service: &str,
        severity: domain::Severity,
        of: impl Fn(usize, &Clause) -> Verdict,
    ) -> Verdict {
        if !self.filter.severities.contains(severity) || !self.filter.selects_service(service) {
            return Verdict::No;
        }
        self.filter.condition.verdict(&mut |place, clause| match clause {
            Clause::Severity(set) => set.contains(severity).into(),
            Clause::Text(TextField::Service, test) => test.matches(service).into(),
            other => of(place, other),
        })
    }
}

/// Says whether times from `min` to `max` lie in a range.
fn within(range: &TimeRange, (min, max): (Timestamp, Timestamp)) -> Verdict {
    if range.covers(min, max) {
        return Verdict::Yes;
    }
    if range.overlaps(min, max) { Verdict::Unknown } else { Verdict::No }
}

// === impl Coverage ===

impl Coverage {
    /// Says whether no record is selected.
    pub(crate) fn is_none(&self) -> bool {
        self.times == Verdict::No || self.cells.iter().all(|cell| *cell == Verdict::No)
    }

    /// Says whether the records that are selected are exactly those of the selected cells.
    pub(crate) fn is_known(&self) -> bool {
        self.is_none() || self.times == Verdict::Yes && !self.cells.contains(&Verdict::Unknown)
    }

    /// Returns the places of the cells in the summary that are selected, as far as is known, or may be.
    pub(crate) fn selected_cells(&self) -> impl Iterator<Item = usize> + '_ {
        let is_selected = |place: &usize| self.times != Verdict::No && self.cells[*place] != Verdict::No;
        (0..self.cells.len()).filter(is_selected)
    }

    /// Returns how many records are selected, as far as is known, or may be.
    pub(crate) fn count(&self, summary: &Summary) -> u64 {
        self.selected_cells().map(|place| summary.cells[place].count).sum()
    }
}
