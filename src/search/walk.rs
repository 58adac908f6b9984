//! A piece of a store, searched in verified copies.

use std::ops::{ControlFlow, Range};

use super::filter::Filter;
use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::raw_store::{CopiedSlots, Run};
use crate::record::Area;
use crate::source::Source;

/// What was found in a piece of a store.
pub(super) struct Piece {
    /// The index of each record, or what stands in its place.
    found: Vec<(SlotIndex, Option<Box<Error>>)>,
    /// The bytes of those that are records, one after the other.
    bytes: Vec<u8>,
    record_size: usize,
}

impl Piece {
    /// Searches the slots with these indices, which lie below the length.
    pub(super) fn search(source: Source<'_>, indices: Range<u64>, filter: &Filter) -> Self {
        let record_size = source.geometry().record_size() as usize;
        let mut piece = Self { found: Vec::new(), bytes: Vec::new(), record_size };
        // Of an area whose size the compiler knows the copy and the sum need no loop.
        macro_rules! search_areas {
            ($($words:literal)*) => {
                match source.geometry().area_size() / 8 {
                    $($words => piece.search_areas::<[u64; $words]>(source, indices, filter),)*
                    _ => piece.search_one_by_one(source, indices, filter),
                }
            };
        }
        search_areas!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
        piece
    }

    /// Hands the records out, or what stands in their places.
    pub(super) fn hand_out<E>(
        self,
        visit: &mut impl FnMut(SlotIndex, Result<&[u8]>) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<()>, E> {
        let mut records = self.bytes.chunks_exact(self.record_size);
        for (index, error) in self.found {
            let record = match error {
                Some(error) => Err(*error),
                None => Ok(records.next().unwrap_or_default()),
            };
            if visit(index, record)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn search_areas<A: Area>(
        &mut self,
        source: Source<'_>,
        mut indices: Range<u64>,
        filter: &Filter,
    ) {
        let mut copies = CopiedSlots::<A>::new();
        while !indices.is_empty() {
            source.copy_out(Run(indices.clone()), &mut copies);
            let mask = filter.mask(copies.areas());
            if let (Some(mask), Some(live)) = (mask, copies.live()) {
                self.add_those(mask & live, indices.start, copies.areas(), filter);
                indices.start += copies.len() as u64;
                continue;
            }
            // A slot that is not there is asked for as well, and that is then an error.
            for position in 0..copies.len().max(1) {
                let Some(index) = indices.next() else { break };
                match copies.get(position, index.into()) {
                    Some(Some(area)) => self.judge(index, filter.record(area.as_bytes()), filter),
                    Some(None) => {}
                    None => self.search_one_by_one(source, index..index + 1, filter),
                }
            }
        }
    }

    /// Adds those of a block that have a bit.
    #[inline]
    fn add_those<A: Area>(&mut self, mut bits: u32, first: u64, areas: &[A], filter: &Filter) {
        while bits > 0 {
            let position = bits.trailing_zeros();
            self.add(
                first + u64::from(position),
                filter.record(areas[position as usize].as_bytes()),
            );
            bits &= bits - 1;
        }
    }

    #[cold]
    #[inline(never)]
    fn search_one_by_one(&mut self, source: Source<'_>, indices: Range<u64>, filter: &Filter) {
        let mut record = vec![0; self.record_size];
        for index in indices {
            match source.get(index.into(), &mut record) {
                Ok(true) => self.judge(index, &record, filter),
                Ok(false) => {}
                Err(error) => self.found.push((index.into(), Some(Box::new(error)))),
            }
        }
    }

    fn judge(&mut self, index: u64, record: &[u8], filter: &Filter) {
        match filter.matches(record) {
            Ok(false) => {}
            Ok(true) => self.add(index, record),
            Err(invalid) => {
                let (index, source) = (index.into(), Box::new(invalid));
                let error = Error::InvalidRecord { index, source };
                self.found.push((index, Some(Box::new(error))));
            }
        }
    }

    fn add(&mut self, index: u64, record: &[u8]) {
        self.found.push((index.into(), None));
        self.bytes.extend_from_slice(record);
    }
}
