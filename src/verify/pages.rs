//! What stands before the slots.

use super::{Finding, Problem};
use crate::error::Result;
use crate::format::Corruption;
use crate::format::geometry::SCHEMA_OFFSET;
use crate::format::header::{Header, check_zeros};
use crate::io::StoreFile;
use crate::raw_store::check_agreement;
use crate::schema::Schema;
use crate::structures::Structures;

/// Checks header, metas, schema and the zeros around it; what is wrong, and the schema if it can
/// be used.
pub(crate) fn check(
    file: &StoreFile,
    structures: &Structures,
    header: &Header,
) -> Result<(Vec<Finding>, Option<Schema>)> {
    let mut findings = Vec::new();
    let mut found = |offset, problem: Problem| findings.push(problem.found_at(offset));
    for (offset, damage) in structures.damage() {
        found(offset, damage.into());
    }
    let schema_offset = header.identity().schema_offset.get();
    let text = match Structures::stored_schema(file, header)? {
        Ok(text) => Some(text),
        Err(damage) => {
            found(schema_offset, damage.into());
            structures.schema_copy(header)
        }
    };
    let mut usable = None;
    match text.map(|text| Schema::from_json(&text)) {
        None => {}
        Some(Err(error)) => found(schema_offset, Problem::Schema(error.to_string())),
        Some(Ok(schema)) => match check_agreement(header, &schema) {
            Err(damage) => found(schema_offset, damage.into()),
            Ok(()) => usable = Some(schema),
        },
    }
    let schema_end = schema_offset + u64::from(header.identity().schema_len.get());
    if !header.identity().is_all_known() {
        return Ok((findings, usable)); // What lies there may belong to a newer feature.
    }
    for gap in [SCHEMA_OFFSET..schema_offset, schema_end..header.geometry().data_start()] {
        findings.extend(first_nonzero(file, gap)?);
    }
    Ok((findings, usable))
}

fn first_nonzero(file: &StoreFile, gap: std::ops::Range<u64>) -> Result<Option<Finding>> {
    let mut block = vec![0; 1 << 16];
    let mut offset = gap.start;
    while offset < gap.end {
        let size = (gap.end - offset).min(block.len() as u64) as usize;
        let count = file.read(offset, &mut block[..size])?;
        if let Err(damage) = check_zeros("schema padding", offset, &block[..count]) {
            let Corruption::NotZero { offset, .. } = damage else { return Ok(None) };
            return Ok(Some(Problem::from(damage).found_at(offset)));
        }
        if count < size {
            break; // The file ends here; the scan of the slots says so.
        }
        offset += size as u64;
    }
    Ok(None)
}
