//! Counts of values, with bounds: how many different ones are told apart, and how long they are.

use std::collections::HashMap;

/// Longest value that is counted by itself, in bytes: nobody picks a longer one from a list.
pub(super) const VALUE_MAX_BYTES: usize = 256;

/// Counts how often values occur. Of more different values than there may be, those that came first are told apart.
#[derive(Debug)]
pub(super) struct Frequencies {
    counts: HashMap<String, u64>,
    max_values: usize,
    total: u64,
    /// Whether every value that occurred is told apart.
    pub(super) has_all: bool,
}

/// The most frequent values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MostFrequent {
    /// They and their counts, most frequent first, then by name.
    pub(super) values: Vec<(String, u64)>,
    /// How often others occurred.
    pub(super) other: u64,
}

impl Frequencies {
    pub(super) fn new(max_values: usize) -> Self {
        Self { counts: HashMap::new(), max_values, total: 0, has_all: true }
    }

    pub(super) fn add(&mut self, value: &str, count: u64) {
        self.total += count;
        if let Some(known) = self.counts.get_mut(value) {
            *known += count;
        } else if self.counts.len() < self.max_values && value.len() <= VALUE_MAX_BYTES {
            self.counts.insert(value.to_owned(), count);
        } else {
            self.has_all = false;
        }
    }

    pub(super) fn most_frequent(self, limit: usize) -> MostFrequent {
        let mut values: Vec<(String, u64)> = self.counts.into_iter().collect();
        values.sort_unstable_by(|(left, more), (right, less)| less.cmp(more).then_with(|| left.cmp(right)));
        values.truncate(limit);
        let listed: u64 = values.iter().map(|(_, count)| count).sum();
        MostFrequent { values, other: self.total - listed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(values: &[&str], max_values: usize, limit: usize) -> (Vec<(String, u64)>, u64, bool) {
        let mut frequencies = Frequencies::new(max_values);
        values.iter().for_each(|value| frequencies.add(value, 2));
        let has_all = frequencies.has_all;
        let most = frequencies.most_frequent(limit);
        (most.values, most.other, has_all)
    }

    #[test]
    fn the_most_frequent_come_first_and_the_rest_is_counted_together() {
        let listed = |pairs: &[(&str, u64)]| {
            pairs.iter().map(|(value, count)| ((*value).to_owned(), *count)).collect::<Vec<_>>()
        };
        let values = ["b", "c", "a", "c", "d"];
        let all = listed(&[("c", 4), ("a", 2), ("b", 2), ("d", 2)]);
        assert_eq!(counted(&values, 9, 9), (all, 0, true));
        assert_eq!(counted(&values, 9, 2), (listed(&[("c", 4), ("a", 2)]), 4, true));
        assert_eq!(counted(&values, 2, 9), (listed(&[("c", 4), ("b", 2)]), 4, false));
        assert_eq!(counted(&[], 2, 9), (vec![], 0, true));

        let (longest, too_long) = ("x".repeat(VALUE_MAX_BYTES), "x".repeat(VALUE_MAX_BYTES + 1));
        assert_eq!(counted(&[&longest, &too_long], 9, 9), (listed(&[(&longest, 2)]), 2, false));
    }
}
