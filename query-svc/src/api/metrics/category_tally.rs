//! Adds up logs by category, with bounds on how many categories and times are kept.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use domain::condition::{AttributePath, AttributeValue, Number, values_at};

use super::frequencies::VALUE_MAX_BYTES;

/// Most categories that are told apart.
pub(super) const CATEGORIES_MAX: usize = 200;

/// Most times of one category that are kept for its percentiles, the newest: 16 MB for all categories.
const TIMES_MAX: usize = 10_000;

/// What the attribute `status` says of what went well, in any case.
const SUCCESS: &str = "SUCCESS";

/// Adds up logs by category.
#[derive(Debug)]
pub(super) struct CategoryTally {
    category: AttributePath,
    status: AttributePath,
    time: AttributePath,
    categories: BTreeMap<String, Category>,
    other: u64,
}

/// What a category's logs come to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Category {
    pub(super) count: u64,
    pub(super) with_status: u64,
    pub(super) successes: u64,
    pub(super) times: Times,
}

/// Execution times, in seconds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Times {
    pub(super) count: u64,
    sum: f64,
    pub(super) max: f64,
    /// The newest of them.
    pub(super) newest: Vec<f64>,
}

impl CategoryTally {
    pub(super) fn new(category: AttributePath) -> Self {
        let path = |name| AttributePath::new(name).expect("the name is not empty");
        let (status, time) = (path("status"), path("execution_time_seconds"));
        Self { category, status, time, categories: BTreeMap::new(), other: 0 }
    }

    /// Adds a log with these attributes. They have to come newest first.
    pub(super) fn add(&mut self, attributes: &str) {
        let status = values_at(&self.status, attributes).into_iter().next();
        let is_success = status.as_ref().map(|status| status.as_text().eq_ignore_ascii_case(SUCCESS));
        let time = values_at(&self.time, attributes).iter().find_map(|value| seconds(value.as_text()));
        let values = values_at(&self.category, attributes);
        let mut names: Vec<&str> = values.iter().map(AttributeValue::as_text).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            match self.category_of(name) {
                Some(category) => category.add(is_success, time),
                None => self.other += 1,
            }
        }
    }

    /// Returns how many logs have a category that is not told apart.
    pub(super) fn other(&self) -> u64 {
        self.other
    }

    /// Returns the categories, those with the most logs first.
    pub(super) fn into_categories(self) -> Vec<(String, Category)> {
        let mut categories: Vec<_> = self.categories.into_iter().collect();
        categories.sort_by_key(|(_, category)| Reverse(category.count));
        categories
    }

    fn category_of(&mut self, name: &str) -> Option<&mut Category> {
        if !self.categories.contains_key(name) {
            if self.categories.len() >= CATEGORIES_MAX || name.len() > VALUE_MAX_BYTES {
                return None;
            }
            self.categories.insert(name.to_owned(), Category::default());
        }
        self.categories.get_mut(name)
    }
}

impl Category {
    fn add(&mut self, is_success: Option<bool>, time: Option<f64>) {
        self.count += 1;
        if let Some(is_success) = is_success {
            self.with_status += 1;
            self.successes += u64::from(is_success);
        }
        if let Some(time) = time {
            self.times.add(time);
        }
    }
}

impl Times {
    fn add(&mut self, time: f64) {
        self.max = if self.count == 0 { time } else { self.max.max(time) };
        self.count += 1;
        self.sum += time;
        if self.newest.len() < TIMES_MAX {
            self.newest.push(time);
        }
    }

    pub(super) fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// Returns the smallest of the newest times, which have to be sorted, that so many of 100 do not exceed.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.newest.len() * percent).div_ceil(100).max(1);
        self.newest.get(rank - 1).copied().unwrap_or_default()
    }
}

/// Reads a number as a filter does; a text counts as the number that it is.
fn seconds(text: &str) -> Option<f64> {
    Number::parse(text)?;
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(logs: impl IntoIterator<Item = String>) -> CategoryTally {
        let mut tally = CategoryTally::new(AttributePath::new("category").unwrap());
        logs.into_iter().for_each(|attributes| tally.add(&attributes));
        tally
    }

    #[test]
    fn a_category_has_the_shares_and_times_of_its_own_logs() {
        let logs = [
            r#"{"category":"a","status":"success","execution_time_seconds":2}"#,
            r#"{"category":"a","status":"FAILED","execution_time_seconds":"1.5"}"#,
            r#"{"category":"a","status":"Success","execution_time_seconds":-1e0}"#,
            r#"{"category":"a","status":null,"execution_time_seconds":"soon"}"#,
            r#"{"category":"a","execution_time_seconds":1e999}"#,
            r#"{"category":["b","a","b"]}"#,
            r#"{"category":{"b":1}}"#,
        ];
        let tally = tally(logs.map(str::to_owned));
        assert_eq!(tally.other(), 0);
        let times = Times { count: 3, sum: 2.5, max: 2.0, newest: vec![2.0, 1.5, -1.0] };
        let a = Category { count: 6, with_status: 3, successes: 2, times };
        let b = Category { count: 1, ..Category::default() };
        assert_eq!(tally.into_categories(), [("a".to_owned(), a), ("b".to_owned(), b)]);
    }

    #[test]
    fn percentiles_are_of_the_newest_times_and_the_rest_of_all() {
        let log = |time: usize| format!(r#"{{"category":"a","execution_time_seconds":{time}}}"#);
        let logs = (0..TIMES_MAX).map(log).chain([log(TIMES_MAX * 9)]);
        let mut categories = tally(logs).into_categories();
        let times = &mut categories[0].1.times;
        times.newest.sort_unstable_by(f64::total_cmp);
        let count = TIMES_MAX as f64;
        assert_eq!((times.count, times.max), (TIMES_MAX as u64 + 1, count * 9.0));
        assert_eq!(times.percentile(50).to_bits(), (count / 2.0 - 1.0).to_bits());
        assert_eq!(times.percentile(95).to_bits(), (count * 0.95 - 1.0).to_bits());
        assert_eq!(times.percentile(100).to_bits(), (count - 1.0).to_bits());
        assert_eq!(
            times.mean().to_bits(),
            (((count - 1.0) * count / 2.0 + 9.0 * count) / (count + 1.0)).to_bits()
        );

        let one = Times { newest: vec![7.0], ..Times::default() };
        assert_eq!([one.percentile(1), one.percentile(50), one.percentile(95)], [7.0; 3]);
    }

    #[test]
    fn the_number_of_categories_is_bounded() {
        let log = |name: &str| format!(r#"{{"category":"{name}"}}"#);
        let logs =
            (0..CATEGORIES_MAX + 2).map(|n| log(&n.to_string())).chain([log("0"), log(&"x".repeat(300))]);
        let tally = tally(logs);
        assert_eq!(tally.other(), 3);
        let categories = tally.into_categories();
        assert_eq!(
            (categories.len(), categories[0].0.as_str(), categories[0].1.count),
            (CATEGORIES_MAX, "0", 2)
        );
    }
}
