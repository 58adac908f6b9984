//! `stridedb stats`: what the values of each field are, all in all.

mod distinct;
mod gather;
mod number;
mod read;
pub(crate) mod summary;
pub(crate) mod text;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;
use stridedb::value::Value;

use super::codec::Token;
use super::exit::{Exit, Failure};
use super::open::to_read;
use super::output::{Context, complain, lossy, print_document};
use super::progress::Progress;
use super::rows::{json_of, select};
use summary::{Bucket, FieldSummary, Mean, Summary, summarize};

/// Print statistics of each field: counts, least, greatest, mean, histogram
///
/// All records are read, twice if there are numbers. Deleted records are left out. Of an array it
/// is the statistics of all its elements. Damaged slots are left out and counted, and the exit
/// code is 4.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store
    file: PathBuf,

    /// Fields to summarize, in this order: price, leg.price, prices[2]
    #[arg(long, visible_alias = "column", value_name = "FIELD,...", value_delimiter = ',')]
    fields: Vec<String>,
}

/// Prints the statistics.
pub(crate) fn run(args: &Args, ctx: &Context) -> Result<Exit, Failure> {
    let (store, exit) = to_read(&args.file, ctx)?;
    let selected = select(store.schema(), store.byte_order(), &args.fields)?;
    let progress = Progress::of_slots(ctx, format!("stats {}", args.file.display()));
    let summary = summarize(&store, &selected, &progress)?;
    drop(progress);
    if summary.is_of_other_commits {
        ctx.note(format_args!(
            "{} was written meanwhile: each record is as it was when it was reached",
            args.file.display()
        ));
    }
    summary.damage.iter().for_each(|damage| complain("error", damage));
    let mut output = ctx.output();
    match ctx.json {
        true => print_document(&mut output, "stats", Document::of(&args.file, &summary))?,
        false => text::print(&mut output, ctx, &summary)?,
    }
    Ok(if summary.is_damaged() { exit | Exit::DAMAGED } else { exit })
}

impl Summary {
    /// Whether something could not be read.
    fn is_damaged(&self) -> bool {
        self.slots_damaged > 0 || self.fields.iter().any(|field| field.invalid_count > 0)
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "lossy")]
    file: &'a Path,
    len: u64,
    /// Records that were read.
    records: u64,
    slots_damaged: u64,
    damage: &'a [String],
    fields: Vec<FieldDocument<'a>>,
}

#[derive(Serialize)]
struct FieldDocument<'a> {
    field: &'a str,
    #[serde(rename = "type")]
    ty: String,
    unit: Option<&'a str>,
    count: u64,
    nulls: u64,
    nans: u64,
    invalid: u64,
    min: Option<Box<RawValue>>,
    max: Option<Box<RawValue>>,
    mean: Option<Box<RawValue>>,
    distinct: u64,
    histogram: Vec<BucketDocument>,
}

#[derive(Serialize)]
struct BucketDocument {
    low: Box<RawValue>,
    high: Box<RawValue>,
    count: u64,
}

impl<'a> Document<'a> {
    fn of(file: &'a Path, summary: &'a Summary) -> Self {
        Self {
            file,
            len: summary.len,
            records: summary.record_count,
            slots_damaged: summary.slots_damaged,
            damage: &summary.damage,
            fields: summary.fields.iter().map(FieldDocument::of).collect(),
        }
    }
}

impl<'a> FieldDocument<'a> {
    fn of(summary: &'a FieldSummary) -> Self {
        let json = |value: &Value| {
            let mut text = String::new();
            let token = summary.write(value, &mut text);
            json_of(token, &text)
        };
        let bucket = |bucket: &Bucket| {
            let (low, high) = (json(&bucket.low), json(&bucket.high));
            BucketDocument { low, high, count: bucket.count }
        };
        let field = summary.field();
        Self {
            field: &summary.name,
            ty: field.ty.to_string(),
            unit: field.unit.as_deref(),
            count: summary.count,
            nulls: summary.null_count,
            nans: summary.nan_count,
            invalid: summary.invalid_count,
            min: summary.min.as_ref().map(json),
            max: summary.max.as_ref().map(json),
            mean: summary.mean.as_ref().map(|mean| match mean {
                Mean::Real(number) if number.is_finite() => {
                    json_of(Token::Bare, &format!("{number:?}"))
                }
                Mean::Real(number) => json_of(Token::Text, &number.to_string().to_lowercase()),
                Mean::Stored(value) => json(value),
            }),
            distinct: summary.distinct_count,
            histogram: summary.histogram.iter().map(bucket).collect(),
        }
    }
}
