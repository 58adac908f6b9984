//! What is lost, kept for people to look at: lines of JSON, and bytes.

use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::plan::Plan;
use crate::error::Result;
use crate::format::Corruption;
use crate::format::geometry::{Geometry, SlotIndex, TRAILER_SIZE};
use crate::format::slot::Tag;
use crate::io::{Lock, NewFile};
use crate::schema::{ByteOrder, Schema};
use crate::value::Value;
use crate::verify::{Class, Problem};

/// How the names of the two files end.
pub(super) const LINES: &str = ".lost.jsonl";
pub(super) const BYTES: &str = ".lost.bin";
/// Written when there is so much.
const BUFFER_SIZE: usize = 1 << 18;

/// The two files, which get their names when they are complete.
pub(super) struct Quarantine<'p> {
    lines: Output,
    bytes: Output,
    schema: &'p Schema,
    byte_order: ByteOrder,
    geometry: Geometry,
    /// Slots that follow one another and hold nothing to keep, for the same reason.
    nothing: Option<(Range<u64>, Class, String)>,
}

struct Output {
    file: NewFile,
    path: PathBuf,
    position: u64,
    buffer: Vec<u8>,
}

impl<'p> Quarantine<'p> {
    /// Begins both files.
    pub(super) fn new(base: &Path, plan: &'p Plan) -> Result<Self> {
        let sources = &plan.sources;
        let mode = plan.file.mode()?;
        let header = &sources.header;
        let mut quarantine = Self {
            lines: Output::new(base, LINES, mode)?,
            bytes: Output::new(base, BYTES, mode)?,
            schema: &sources.schema,
            byte_order: header.byte_order().unwrap_or(ByteOrder::NATIVE),
            geometry: *header.geometry(),
            nothing: None,
        };
        let id: String =
            header.identity().store_id.iter().map(|byte| format!("{byte:02x}")).collect();
        quarantine.line(&json!({
            "stridedb": "lost", "version": 1,
            "file": plan.path().display().to_string(), "store_id": id,
            "schema": sources.schema.name(), "len": sources.meta.len,
            "data_start": quarantine.geometry.data_start(), "stride": quarantine.geometry.stride(),
        }))?;
        for loss in plan.losses() {
            quarantine.line(&json!({ "loss": loss.to_string() }))?;
        }
        Ok(quarantine)
    }

