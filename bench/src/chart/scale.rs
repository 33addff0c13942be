//! A logarithmic scale.

/// From values to places on a line.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// Values from `low` to `high`, both above 0, on a line that goes `from` here `to` there. The
    /// bounds are widened to whole decades where `whole` is set.
    #[must_use]
    pub fn new([low, high]: [f64; 2], [from, to]: [f64; 2], whole: bool) -> Self {
        let (low, high) = (low.log10(), high.log10());
        let (low, high) = if whole { (low.floor(), high.ceil()) } else { (low, high) };
        // One value alone is in the middle of a decade.
        let high = if high - low < 1e-9 { low + 1.0 } else { high };
        Scale { low, high, from, to }
    }

    /// The place of a value.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let share = (value.log10() - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// The powers of ten on the line.
    pub fn decades(&self) -> impl Iterator<Item = f64> {
        let (low, high) = (self.low.ceil() as i32, self.high.floor() as i32);
        (low..=high).map(|power| 10_f64.powi(power))
    }
}

/// A power of ten, or another round number, as people write it.
#[must_use]
pub fn label(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{}M", value / 1e6),
        value if value >= 1e3 => format!("{}k", value / 1e3),
        value => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decades_are_evenly_apart() {
        let scale = Scale::new([20.0, 40_000.0], [0.0, 400.0], true);
        assert_eq!(scale.decades().collect::<Vec<_>>(), [10.0, 100.0, 1e3, 1e4, 1e5]);
        assert!((scale.place(1e3) - 200.0).abs() < 1e-9);
    }

    #[test]
    fn a_line_may_run_upwards() {
        let scale = Scale::new([1.0, 100.0], [300.0, 100.0], false);
        assert!((scale.place(10.0) - 200.0).abs() < 1e-9);
    }

    #[test]
    fn labels_are_short() {
        let labels = [0.1, 1.0, 990_000.0, 1_024.0, 1e6].map(label);
        assert_eq!(labels, ["0.1", "1", "990k", "1.024k", "1M"]);
    }
}
