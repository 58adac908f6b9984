//! Damaged records, each byte beside what it means, with what is suspicious marked.

use std::fmt::{self, Write};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use stridedb::format::slot::Tag;
use stridedb::schema::{ByteOrder, Invalid};
use stridedb::{Finding, Problem, SlotDump, VerifyReport};

use super::escape::Escaped;
use crate::cli::codec::{CellWriter, Column, columns};
use crate::cli::slot_bytes::{BYTES_PER_LINE, SlotBytes, What, value_text};

/// So many records are shown, one of each finding, and so many of a class.
const RECORDS_MAX: usize = 20;
const RECORDS_OF_CLASS_MAX: usize = 4;
/// So many of them are unfolded.
const OPEN_MAX: usize = 3;
/// So many lines of a record, beside those with marks.
const LINES_MAX: usize = 48;

/// Shows one record of each of the first findings about slots that can be read.
pub(super) fn write(
    out: &mut String,
    file: &File,
    report: &VerifyReport,
    order: ByteOrder,
) -> fmt::Result {
    let columns = report.schema.as_ref().map(columns).unwrap_or_default();
    let is_shown = |finding: &&Finding| match finding.problem {
        Problem::Unreadable { .. } => false,
        Problem::Record { .. } | Problem::OutOfOrder { .. } => true,
        _ => finding.class().is_lost_slot(),
    };
    let mut classes = Vec::new();
    let mut is_news = |finding: &&Finding| {
        classes.push(finding.class());
        let of_class = classes.iter().filter(|class| **class == finding.class());
        of_class.count() <= RECORDS_OF_CLASS_MAX
    };
    let findings = report.findings.iter().filter(|f| is_shown(f) && is_news(f));
    for (position, finding) in findings.take(RECORDS_MAX).enumerate() {
        // What the file does not have cannot be shown.
        if let Some(Ok(dump)) = finding.slot.map(|slot| read(file, report, slot.get())) {
            let open = if position < OPEN_MAX { " open" } else { "" };
            let (class, slot) = (finding.class(), dump.index);
            writeln!(out, "<details{open}><summary>slot {slot}: {class}</summary>")?;
            Record { finding, dump: &dump, columns: &columns, order }.write(out)?;
            writeln!(out, "</details>")?;
        }
    }
    Ok(())
}

/// Reads a slot as it stands in the file, whatever else is wrong with that.
fn read(file: &File, report: &VerifyReport, slot: u64) -> io::Result<SlotDump> {
    let too_far = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let distance = slot.checked_mul(report.stride.into()).ok_or_else(too_far)?;
    let offset = report.data_start.checked_add(distance).ok_or_else(too_far)?;
    let mut area = vec![0; report.stride as usize];
    file.read_exact_at(&mut area, offset)?;
    let trailer = area.split_off(area.len().saturating_sub(8));
    let word = |at: usize| {
        let bytes = trailer.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u32::from_le_bytes(bytes.unwrap_or_default())
    };
    Ok(SlotDump {
        index: slot.into(),
        offset,
        area,
        stored_checksum: word(0),
        computed_checksum: 0, // Nobody asks here.
        tag: Tag::from_bits(word(4)),
    })
}

struct Record<'a> {
    finding: &'a Finding,
    dump: &'a SlotDump,
    columns: &'a [Column],
    order: ByteOrder,
}

impl Record<'_> {
    fn write(&self, out: &mut String) -> fmt::Result {
        let slot = self.dump.index;
        writeln!(out, "<p>{}</p>", Escaped(&self.finding.problem))?;
        if self.finding.slot_count > 1 {
            let last = slot.get() + (self.finding.slot_count - 1);
            writeln!(out, "<p class=\"dim\">Slots {slot} to {last} have the same.</p>")?;
        }
        if let Some(mended) = self.mended() {
            writeln!(out, "<p>{mended}</p>")?;
        }
        out.push_str("<div class=\"wide\"><table class=\"bytes\">\n");
        out.push_str("<tr><th>byte</th><th>hex</th><th>field</th><th>value</th></tr>\n");
        let slot = self.slot_bytes(self.dump);
        let marked = self.marked();
        let mut lines_left_out = 0;
        let mut lines = 0;
        for (range, what) in slot.parts() {
            for start in range.clone().step_by(BYTES_PER_LINE) {
                let line = start..range.end.min(start + BYTES_PER_LINE);
                let has_mark = line.clone().any(|byte| marked.contains(&byte));
                if lines >= LINES_MAX && !has_mark {
                    lines_left_out += 1;
                    continue;
                }
                lines += 1;
                let label = if start == range.start { Some(what) } else { None };
                self.write_line(out, &slot, line, label)?;
            }
        }
        out.push_str("</table></div>\n");
        if lines_left_out > 0 {
            writeln!(out, "<p class=\"dim\">{lines_left_out} more lines are left out.</p>")?;
        }
        Ok(())
    }

    fn write_line(
        &self,
        out: &mut String,
        slot: &SlotBytes<'_>,
        line: Range<usize>,
        what: Option<What<'_>>,
    ) -> fmt::Result {
        let marked = self.marked();
        write!(out, "<tr><td class=\"number\">{}</td><td class=\"hex\">", line.start)?;
        for (at, byte) in line.clone().zip(slot.bytes(&line).iter()) {
            let between = if at == line.start { "" } else { " " };
            match marked.contains(&at) {
                true => write!(out, "{between}<mark>{byte:02x}</mark>")?,
                false => write!(out, "{between}{byte:02x}")?,
            }
        }
        let name = what.map(|what| what.name()).unwrap_or_default();
        let value = match what {
            Some(What::Value(column)) => self.value(column),
            _ => String::new(),
        };
        let class = if matches!(what, Some(What::Value(_))) { "" } else { " class=\"dim\"" };
        writeln!(out, "</td><td{class}>{}</td><td>{}</td></tr>", Escaped(name), Escaped(value))
    }

    fn value(&self, column: &Column) -> String {
        let cell = CellWriter::new(column.clone(), self.order);
        value_text(&cell, &self.dump.area).unwrap_or_else(|invalid| invalid.reason.to_string())
    }

    fn slot_bytes<'d>(&'d self, dump: &'d SlotDump) -> SlotBytes<'d> {
        SlotBytes { dump, columns: self.columns, order: self.order }
    }

    /// The bytes of the slot that are likely to be wrong.
    fn marked(&self) -> Range<usize> {
        match &self.finding.problem {
            Problem::BitFlip { byte, .. } => *byte as usize..*byte as usize + 1,
            Problem::PartlyZero { start, end, .. } => *start as usize..*end as usize + 1,
            Problem::Record { source: Invalid { field, .. }, .. }
            | Problem::OutOfOrder { field, .. } => {
                let mut columns = self.columns.iter();
                let column = columns.find(|column| column.name() == *field);
                column.map_or(0..0, Column::range)
            }
            _ => 0..0,
        }
    }

    /// What the value would be without the flipped bit.
    fn mended(&self) -> Option<String> {
        let Problem::BitFlip { byte, bit, .. } = self.finding.problem else { return None };
        let mut mended = self.dump.clone();
        let flipped = mended.area.get_mut(byte as usize)?;
        *flipped ^= 1 << bit;
        let slot = self.slot_bytes(&mended);
        let mut columns = self.columns.iter();
        let column = columns.find(|column| column.range().contains(&(byte as usize)))?;
        Some(format!("With that bit flipped back: {}.", Escaped(slot.value(column))))
    }
}