    /// Keeps what stands in a slot whose record is lost.
    pub(super) fn note(
        &mut self,
        index: u64,
        slot: Option<&[u8]>,
        problem: &Problem,
    ) -> Result<()> {
        let is_empty = matches!(problem, Problem::Corruption(Corruption::SlotEmpty { .. }))
            && slot.is_some_and(|slot| slot.iter().all(|&byte| byte == 0));
        let Some(slot) = slot.filter(|_| !is_empty) else {
            return self.note_nothing(index, problem);
        };
        self.end_of_nothing()?;
        let offset = self.offset(index);
        let (area, trailer) = slot.split_at(slot.len() - TRAILER_SIZE);
        let word = |at: usize| {
            trailer[at..].first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes))
        };
        let (checksum, tag) = (word(0), Tag::from_bits(word(4)));
        let mut line = json!({
            "slot": index, "offset": offset, "class": problem.class().name(),
            "problem": problem.to_string(),
            "checksum": format!("{checksum:#010x}"), "tag": format!("{:#010x}", tag.bits()),
            "state": tag.to_string(), "generation": tag.generation(),
            "bytes_at": self.bytes.position + 16,
            "record": self.fields(area),
        });
        if let Problem::BitFlip { byte, bit, .. } = *problem {
            let mut area = area.to_vec();
            if let (Some(byte), Some(line)) = (area.get_mut(byte as usize), line.as_object_mut()) {
                *byte ^= 1 << bit;
                let fields = self.fields(&area);
                line.insert("record_with_the_bit_flipped_back".to_owned(), fields);
            }
        }
        self.line(&line)?;
        self.keep(index, slot)
    }

    /// Keeps a whole record that stands behind the last slot.
    pub(super) fn note_behind_the_end(&mut self, index: u64, slot: &[u8]) -> Result<()> {
        self.end_of_nothing()?;
        let line = json!({
            "slot": index, "offset": self.offset(index), "class": "behind the end",
            "bytes_at": self.bytes.position + 16,
            "record": self.fields(&slot[..slot.len() - TRAILER_SIZE]),
        });
        self.line(&line)?;
        self.keep(index, slot)
    }

    fn keep(&mut self, index: u64, slot: &[u8]) -> Result<()> {
        self.bytes.write(&self.offset(index).to_le_bytes())?;
        self.bytes.write(&(slot.len() as u64).to_le_bytes())?;
        self.bytes.write(slot)
    }

    fn note_nothing(&mut self, index: u64, problem: &Problem) -> Result<()> {
        let (class, why) = (
            problem.class(),
            match problem {
                Problem::Unreadable { reason, .. } => reason.clone(),
                _ => String::new(),
            },
        );
        if let Some((slots, last_class, last_why)) = &mut self.nothing {
            if slots.end == index && *last_class == class && *last_why == why {
                slots.end += 1;
                return Ok(());
            }
        }
        self.end_of_nothing()?;
        self.nothing = Some((index..index + 1, class, why));
        Ok(())
    }

    fn end_of_nothing(&mut self) -> Result<()> {
        let Some((slots, class, why)) = self.nothing.take() else { return Ok(()) };
        let mut line = json!({
            "slots": [slots.start, slots.end - 1], "offset": self.offset(slots.start),
            "class": class.name(),
        });
        if let (false, Some(line)) = (why.is_empty(), line.as_object_mut()) {
            line.insert("problem".to_owned(), why.into());
        }
        self.line(&line)
    }

    /// Gives both files their names; these.
    pub(super) fn publish(mut self) -> Result<(PathBuf, PathBuf)> {
        self.end_of_nothing()?;
        Ok((self.lines.publish()?, self.bytes.publish()?))
    }

    fn line(&mut self, line: &Json) -> Result<()> {
        self.lines.write(format!("{line}\n").as_bytes())
    }

    fn offset(&self, index: u64) -> u64 {
        self.geometry.slot_offset(SlotIndex::new(index)).unwrap_or(u64::MAX)
    }

    /// The fields of a record, each for itself, as far as they are values.
    fn fields(&self, area: &[u8]) -> Json {
        let fields = self.schema.fields().iter().filter(|field| !field.is_padding());
        let decode = |field: &crate::schema::Field| {
            let start = field.offset as usize;
            let bytes = area.get(start..start + field.ty.size() as usize).unwrap_or_default();
            let value = match Value::decode(field, self.byte_order, bytes) {
                Ok(value) => json_of(&value),
                Err(invalid) => json!({ "invalid": invalid.to_string() }),
            };
            (field.name.clone(), value)
        };
        Json::Object(fields.map(decode).collect::<Map<_, _>>())
    }
}

/// A value as JSON has it; what JSON has no numbers for is text.
fn json_of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => match (u64::try_from(*number), i64::try_from(*number)) {
            (Ok(number), _) => number.into(),
            (_, Ok(number)) => number.into(),
            _ => number.to_string().into(),
        },
        Value::Float(number) if number.is_finite() => (*number).into(),
        Value::Bool(truth) => (*truth).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(values) => values.iter().map(json_of).collect(),
        Value::Record(fields) => Json::Object(
            fields.iter().map(|(name, value)| (name.to_string(), json_of(value))).collect(),
        ),
        other => other.to_string().into(),
    }
}

impl Output {
    fn new(base: &Path, extension: &str, mode: u32) -> Result<Self> {
        let mut path = OsString::from(base);
        path.push(extension);
        let path = PathBuf::from(path);
        Ok(Self { file: NewFile::new(&path, mode)?, path, position: 0, buffer: Vec::new() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        self.position += bytes.len() as u64;
        if self.buffer.len() >= BUFFER_SIZE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let start = self.position - self.buffer.len() as u64;
        self.file.file().write(start, &self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn publish(mut self) -> Result<PathBuf> {
        self.flush()?;
        self.file.file().sync_all()?;
        self.file.publish(Lock::Exclusive)?;
        Ok(self.path)
    }
}
