//! What a store's schema demands of writes, beyond what each record must be by itself.

use zerocopy::IntoBytes;

use super::RawStore;
use crate::error::{Error, Result};
use crate::format::geometry::SlotIndex;
use crate::format::slot::State;
use crate::schema::{ByteOrder, Schema, SortKey};

/// The rules of a store that has some.
#[derive(Debug)]
pub(super) struct Rules {
    is_append_only: bool,
    sort_key: Option<SortKey>,
    order: ByteOrder,
    /// The last record, and its key, in bytes that compare as keys do, if that is known. What is
    /// taken back is forgotten when it is; an appender that is dropped within a transaction tells
    /// nobody, but what it appended stands at or behind the place for which the next record is
    /// meant.
    last: Option<(u64, Vec<u8>)>,
    /// The one before it, for when that is removed.
    before: Option<(u64, Vec<u8>)>,
    /// The key of a record that is not yet stored.
    new: Vec<u8>,
    /// A record of another store after which the first one of this store has to stand; its key.
    predecessor: Option<(Vec<u64>, Vec<u8>)>,
}

impl Rules {
    /// The rules of a schema, if it has some.
    pub(super) fn of(schema: &Schema, order: ByteOrder) -> Option<Box<Self>> {
        let (is_append_only, sort_key) = (schema.is_append_only(), schema.sort_key().cloned());
        let has_some = is_append_only || sort_key.is_some();
        let (last, before, new, predecessor) = (None, None, Vec::new(), None);
        let rules = Self { is_append_only, sort_key, order, last, before, new, predecessor };
        has_some.then(|| Box::new(rules))
    }
}

impl RawStore {
    /// Sees that a record may stand at an index at which it is to be appended.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfOrder`]; [`Error::Corrupt`] if the record before it cannot be read.
    pub(super) fn check_append(&mut self, index: u64, area: &[u64]) -> Result<()> {
        let Some(mut rules) = self.rules.take() else { return Ok(()) };
        let result = self.check_order(&mut rules, index, area);
        self.rules = Some(rules);
        result
    }

    fn check_order(&self, rules: &mut Rules, index: u64, area: &[u64]) -> Result<()> {
        let Rules { sort_key: Some(sort_key), order, last, before, new, predecessor, .. } = rules
        else {
            return Ok(());
        };
        if last.as_ref().is_none_or(|(last, _)| *last >= index) {
            (*last, *before) = (self.last_key(sort_key, *order, index)?, None);
        }
        new.clear();
        sort_key.write(*order, area.as_bytes(), new);
        let before = match (last, predecessor) {
            (Some((_, key)), _) if *new >= *key => return Ok(()),
            (Some((last, _)), _) => {
                let mut before = vec![0; area.len()];
                // What this process has just put beyond `len` is there as well.
                let _ = self.slots.read_unverified(SlotIndex::new(*last), &mut before);
                if let Some(slot) = self.overlaid(SlotIndex::new(*last)) {
                    before.copy_from_slice(&slot[..area.len()]);
                }
                before
            }
            (None, Some((_, key))) if *new >= *key => return Ok(()),
            (None, Some((area, _))) => area.clone(),
            (None, None) => return Ok(()),
        };
        let before = sort_key.text(*order, sort_key.value(before.as_bytes()));
        Err(out_of_order(sort_key, *order, index, area, format!("at least {before}")))
    }

    /// Says after which record of another store the first one of this store has to stand, where
    /// the schema says by what records ascend.
    pub(crate) fn go_on_after(&mut self, area: Vec<u64>) {
        let Some(rules) = &mut self.rules else { return };
        let Some(sort_key) = &rules.sort_key else { return };
        let mut key = Vec::new();
        sort_key.write(rules.order, area.as_bytes(), &mut key);
        rules.predecessor = Some((area, key));
    }

    /// Remembers the key of the record that was just appended.
    #[inline]
    pub(super) fn note_append(&mut self, index: u64) {
        if let Some(Rules { last, before, new, .. }) = self.rules.as_deref_mut() {
            let spare = std::mem::replace(before, last.take()).unwrap_or_default().1;
            *last = Some((index, std::mem::replace(new, spare)));
        }
    }

    /// The last record before an index, and its key.
    fn last_key(
        &self,
        sort_key: &SortKey,
        order: ByteOrder,
        index: u64,
    ) -> Result<Option<(u64, Vec<u8>)>> {
        let mut area = vec![0; self.slots.area_words()];
        for index in (0..index).rev() {
            let (tag, _) = self.read(index.into(), &mut area)?;
            if tag.state() == State::Live {
                let mut key = Vec::new();
                sort_key.write(order, area.as_bytes(), &mut key);
                return Ok(Some((index, key)));
            }
        }
        Ok(None)
    }

    /// Sees that a record may take another one's place.
    ///
    /// # Errors
    ///
    /// [`Error::AppendOnly`], [`Error::OutOfOrder`]
    pub(super) fn check_replacement(
        &self,
        index: SlotIndex,
        old: &[u64],
        new: &[u64],
    ) -> Result<()> {
        self.check_can_change()?;
        let Some(&Rules { sort_key: Some(ref sort_key), order, .. }) = self.rules.as_deref() else {
            return Ok(());
        };
        let key_of = |area: &[u64]| {
            let mut key = Vec::new();
            sort_key.write(order, area.as_bytes(), &mut key);
            key
        };
        if key_of(old) == key_of(new) {
            return Ok(());
        }
        let old = sort_key.text(order, sort_key.value(old.as_bytes()));
        let expected = format!("{old}, which an update keeps,");
        Err(out_of_order(sort_key, order, index.get(), new, expected))
    }

    /// Sees that records may be changed and removed.
    ///
    /// # Errors
    ///
    /// [`Error::AppendOnly`]
    pub(super) fn check_can_change(&self) -> Result<()> {
        match &self.rules {
            Some(rules) if rules.is_append_only => {
                Err(Error::AppendOnly { path: self.path().to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// This record is no longer the last one, or the one before it: it is removed.
    pub(super) fn note_removal(&mut self, index: SlotIndex) {
        let Some(Rules { last, before, .. }) = self.rules.as_deref_mut() else { return };
        let is_it = |record: &Option<(u64, Vec<u8>)>| {
            record.as_ref().is_some_and(|(record, _)| *record == index.get())
        };
        if is_it(last) {
            *last = before.take();
        } else if is_it(before) {
            *before = None;
        }
    }

    /// Forgets which record is the last one: something was taken back.
    pub(super) fn forget_last(&mut self) {
        if let Some(rules) = &mut self.rules {
            (rules.last, rules.before) = (None, None);
        }
    }
}

#[cold]
fn out_of_order(
    sort_key: &SortKey,
    order: ByteOrder,
    index: u64,
    area: &[u64],
    expected: String,
) -> Error {
    Error::OutOfOrder {
        index: SlotIndex::new(index),
        field: sort_key.path().to_owned(),
        expected,
        actual: sort_key.text(order, sort_key.value(area.as_bytes())),
    }
}
