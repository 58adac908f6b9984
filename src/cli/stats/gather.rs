//! One field's values, taken in one after the other.

use std::ops::Range;

use stridedb::schema::{Field, Kind, Type};
use stridedb::value::{Invalid, InvalidReason, Value};

use super::distinct::Sketch;
use super::number::{Number, Parts, Span, Sum};
use super::read::Reader;
use super::summary::{Bucket, FieldSummary, Mean};
use crate::cli::codec::CellWriter;
use crate::cli::rows::Selected;

/// How many bars a histogram of labels has, at most: then several labels share one.
const LABEL_BARS_MAX: usize = 16;

/// The values of a field, as far as they were seen.
pub(super) struct Gatherer {
    name: String,
    cell: CellWriter,
    /// Of the cell's field, but an enum's is of the type of its numbers.
    reader: Reader,
    /// Where the values stand in a record.
    places: Vec<Range<usize>>,
    count: u64,
    null_count: u64,
    nan_count: u64,
    invalid_count: u64,
    sketch: Sketch,
    kind: Gathered,
}

/// What is kept of the values besides how many there are.
enum Gathered {
    Numbers {
        span: Span,
        sum: Sum,
        histogram: Option<(Parts, Vec<u64>)>,
    },
    /// Of a truth value or an enum: how often each was seen, in the order of the numbers.
    Labels {
        labels: Vec<(i128, Value)>,
        counts: Vec<u64>,
    },
    /// Of texts and bytes: the least and the greatest.
    Texts(Option<(Value, Value)>),
}

impl Gatherer {
    /// One for each field without fields of its own in what was selected.
    pub(super) fn all_of(selected: &Selected) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for cell in selected.cells() {
            let column = cell.column();
            let is_alone = selected.cells().len() == 1 && column.name() == selected.name;
            let name = if is_alone { selected.name.clone() } else { column.common_name() };
            match all.iter_mut().rev().find(|gatherer| gatherer.name == name) {
                Some(gatherer) => gatherer.places.push(column.range()),
                None => all.push(Self::new(name, cell)),
            }
        }
        all
    }

    fn new(name: String, cell: &CellWriter) -> Self {
        let field = &cell.column().field;
        let (plain, kind) = match &field.ty {
            Type::Integer(_) | Type::Float(_) => ((**field).clone(), Gathered::numbers()),
            Type::Enum(integer, labels) => {
                let plain = Field { ty: Type::Integer(*integer), ..(**field).clone() };
                let labels =
                    labels.iter().map(|(label, number)| (*number, Value::Text(label.clone())));
                (plain, Gathered::labels(labels.collect()))
            }
            Type::Bool => {
                let labels = [false, true].map(|truth| (truth.into(), Value::Bool(truth)));
                ((**field).clone(), Gathered::labels(labels.into()))
            }
            _ => ((**field).clone(), Gathered::Texts(None)),
        };
        Self {
            name,
            cell: cell.clone(),
            reader: Reader::new(plain, cell.order()),
            places: vec![cell.column().range()],
            count: 0,
            null_count: 0,
            nan_count: 0,
            invalid_count: 0,
            sketch: Sketch::new(),
            kind,
        }
    }

    /// Takes in the values of a record.
    ///
    /// # Errors
    ///
    /// The last bytes that are no value; the other values are taken in all the same.
    pub(super) fn add(&mut self, record: &[u8]) -> Result<(), Invalid> {
        let mut result = Ok(());
        for place in 0..self.places.len() {
            let bytes = &record[self.places[place].clone()];
            if let Err(invalid) = self.add_value(bytes) {
                self.invalid_count += 1;
                result = Err(invalid);
            }
        }
        result
    }

    #[inline]
    fn add_value(&mut self, bytes: &[u8]) -> Result<(), Invalid> {
        let value = self.reader.read(bytes)?;
        if value == Value::Null {
            self.null_count += 1;
            return Ok(());
        }
        match &mut self.kind {
            Gathered::Numbers { span, sum, .. } => match Number::of(&value) {
                Some(number) => {
                    span.add(number);
                    sum.add(number);
                }
                None => self.nan_count += 1,
            },
            Gathered::Labels { labels, counts } => {
                let position = position_of(labels, &value).ok_or_else(|| Invalid {
                    field: self.name.clone(),
                    reason: InvalidReason::Label { number: value.to_string() },
                })?;
                counts[position] += 1;
            }
            Gathered::Texts(bounds) => widen(bounds, value),
        }
        self.count += 1;
        self.sketch.add(bytes);
        Ok(())
    }

    /// What is to be counted in a second walk, once the span of the numbers is known.
    pub(super) fn parts_to_count(&mut self) -> Option<PartCounter<'_>> {
        let Gathered::Numbers { span: Span(Some((least, greatest))), histogram, .. } =
            &mut self.kind
        else {
            return None;
        };
        let parts = Parts::of(*least, *greatest);
        let (parts, counts) = histogram.insert((parts, vec![0; parts.count()]));
        let (reader, places) = (&self.reader, &self.places[..]);
        Some(PartCounter { reader, places, parts: *parts, counts })
    }

    /// The statistics.
    pub(super) fn finish(self) -> FieldSummary {
        let distinct_count = self.sketch.estimate().min(self.count);
        let (min, max, mean, histogram) = match self.kind {
            Gathered::Numbers { span, sum, histogram } => {
                let (min, max) = span.0.map(|(min, max)| (min.into(), max.into())).unzip();
                let mean = sum.mean().map(|mean| mean_of(self.reader.field(), mean));
                (min, max, mean, histogram.map_or_else(Vec::new, buckets))
            }
            Gathered::Labels { labels, counts } => {
                let seen = labels.iter().zip(&counts).filter(|(_, count)| **count > 0);
                let seen: Vec<_> = seen.map(|((_, label), _)| label).collect();
                let (min, max) = (seen.first().copied().cloned(), seen.last().copied().cloned());
                let histogram = if seen.is_empty() { vec![] } else { bars(&labels, &counts) };
                (min, max, None, histogram)
            }
            Gathered::Texts(bounds) => {
                let (min, max) = bounds.unzip();
                (min, max, None, Vec::new())
            }
        };
        FieldSummary {
            name: self.name,
            cell: self.cell,
            count: self.count,
            null_count: self.null_count,
            nan_count: self.nan_count,
            invalid_count: self.invalid_count,
            min,
            max,
            mean,
            distinct_count,
            histogram,
        }
    }
}

