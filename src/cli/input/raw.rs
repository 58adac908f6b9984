//! Records as their bytes, back to back.

use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use stridedb::schema::{ByteOrder, Schema};

use super::{BadLine, Input, Records, Trouble};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::counted;

/// Reads records of the schema's size.
pub(crate) struct RawRecords {
    input: BufReader<Input>,
    name: String,
    schema: Schema,
    order: ByteOrder,
    offset: u64,
    /// How many records were read.
    count: u64,
    last: Vec<u8>,
}

impl RawRecords {
    /// Begins behind the first `offset` bytes of the input.
    pub(crate) fn open(
        path: &Path,
        input: Input,
        offset: u64,
        schema: &Schema,
        order: ByteOrder,
    ) -> Result<Self, Failure> {
        let mut input = BufReader::with_capacity(256 << 10, input);
        let skipped = io::copy(&mut input.by_ref().take(offset), &mut io::sink())
            .map_err(|error| Failure::io("read", path, &error))?;
        if skipped < offset {
            return Err(Failure::usage(format!(
                "--offset {offset} lies behind the end of {}, which has {}",
                super::name(path),
                counted(skipped, "byte")
            )));
        }
        let last = vec![0; schema.record_size() as usize];
        let name = super::name(path);
        Ok(Self { input, name, schema: schema.clone(), order, offset, count: 0, last })
    }

    fn cut_off(&self, size: usize) -> Failure {
        let name = &self.name;
        Failure::new(
            Exit::USAGE,
            format!(
                "{name}: the last record, after {}, has {}\n  expected: {}, the record size of the \
                 schema `{}`\n  try: another schema, or --offset if something stands before the \
                 records",
                counted(self.count, "whole one"),
                counted(size, "byte"),
                counted(self.last.len(), "byte"),
                self.schema.name(),
            ),
        )
    }
}

impl Records for RawRecords {
    fn next(&mut self, record: &mut [u8]) -> Result<bool, Trouble> {
        let mut size = 0;
        while size < self.last.len() {
            match self.input.read(&mut self.last[size..]) {
                Ok(0) => break,
                Ok(count) => size += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let failure = Failure::io("read", Path::new(&self.name), &error);
                    return Err(Trouble::Fatal(failure));
                }
            }
        }
        if size == 0 {
            return Ok(false);
        }
        if size < self.last.len() {
            return Err(Trouble::Fatal(self.cut_off(size)));
        }
        self.count += 1;
        record.copy_from_slice(&self.last);
        self.schema.check(self.order, record).map_err(|invalid| {
            BadLine::new(self.place(), invalid.to_string())
                .hint("another schema, or --offset if something stands before the records")
        })?;
        Ok(true)
    }

    fn place(&self) -> String {
        let size = u64::from(self.schema.record_size());
        let index = self.count.saturating_sub(1);
        let at = self.offset.saturating_add(index.saturating_mul(size));
        format!("record {index} at byte {at}")
    }

    fn write_line(&self, _is_first: bool, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.last)
    }

    fn bytes_read(&self) -> u64 {
        self.input.get_ref().total()
    }
}
