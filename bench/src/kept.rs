//! What was timed, kept by the name that it was printed with, so that nothing measured is lost.
//!
//! The list belongs to the thread that measures, and is not handed from part to part: so no part
//! can time a work and leave it out.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

use crate::document;
use crate::rounds::Figures;

/// A work that a part timed, as the part named it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timed {
    /// The part of the bench, and what all of these works were about where it has several such.
    pub(crate) part: String,
    pub(crate) name: String,
    /// As the name says it, or the one before, or the heading; empty where nothing does.
    pub(crate) unit: String,
    /// One a round.
    #[serde(deserialize_with = "document::null_is_nan_in_all")]
    pub(crate) figures: Vec<f64>,
}

/// Names end with a unit where it changes.
const UNITS: [&str; 6] = ["ns", "ns a record", "us", "us a commit", "s", "rows a second"];

#[derive(Default)]
struct Kept {
    part: String,
    heading: String,
    unit: String,
    works: Vec<Timed>,
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// Begins a part.
pub(crate) fn part(name: &str) {
    KEPT.with_borrow_mut(|kept| {
        kept.part = name.to_owned();
        kept.heading.clear();
        kept.unit.clear();
    });
}

/// Prints and notes what the works that follow in this part are about.
pub(crate) fn heading(text: &str) {
    println!(" {text}");
    KEPT.with_borrow_mut(|kept| {
        kept.heading = text.to_owned();
        kept.unit = unit(text).unwrap_or_default().to_owned();
    });
}

/// Keeps the works of a group whose names and figures these are.
pub(crate) fn keep<'a>(works: impl IntoIterator<Item = (&'a str, &'a Figures)>) {
    KEPT.with_borrow_mut(|kept| {
        for (name, figures) in works {
            if let Some(unit) = unit(name) {
                kept.unit = unit.to_owned();
            }
            let part = match kept.heading.as_str() {
                "" => kept.part.clone(),
                heading => format!("{}: {heading}", kept.part),
            };
            let (name, unit) = (name.to_owned(), kept.unit.clone());
            kept.works.push(Timed { part, name, unit, figures: figures.as_slice().to_vec() });
        }
    });
}

/// All that was kept.
pub(crate) fn all() -> Vec<Timed> {
    KEPT.with_borrow(|kept| kept.works.clone())
}

fn unit(name: &str) -> Option<&str> {
    let (_, end) = name.rsplit_once(", ")?;
    UNITS.contains(&end).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_has_the_unit_that_was_named_last() {
        part("commit");
        let figures = Figures::from(vec![1.0, 2.0]);
        keep([("append, durable, us", &figures), ("the same", &figures)]);
        heading("4 rows, rows a second");
        keep([("import", &figures)]);
        let kept = all();
        let units: Vec<_> = kept.iter().map(|work| work.unit.as_str()).collect();
        assert_eq!(units, ["us", "us", "rows a second"]);
        assert_eq!(kept[2].part, "commit: 4 rows, rows a second");
        assert_eq!(kept[1].figures, [1.0, 2.0]);
    }
}
