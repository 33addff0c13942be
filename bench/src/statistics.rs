//! Medians, quantiles and spreads of a few repetitions.

use std::time::Duration;

use serde::Serialize;

/// The value that a share of a sorted list does not exceed (nearest rank); none of an empty
/// list. `share` is from 0 to 1.
#[must_use]
pub fn quantile(sorted: &[Duration], share: f64) -> Option<Duration> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// Median, least and greatest of repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Half of them are below; the mean of the middle two if their number is even.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of at least one repetition; there is none of none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (values.first(), values.last()) else {
            return None;
        };
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Spread { median: f64::midpoint(low, high), min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(values: &[u64]) -> Vec<Duration> {
        values.iter().copied().map(Duration::from_millis).collect()
    }

    #[test]
    fn a_quantile_is_a_value_that_occurred() {
        let sorted = millis(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 100]);
        assert_eq!(quantile(&sorted, 0.5), Some(Duration::from_millis(5)));
        assert_eq!(quantile(&sorted, 0.9), Some(Duration::from_millis(9)));
        assert_eq!(quantile(&sorted, 0.99), Some(Duration::from_millis(100)));
        assert_eq!(quantile(&sorted, 0.0), Some(Duration::from_millis(1)));
        assert_eq!(quantile(&sorted, 1.0), Some(Duration::from_millis(100)));
    }

    #[test]
    fn nothing_has_no_quantile_and_no_spread() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn an_odd_number_has_its_middle_as_median() {
        let spread = Spread::of([30.0, 10.0, 20.0]);
        assert_eq!(spread, Some(Spread { median: 20.0, min: 10.0, max: 30.0 }));
    }

    #[test]
    fn an_even_number_has_the_mean_of_the_middle_two() {
        let spread = Spread::of([4.0, 1.0, 2.0, 9.0]);
        assert_eq!(spread, Some(Spread { median: 3.0, min: 1.0, max: 9.0 }));
    }
}
