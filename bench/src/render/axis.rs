//! A logarithmic axis.

/// So many steps of 1, 2 and 5 have room for their names.
const STEPS_MAX: usize = 7;

/// From which value to which, and where these lie in the picture.
pub(super) struct Axis {
    values: (f64, f64),
    places: (f64, f64),
}

impl Axis {
    /// One on which all values find their place; those that no logarithm has do not count.
    pub(super) fn of(values: impl IntoIterator<Item = f64>, places: (f64, f64)) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.into_iter().filter(|value| value.is_finite() && *value > 0.0) {
            (least, most) = (least.min(value), most.max(value));
        }
        if most == 0.0 {
            (least, most) = (1.0, 10.0);
        }
        // The next step down, so that nothing has the length 0; a margin up, and some length.
        let from = steps(least / 10.0, least * 0.8).last().copied().unwrap_or(least / 2.0);
        let to = (most * 1.08).max(from * 4.0);
        let axis = Self { values: (from, to), places };
        if steps(from, to).len() <= STEPS_MAX {
            return axis;
        }
        // Only powers are named there, and the start is to have a name.
        Self { values: (10_f64.powf((least * 0.9).log10().floor()), to), places }
    }

    /// One that begins and ends with its values.
    pub(super) fn exact(least: f64, most: f64, places: (f64, f64)) -> Self {
        let most = if most > least { most } else { least * 10.0 };
        Self { values: (least, most), places }
    }

    /// Where a value lies; at the axis's start, if it has no logarithm.
    pub(super) fn place(&self, value: f64) -> f64 {
        let ((least, most), (start, end)) = (self.values, self.places);
        if !value.is_finite() || value <= 0.0 {
            return start;
        }
        let part = (value / least).ln() / (most / least).ln();
        start + (end - start) * part.clamp(0.0, 1.0)
    }

    /// Values to name at the axis: all of 1, 2 and 5 times a power of ten, or, where these are too
    /// many, the powers.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let (least, most) = self.values;
        let all = steps(least * 0.999, most);
        if all.len() <= STEPS_MAX {
            return all;
        }
        all.into_iter()
            .filter(|value| (value.log10() - value.log10().round()).abs() < 0.01)
            .collect()
    }
}

/// What is 1, 2 or 5 times a power of ten between two values.
fn steps(least: f64, most: f64) -> Vec<f64> {
    let powers = least.log10().floor() as i32..=most.log10().ceil() as i32;
    let all = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power)));
    all.filter(|value| (least..=most).contains(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_a_logarithm_lie_at_the_start() {
        let axis = Axis::of([f64::NAN, 0.0, -1.0, 20.0, 2000.0, f64::INFINITY], (100.0, 500.0));
        for value in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            assert_eq!(axis.place(value), 100.0, "{value}");
        }
        assert!(axis.place(20.0) > 100.0 && axis.place(2000.0) < 500.0);
        assert_eq!(axis.ticks(), [10.0, 100.0, 1000.0]);
    }

    #[test]
    fn an_axis_of_nothing_has_ticks() {
        let axis = Axis::of([], (0.0, 1.0));
        assert!(axis.ticks().len() > 1, "{:?}", axis.ticks());
        assert_eq!(Axis::exact(1.0, 1.0, (0.0, 1.0)).place(1.0), 0.0);
    }
}
