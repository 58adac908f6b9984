//! Interleaved rounds: A B A B, so that a busy machine is busy for both.

use std::fmt;
use std::time::Instant;

use crate::kept;

/// Anything that can go wrong here: it ends the run.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// One thing to measure: does its work once, and says how many nanoseconds one piece of it took.
pub(crate) type Work<'a> = (&'a str, Box<dyn FnMut() -> Outcome<f64> + 'a>);

/// What was measured, one figure a round.
#[derive(Clone)]
pub(crate) struct Figures(Vec<f64>);

impl From<Vec<f64>> for Figures {
    fn from(figures: Vec<f64>) -> Self {
        Self(figures)
    }
}

impl Figures {
    /// One figure a round, in the order of the rounds.
    pub(crate) fn as_slice(&self) -> &[f64] {
        &self.0
    }

    /// The figure in the middle; not a number where there is none.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.as_slice() {
            [] => f64::NAN,
            sorted if sorted.len() % 2 == 1 => sorted[middle],
            sorted => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    /// The least figure; not a number where there is none.
    pub(crate) fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    /// The greatest figure; not a number where there is none.
    pub(crate) fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::max)
    }

    /// Round by round, how many times the other's figure this one is.
    pub(crate) fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }
}

impl fmt::Display for Figures {
    /// The median, and the least and the most in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.median() < 10.0 { 2 } else { 1 };
        let (median, least, most) = (self.median(), self.least(), self.most());
        write!(f, "{median:.digits$} [{least:.digits$} .. {most:.digits$}]")
    }
}

/// Does all works in turn, `count` times; their figures.
pub(crate) fn take_turns(count: usize, works: &mut [Work<'_>]) -> Outcome<Vec<Figures>> {
    let mut all = vec![Figures(Vec::new()); works.len()];
    for _ in 0..count {
        for (figures, (_, work)) in all.iter_mut().zip(works.iter_mut()) {
            figures.0.push(work()?);
        }
    }
    Ok(all)
}

/// As [`take_turns`], and prints and keeps each work's figures.
pub(crate) fn interleave(count: usize, works: &mut [Work<'_>]) -> Outcome<Vec<Figures>> {
    let all = take_turns(count, works)?;
    for (figures, (name, _)) in all.iter().zip(works.iter()) {
        println!("  {name:<44} {figures}");
    }
    kept::keep(works.iter().map(|(name, _)| *name).zip(&all));
    Ok(all)
}

/// Nanoseconds that each of `count` pieces of some work took.
pub(crate) fn nanoseconds<T>(count: u64, work: impl FnOnce() -> Outcome<T>) -> Outcome<f64> {
    let start = Instant::now();
    let result = work()?;
    let elapsed = start.elapsed();
    std::hint::black_box(result); // So that it is computed.
    Ok(elapsed.as_nanos() as f64 / count as f64)
}