/// How many numbers of a field are in which part of their span.
pub(super) struct PartCounter<'g> {
    reader: &'g Reader,
    places: &'g [Range<usize>],
    parts: Parts,
    counts: &'g mut [u64],
}

impl PartCounter<'_> {
    /// Takes in the numbers of a record. What is infinite is in no part.
    pub(super) fn add(&mut self, record: &[u8]) {
        for place in self.places {
            let value = self.reader.read(&record[place.clone()]);
            if let Some(number) = value.ok().as_ref().and_then(Number::of) {
                if number.as_float().is_finite() {
                    self.counts[self.parts.position(number)] += 1;
                }
            }
        }
    }
}

impl Gathered {
    fn numbers() -> Self {
        Self::Numbers { span: Span::default(), sum: Sum::default(), histogram: None }
    }

    fn labels(labels: Vec<(i128, Value)>) -> Self {
        Self::Labels { counts: vec![0; labels.len()], labels }
    }
}

/// Which label a value is; they stand in the order of their numbers.
fn position_of(labels: &[(i128, Value)], value: &Value) -> Option<usize> {
    let number = match value {
        Value::Bool(truth) => i128::from(*truth),
        Value::Integer(number) => *number,
        _ => return None,
    };
    labels.binary_search_by_key(&number, |(number, _)| *number).ok()
}

/// Keeps the least and the greatest. Texts and bytes are in the order of their bytes.
fn widen(bounds: &mut Option<(Value, Value)>, value: Value) {
    match bounds {
        None => *bounds = Some((value.clone(), value)),
        Some((least, _)) if bytes_of(&value) < bytes_of(least) => *least = value,
        Some((_, greatest)) if bytes_of(&value) > bytes_of(greatest) => *greatest = value,
        Some(_) => {}
    }
}

fn bytes_of(value: &Value) -> &[u8] {
    match value {
        Value::Text(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        _ => &[],
    }
}

fn mean_of(field: &Field, mean: f64) -> Mean {
    match (field.kind, field.scale) {
        (Some(Kind::Timestamp), _) => Mean::Stored(Value::Integer(mean.round() as i128)),
        (_, Some(scale)) => {
            let power = 10_f64.powi(i32::from(scale.exponent).abs());
            let product = mean * scale.mantissa as f64;
            Mean::Real(if scale.exponent < 0 { product / power } else { product * power })
        }
        (_, None) => Mean::Real(mean),
    }
}

fn buckets((parts, counts): (Parts, Vec<u64>)) -> Vec<Bucket> {
    let bucket = |(position, count)| {
        let (low, high) = parts.bounds(position);
        Bucket { low: low.into(), high: high.into(), count }
    };
    counts.into_iter().enumerate().map(bucket).collect()
}

/// A bar for each label, or for as many neighbours as it takes.
fn bars(labels: &[(i128, Value)], counts: &[u64]) -> Vec<Bucket> {
    let width = labels.len().div_ceil(LABEL_BARS_MAX).max(1);
    let groups = labels.chunks(width).zip(counts.chunks(width));
    let bar = |(labels, counts): (&[(i128, Value)], &[u64])| {
        let (low, high) = (labels.first()?, labels.last()?);
        Some(Bucket { low: low.1.clone(), high: high.1.clone(), count: counts.iter().sum() })
    };
    groups.filter_map(bar).collect()
}
