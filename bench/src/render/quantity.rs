//! Figures as people read them: three digits that count, in a unit that fits.

use crate::rounds::Figures;

/// Units of time, and how many nanoseconds they have.
const TIMES: [(&str, f64); 4] = [("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1.0)];

/// What stands for a figure that is not there.
const NONE: &str = "–";

/// The unit of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit<'a> {
    /// How many nanoseconds it has, if it is one of time.
    nanoseconds: Option<f64>,
    /// What else it says: `a record` of `ns a record`, or all of it.
    rest: &'a str,
}

impl<'a> Unit<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        match TIMES.iter().find(|(name, _)| *name == first) {
            Some((_, nanoseconds)) => Self { nanoseconds: Some(*nanoseconds), rest },
            None => Self { nanoseconds: None, rest: text },
        }
    }

    /// Without the unit of time, which stands at each figure.
    pub(super) fn heading(&self) -> String {
        match (self.nanoseconds, self.rest) {
            (Some(_), "") => "time".to_owned(),
            (Some(_), rest) => format!("time {rest}"),
            (None, rest) => rest.to_owned(),
        }
    }

    /// Whether a larger figure is the better one.
    pub(super) fn is_rate(&self) -> bool {
        self.nanoseconds.is_none() && self.rest.ends_with("a second")
    }

    /// One figure.
    pub(super) fn text(&self, figure: f64) -> String {
        let (name, size) = self.fitting(figure);
        with_name(significant(figure / size), name)
    }

    /// The median, and the least and the most in the same unit.
    pub(super) fn spread(&self, figures: &Figures) -> String {
        let median = figures.median();
        let (name, size) = self.fitting(median);
        let [median, least, most] =
            [median, figures.least(), figures.most()].map(|figure| significant(figure / size));
        if median == NONE {
            return median;
        }
        format!("{} [{least} .. {most}]", with_name(median, name))
    }

    /// The largest unit of which a figure has at least one, and its size in this one.
    fn fitting(&self, figure: f64) -> (&'static str, f64) {
        let Some(nanoseconds) = self.nanoseconds else { return ("", 1.0) };
        let fits = |(_, size): &&(&str, f64)| figure.abs() * nanoseconds >= *size * 0.9995;
        let (name, size) = TIMES.iter().find(fits).unwrap_or(&TIMES[3]);
        (name, size / nanoseconds)
    }
}

/// How many times something is something else.
pub(super) fn times(ratio: f64) -> String {
    significant(ratio)
}

/// A count with a comma at each thousand.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count as it stands at an axis: `10 M` where it has whole millions.
pub(super) fn short_count(number: u64) -> String {
    match number {
        0 => "0".to_owned(),
        _ if number.is_multiple_of(1_000_000) => format!("{} M", count(number / 1_000_000)),
        _ => count(number),
    }
}

fn with_name(figure: String, name: &str) -> String {
    if name.is_empty() || figure == NONE { figure } else { format!("{figure} {name}") }
}

/// Three digits that count, or all before the point.
fn significant(figure: f64) -> String {
    match figure.abs() {
        _ if !figure.is_finite() => NONE.to_owned(),
        0.0 => "0".to_owned(),
        size if size >= 999.5 => {
            let sign = if figure < 0.0 { "-" } else { "" };
            format!("{sign}{}", count(size.round() as u64))
        }
        size if size >= 99.95 => format!("{figure:.0}"),
        size if size >= 9.995 => format!("{figure:.1}"),
        size if size >= 0.1 => format!("{figure:.2}"),
        _ => format!("{figure:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_the_unit_of_time_that_fits() {
        let texts = |unit, figures: &[f64]| -> Vec<String> {
            figures.iter().map(|figure| Unit::parse(unit).text(*figure)).collect()
        };
        let expected = ["4.10 ns", "18.0 ns", "999 ns", "1.00 us", "1.34 us", "25.0 ms"];
        assert_eq!(texts("ns", &[4.1, 18.0, 999.4, 999.7, 1337.0, 25e6]), expected);
        assert_eq!(texts("us a commit", &[0.2, 116.0, 2e6]), ["200 ns", "116 us", "2.00 s"]);
        let expected = ["0", "0.50", "12.3", "1,234,568", "–", "–"];
        let rates = [0.0, 0.5, 12.34, 1_234_567.8, f64::NAN, f64::INFINITY];
        assert_eq!(texts("rows a second", &rates), expected);
    }

    #[test]
    fn a_spread_has_one_unit() {
        let unit = Unit::parse("ns a record");
        let figures = Figures::from(vec![900.0, 1100.0, 12_000.0]);
        assert_eq!(unit.spread(&figures), "1.10 us [0.90 .. 12.0]");
        assert_eq!(unit.spread(&Figures::from(vec![])), "–");
        assert_eq!(unit.heading(), "time a record");
    }

    #[test]
    fn counts_have_commas() {
        assert_eq!([0, 999, 1000, 12_345_678].map(count), ["0", "999", "1,000", "12,345,678"]);
        assert_eq!([1000, 100_000_000].map(short_count), ["1,000", "100 M"]);
    }
}
